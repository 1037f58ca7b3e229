//! The description of a fragment (`moof`): the samples of the video track that come with it.

use super::boxes::{child, children, number, version_and_flags, word};
use super::sample::Sample;
use crate::error::{ContainerError, damaged};

const NOT_A_KEYFRAME: u32 = 0x1_0000;

/// What the samples of a track have in common unless they say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Defaults {
    track_id: u32,
    description: u32,
    duration: u32,
    size: u32,
    flags: u32,
}

impl Defaults {
    /// Reads the body of `trex`.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        Some(Self {
            track_id: word(body, 4)?,
            description: word(body, 8)?,
            duration: word(body, 12)?,
            size: word(body, 16)?,
            flags: word(body, 20)?,
        })
    }
}

/// Fields that are there only if the flags say so.
struct Fields<'a> {
    body: &'a [u8],
    at: usize,
    flags: u32,
}

impl Fields<'_> {
    /// The next word.
    fn word(&mut self) -> Result<u32, ContainerError> {
        let value = word(self.body, self.at).ok_or(damaged("a fragment's description breaks off"))?;
        self.at += 4;
        Ok(value)
    }

    /// The next word, if it is there.
    fn word_if(&mut self, flag: u32) -> Result<Option<u32>, ContainerError> {
        if self.flags & flag == 0 { Ok(None) } else { self.word().map(Some) }
    }
}

/// Reads fragments one after the other.
#[derive(Debug)]
pub(super) struct Fragments {
    track_id: u32,
    defaults: Vec<Defaults>,
    most_samples: usize,
    /// Where the last fragment of the track ended, for one that does not say where it begins.
    pub(super) decoded_until: i64,
    /// Places in the file are those in the stream: nothing of it is missing.
    pub(super) is_whole: bool,
}

impl Fragments {
    pub(super) fn new(track_id: u32, defaults: Vec<Defaults>, most_samples: usize) -> Self {
        Self { track_id, defaults, most_samples, decoded_until: 0, is_whole: true }
    }

    /// Reads the body of a `moof` that begins at `start` in the file; returns the samples of the video
    /// track in decoding order.
    pub(super) fn read(&mut self, start: u64, body: &[u8]) -> Result<Vec<Sample>, ContainerError> {
        let mut samples = Vec::new();
        // Where data lies that does not say so: after that of the track before.
        let mut data_end = start;
        for (_, track) in children(body).filter(|(name, _)| name == b"traf") {
            data_end = self.read_track(start, data_end, track, &mut samples)?;
        }
        Ok(samples)
    }

    /// Reads the body of a `traf`; returns where its data ends.
    fn read_track(
        &mut self,
        start: u64,
        data_end: u64,
        track: &[u8],
        samples: &mut Vec<Sample>,
    ) -> Result<u64, ContainerError> {
        let incomplete = || damaged("a fragment's description is incomplete");
        let header = child(track, b"tfhd").ok_or_else(incomplete)?;
        let (_, flags) = version_and_flags(header).ok_or_else(incomplete)?;
        let track_id = word(header, 4).ok_or_else(incomplete)?;
        let defaults = self.defaults.iter().find(|defaults| defaults.track_id == track_id);
        let mut defaults = *defaults.ok_or(damaged("a fragment of a track that is not described"))?;

        let mut fields = Fields { body: header, at: 8, flags };
        let mut base = if flags & 0x2_0000 != 0 { start } else { data_end };
        if let Some(high) = fields.word_if(0x01)? {
            let stated = u64::from(high) << 32 | u64::from(fields.word()?);
            // Who states a place states that of the fragment.
            base = if self.is_whole { stated } else { start };
        }
        defaults.description = fields.word_if(0x02)?.unwrap_or(defaults.description);
        defaults.duration = fields.word_if(0x08)?.unwrap_or(defaults.duration);
        defaults.size = fields.word_if(0x10)?.unwrap_or(defaults.size);
        defaults.flags = fields.word_if(0x20)?.unwrap_or(defaults.flags);

        let is_wanted = track_id == self.track_id;
        if is_wanted && defaults.description != 1 {
            return Err(ContainerError::Unsupported { what: "a change of codec within a track" });
        }
        let mut run = Run { defaults, base, offset: base, decoded_at: self.start_of(track)? };
        for (_, body) in children(track).filter(|(name, _)| name == b"trun") {
            run.read(body, self.most_samples, is_wanted.then_some(&mut *samples))?;
        }
        if is_wanted {
            self.decoded_until = run.decoded_at;
        }
        Ok(run.offset)
    }

    /// When the first sample of a fragment is decoded.
    fn start_of(&self, track: &[u8]) -> Result<i64, ContainerError> {
        let Some(body) = child(track, b"tfdt") else { return Ok(self.decoded_until) };
        let wide = body.first() == Some(&1);
        let start = number(body, 4, if wide { 8 } else { 4 });
        start.and_then(|start| i64::try_from(start).ok()).ok_or(damaged("a fragment begins at no time"))
    }
}

/// The runs of a track within a fragment, each beginning where the last ended.
struct Run {
    defaults: Defaults,
    base: u64,
    offset: u64,
    decoded_at: i64,
}

impl Run {
    /// Reads the body of a `trun`; its samples are added to those of the video track if they belong there.
    fn read(
        &mut self,
        body: &[u8],
        most_samples: usize,
        mut samples: Option<&mut Vec<Sample>>,
    ) -> Result<(), ContainerError> {
        let (_, flags) = version_and_flags(body).ok_or(damaged("a fragment's description breaks off"))?;
        let mut fields = Fields { body, at: 4, flags };
        let count = fields.word()?;
        if let Some(offset) = fields.word_if(0x01)? {
            let offset = self.base.checked_add_signed(i64::from(offset as i32));
            self.offset = offset.ok_or(damaged("a sample has no place"))?;
        }
        let mut first_flags = fields.word_if(0x04)?;
        if samples.is_none() && flags & 0xf00 == 0 {
            // Samples without a description of their own: stating any number of them costs nothing.
            return self.pass(u64::from(count) * u64::from(self.defaults.size));
        }
        if flags & 0xf00 == 0 && self.defaults.size == 0 && count > 0 {
            return Err(damaged("the samples of a fragment have no size"));
        }
        let before = samples.as_ref().map_or(0, |samples| samples.len());
        if before.saturating_add(count as usize) > most_samples {
            return Err(damaged("a fragment has more samples than allowed"));
        }
        for _ in 0..count {
            let duration = fields.word_if(0x100)?.unwrap_or(self.defaults.duration);
            let size = fields.word_if(0x200)?.unwrap_or(self.defaults.size);
            let own_flags = fields.word_if(0x400)?;
            let flags = first_flags.take().or(own_flags).unwrap_or(self.defaults.flags);
            // Delays below 0 occur in both versions of the table.
            let delay = fields.word_if(0x800)?.unwrap_or(0) as i32;
            if let Some(samples) = &mut samples {
                let at = self.decoded_at.saturating_add(delay.into());
                let is_key = flags & NOT_A_KEYFRAME == 0;
                samples.push(Sample { offset: self.offset, size, at, duration, is_key });
            }
            self.decoded_at = self.decoded_at.saturating_add(duration.into());
            self.pass(size.into())?;
        }
        Ok(())
    }

    /// Steps over the data of samples.
    fn pass(&mut self, bytes: u64) -> Result<(), ContainerError> {
        self.offset = self.offset.checked_add(bytes).ok_or(damaged("a sample has no place"))?;
        Ok(())
    }
}
