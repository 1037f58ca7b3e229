//! The index of a whole movie (`stbl`), read sample by sample: stating many samples costs nothing.

use super::boxes::{child, number, word};
use super::sample::Sample;
use crate::error::{ContainerError, damaged};

/// Where samples are, when, and which of them are keyframes; yields them in decoding order.
#[derive(Debug)]
pub(super) struct SampleTable {
    sizes: Sizes,
    durations: Runs,
    /// How much later than decoded a sample is shown.
    delays: Runs,
    /// First chunk, samples per chunk, description: one row for each run of equal chunks.
    chunk_runs: Rows,
    chunks: Rows,
    /// Numbers of the keyframes, from 1; `None` if every sample is one.
    keys: Option<Rows>,
    next: u32,
    next_key: u32,
    decoded_at: i64,
    chunk: u32,
    chunk_run: u32,
    left_in_chunk: u32,
    offset: u64,
}

impl SampleTable {
    /// Reads the body of `stbl`.
    pub(super) fn read(index: &[u8]) -> Result<Self, ContainerError> {
        if child(index, b"stz2").is_some() {
            return Err(ContainerError::Unsupported { what: "an index with compact sizes" });
        }
        let rows = |name, width| match child(index, name) {
            Some(body) => Rows::read(body, 4, width).map(Some),
            None => Ok(None),
        };
        let chunks = match rows(b"stco", 4)? {
            Some(chunks) => Some(chunks),
            None => rows(b"co64", 8)?,
        };
        Ok(Self {
            sizes: child(index, b"stsz").map_or(Ok(Sizes::Equal { size: 0, count: 0 }), Sizes::read)?,
            durations: Runs::new(rows(b"stts", 8)?.unwrap_or_default()),
            delays: Runs::new(rows(b"ctts", 8)?.unwrap_or_default()),
            chunk_runs: rows(b"stsc", 12)?.unwrap_or_default(),
            chunks: chunks.unwrap_or_default(),
            keys: rows(b"stss", 4)?,
            next: 0,
            next_key: 0,
            decoded_at: 0,
            chunk: 0,
            chunk_run: 0,
            left_in_chunk: 0,
            offset: 0,
        })
    }

    /// The next sample in decoding order.
    pub(super) fn next(&mut self) -> Result<Option<Sample>, ContainerError> {
        if self.next >= self.sizes.count() {
            return Ok(None);
        }
        let size = self.sizes.get(self.next).ok_or(damaged("a sample has no size"))?;
        let duration = self.durations.next().ok_or(damaged("a sample has no time"))?;
        while self.left_in_chunk == 0 {
            self.enter_chunk()?;
        }
        let delay = self.delays.next().unwrap_or(0);
        let sample = Sample {
            offset: self.offset,
            size,
            // Delays below 0 occur in both versions of the table.
            at: self.decoded_at.saturating_add(i64::from(delay as i32)),
            duration,
            is_key: self.is_key(),
        };
        self.next += 1;
        self.left_in_chunk -= 1;
        self.decoded_at = self.decoded_at.saturating_add(duration.into());
        self.offset = self.offset.checked_add(size.into()).ok_or(damaged("a sample has no place"))?;
        Ok(Some(sample))
    }

    fn enter_chunk(&mut self) -> Result<(), ContainerError> {
        let nowhere = damaged("a sample has no place");
        let Some(offset) = self.chunks.whole(self.chunk) else { return Err(nowhere) };
        self.offset = offset;
        self.chunk += 1;
        // Chunks are numbered from 1.
        if self.chunk_runs.number(self.chunk_run + 1, 0) == Some(self.chunk) {
            self.chunk_run += 1;
        }
        let (Some(samples), Some(description)) =
            (self.chunk_runs.number(self.chunk_run, 4), self.chunk_runs.number(self.chunk_run, 8))
        else {
            return Err(nowhere);
        };
        if description != 1 {
            return Err(ContainerError::Unsupported { what: "a change of codec within a track" });
        }
        self.left_in_chunk = samples;
        Ok(())
    }

    fn is_key(&mut self) -> bool {
        let Some(keys) = &self.keys else { return true };
        let is_key = keys.number(self.next_key, 0) == Some(self.next + 1);
        self.next_key += u32::from(is_key);
        is_key
    }
}

/// Sizes of samples.
#[derive(Debug)]
enum Sizes {
    Equal { size: u32, count: u32 },
    Each(Rows),
}

impl Sizes {
    fn read(body: &[u8]) -> Result<Self, ContainerError> {
        let (Some(size), Some(count)) = (word(body, 4), word(body, 8)) else {
            return Err(damaged("the sizes of samples are missing"));
        };
        if size > 0 { Ok(Self::Equal { size, count }) } else { Ok(Self::Each(Rows::read(body, 8, 4)?)) }
    }

    fn count(&self) -> u32 {
        match self {
            Self::Equal { count, .. } => *count,
            Self::Each(rows) => rows.count,
        }
    }

    fn get(&self, index: u32) -> Option<u32> {
        match self {
            Self::Equal { size, .. } => Some(*size),
            Self::Each(rows) => rows.number(index, 0),
        }
    }
}

/// A table of rows of equal width.
#[derive(Debug, Default)]
struct Rows {
    bytes: Vec<u8>,
    width: usize,
    count: u32,
}

impl Rows {
    /// Reads a table whose number of rows stands at `at`, just before its rows.
    fn read(body: &[u8], at: usize, width: usize) -> Result<Self, ContainerError> {
        let too_short = damaged("a table of the index is shorter than it says");
        let Some(count) = word(body, at) else { return Err(too_short) };
        let end = (count as usize).checked_mul(width).and_then(|size| size.checked_add(at + 4));
        match end.and_then(|end| body.get(at + 4..end)) {
            Some(rows) => Ok(Self { bytes: rows.to_vec(), width, count }),
            None => Err(too_short),
        }
    }

    /// A number of 32 bits, `at` bytes into a row.
    fn number(&self, row: u32, at: usize) -> Option<u32> {
        word(self.row(row)?, at)
    }

    /// A whole row as one number.
    fn whole(&self, row: u32) -> Option<u64> {
        number(self.row(row)?, 0, self.width)
    }

    fn row(&self, row: u32) -> Option<&[u8]> {
        let start = (row as usize).checked_mul(self.width)?;
        self.bytes.get(start..start.checked_add(self.width)?).filter(|row| !row.is_empty())
    }
}

/// A table of values, each with the number of samples in a row that have it.
#[derive(Debug)]
struct Runs {
    rows: Rows,
    row: u32,
    used: u32,
}

impl Runs {
    fn new(rows: Rows) -> Self {
        Self { rows, row: 0, used: 0 }
    }

    /// The value of the next sample.
    fn next(&mut self) -> Option<u32> {
        while self.used >= self.rows.number(self.row, 0)? {
            self.row += 1;
            self.used = 0;
        }
        self.used += 1;
        self.rows.number(self.row, 4)
    }
}
