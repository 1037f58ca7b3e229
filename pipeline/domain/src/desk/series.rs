//! What was measured over a session, for plots: a bin per step of media time, a few bytes each.
//!
//! The step is 1 s and doubles whenever a session outgrows [`MOST_BINS`] bins, so that memory is bounded
//! however long it lasts: 1 s up to 68 minutes, 2 s up to 2 h 16 min, 16 s at 12 hours. Bins are joined so
//! that nothing that stands out is lost: of faces and persons the most, of angles and gaze the one furthest
//! from straight, of luma the darkest. So a second person of one second stays visible in a bin of a minute.
//! Joining knows no order: when bins were joined makes no difference.
//! What was not seen is kept elsewhere, exactly ([`unseen`](super::unseen)).

use serde::{Deserialize, Serialize};

use crate::messages::{FaceObservation, FrameObservation, SampleStatus};
use crate::time::{MediaMs, Millis};

/// Most bins of a session.
pub(super) const MOST_BINS: usize = 4096;
/// Width of a bin at first.
const FIRST_STEP: Millis = Millis(1000);
/// Gaze is kept in steps of this fraction of an eye width.
const GAZE_STEPS: f32 = 200.0;
/// Counts above are kept as this.
const MOST_COUNTED: u64 = 14;

/// What was measured within a step. `None` is not known, never 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bin {
    /// Most faces in a picture.
    pub faces: Option<u8>,
    /// Most persons in a picture that was searched for them.
    pub persons: Option<u8>,
    /// Yaw of the largest face furthest from 0, degrees.
    pub yaw: Option<i8>,
    /// Pitch, in the same way.
    pub pitch: Option<i8>,
    /// Iris offset to the side, in the same way, two-hundredths of an eye width.
    pub gaze_yaw: Option<i8>,
    /// Iris offset upwards, in the same way.
    pub gaze_pitch: Option<i8>,
    /// The darkest middle between the 10th and the 90th percentile of luma.
    pub luma: Option<u8>,
}

impl Bin {
    /// What one sample says.
    pub fn of(frame: &FrameObservation) -> Self {
        let luma = frame.quality.as_ref().map(|quality| {
            let middle = u16::midpoint(quality.luma_p10.into(), quality.luma_p90.into());
            u8::try_from(middle).unwrap_or(u8::MAX)
        });
        if frame.status != SampleStatus::Seen {
            return Self { luma, ..Self::default() };
        }
        let face = frame.faces.first();
        let angle = |get: fn(&FaceObservation) -> Option<f32>, scale| quantised(face.and_then(get), scale);
        Self {
            faces: Some(count(frame.faces.len())),
            persons: frame.persons.as_ref().map(|persons| count(persons.len())),
            yaw: angle(|face| face.yaw, 1.0),
            pitch: angle(|face| face.pitch, 1.0),
            gaze_yaw: angle(|face| face.gaze_yaw, GAZE_STEPS),
            gaze_pitch: angle(|face| face.gaze_pitch, GAZE_STEPS),
            luma,
        }
    }

    /// Both together.
    fn joined(self, other: Self) -> Self {
        let darkest = match (self.luma, other.luma) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        Self {
            faces: self.faces.max(other.faces),
            persons: self.persons.max(other.persons),
            yaw: furthest(self.yaw, other.yaw),
            pitch: furthest(self.pitch, other.pitch),
            gaze_yaw: furthest(self.gaze_yaw, other.gaze_yaw),
            gaze_pitch: furthest(self.gaze_pitch, other.gaze_pitch),
            luma: darkest,
        }
    }

    /// Eye widths, from the steps that are kept.
    pub fn eye_widths(steps: i8) -> f64 {
        f64::from(steps) / f64::from(GAZE_STEPS)
    }

    /// As 48 bits; 0 stands for "not known" in each field.
    fn packed(self) -> u64 {
        let count = |number: Option<u8>| number.map_or(0, |number| u64::from(number) + 1);
        let signed = |value: Option<i8>| value.map_or(0, |value| (i64::from(value) + 128) as u64);
        let luma = self.luma.map_or(0, |luma| u64::from(luma.min(254)) + 1);
        let bytes = [self.yaw, self.pitch, self.gaze_yaw, self.gaze_pitch].map(signed);
        let angles = bytes
            .into_iter()
            .fold(count(self.faces) << 4 | count(self.persons), |bits, byte| bits << 8 | byte);
        angles << 8 | luma
    }

    fn unpacked(bits: u64) -> Self {
        let byte = |index: u32| (bits >> (8 * index) & 0xff) as u8;
        let count = |nibble: u8| nibble.checked_sub(1);
        let signed = |byte: u8| (byte != 0).then(|| (i16::from(byte) - 128) as i8);
        Self {
            faces: count(byte(5) >> 4),
            persons: count(byte(5) & 15),
            yaw: signed(byte(4)),
            pitch: signed(byte(3)),
            gaze_yaw: signed(byte(2)),
            gaze_pitch: signed(byte(1)),
            luma: byte(0).checked_sub(1),
        }
    }
}

fn count(number: usize) -> u8 {
    number.min(MOST_COUNTED as usize) as u8
}

fn quantised(value: Option<f32>, scale: f32) -> Option<i8> {
    let value = value.filter(|value| value.is_finite())?;
    Some((value * scale).round().clamp(-127.0, 127.0) as i8)
}

/// The one further from 0; of two as far, the positive one.
fn furthest(one: Option<i8>, two: Option<i8>) -> Option<i8> {
    one.into_iter().chain(two).max_by_key(|value| (value.unsigned_abs(), *value))
}

/// The bins of a session, from media time 0 on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Series {
    step: Millis,
    /// [`Bin::packed`].
    #[serde(with = "digits")]
    bins: Vec<u64>,
}

impl Default for Series {
    fn default() -> Self {
        Self { step: FIRST_STEP, bins: Vec::new() }
    }
}

impl Series {
    /// Takes a sample in.
    pub fn add(&mut self, at: MediaMs, bin: Bin) {
        let at = at.0.max(0);
        while at / self.step.0 >= MOST_BINS as i64 {
            self.coarsen();
        }
        let index = (at / self.step.0) as usize;
        if self.bins.len() <= index {
            self.bins.resize(index + 1, 0);
        }
        self.bins[index] = Bin::unpacked(self.bins[index]).joined(bin).packed();
    }

    fn coarsen(&mut self) {
        let join =
            |pair: &[u64]| pair.iter().fold(Bin::default(), |all, bits| all.joined(Bin::unpacked(*bits)));
        self.bins = self.bins.chunks(2).map(|pair| join(pair).packed()).collect();
        self.step = Millis(self.step.0 * 2);
    }

    /// The step in which a window is shown so that it takes at most `points` bins.
    pub fn step_for(&self, from: MediaMs, to: MediaMs, points: usize) -> Millis {
        let most = points.clamp(1, MOST_BINS) as i64;
        let mut step = self.step.0;
        while (to.0 - 1).div_euclid(step) - from.0.div_euclid(step) >= most {
            step *= 2;
        }
        Millis(step)
    }

    /// The bins of `step` (which [`Self::step_for`] gave) that begin at `start`, joined.
    pub fn bin(&self, start: MediaMs, step: Millis) -> Bin {
        let first = usize::try_from(start.0 / self.step.0).unwrap_or(0).min(self.bins.len());
        let count = usize::try_from(step.0 / self.step.0).unwrap_or(1);
        let bins = self.bins[first..].iter().take(count);
        bins.fold(Bin::default(), |all, bits| all.joined(Bin::unpacked(*bits)))
    }
}

/// Bins as text, eight digits each (`serde(with)`).
mod digits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /// The value of each digit; 64 and above for what is none.
    const VALUES: [u8; 256] = {
        let mut values = [u8::MAX; 256];
        let mut value = 0;
        while value < DIGITS.len() {
            values[DIGITS[value] as usize] = value as u8;
            value += 1;
        }
        values
    };

    pub fn serialize<S: Serializer>(bins: &[u64], out: S) -> Result<S::Ok, S::Error> {
        let digit = |bits: u64, place: u32| char::from(DIGITS[(bits >> (6 * place) & 63) as usize]);
        let text: String =
            bins.iter().flat_map(|bits| (0..8).rev().map(move |place| digit(*bits, place))).collect();
        text.serialize(out)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<u64>, D::Error> {
        let text = String::deserialize(input)?;
        let value = |digit: &u8| Some(VALUES[usize::from(*digit)]).filter(|value| *value < 64).map(u64::from);
        let bin = |digits: &[u8]| digits.iter().try_fold(0, |bits, digit| Some(bits << 6 | value(digit)?));
        let bins = text.as_bytes().chunks(8).map(|digits| bin(digits).filter(|_| digits.len() == 8));
        bins.collect::<Option<_>>().ok_or_else(|| de::Error::custom("bins are eight digits each"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bins() -> impl Strategy<Value = Bin> {
        let counts = (prop::option::of(0u8..=14), prop::option::of(0u8..=14));
        let angle = || prop::option::of(-127i8..=127);
        (counts, angle(), angle(), angle(), angle(), prop::option::of(0u8..=254)).prop_map(
            |((faces, persons), yaw, pitch, gaze_yaw, gaze_pitch, luma)| Bin {
                faces,
                persons,
                yaw,
                pitch,
                gaze_yaw,
                gaze_pitch,
                luma,
            },
        )
    }

    fn series(samples: &[(i64, Bin)]) -> Series {
        let mut series = Series::default();
        for (at, bin) in samples {
            series.add(MediaMs(*at), *bin);
        }
        series
    }

    proptest! {
        #[test]
        fn bins_keep_what_they_hold(bin in bins()) {
            prop_assert_eq!(Bin::unpacked(bin.packed()), bin);
            prop_assert!(bin.packed() < 1 << 48);
        }

        #[test]
        fn the_order_of_samples_makes_no_difference(
            samples in prop::collection::vec((0i64..40_000_000, bins()), 0..20), seed in any::<u64>()
        ) {
            let mut shuffled = samples.clone();
            shuffled.sort_by_key(|(at, _)| (*at as u64).wrapping_mul(seed | 1));
            prop_assert_eq!(series(&samples), series(&shuffled));
        }

        #[test]
        fn nothing_that_stands_out_is_lost(
            samples in prop::collection::vec((0i64..40_000_000, bins()), 1..20), points in 1usize..50
        ) {
            let series = series(&samples);
            let (from, to) = (MediaMs(0), MediaMs(40_000_000));
            let step = series.step_for(from, to, points);
            prop_assert!((to.0 - 1) / step.0 < points as i64);
            for (at, sample) in samples {
                let shown = series.bin(MediaMs(at / step.0 * step.0), step);
                prop_assert!(shown.faces >= sample.faces && shown.persons >= sample.persons);
                let size = |angle: Option<i8>| angle.map(i8::unsigned_abs);
                prop_assert!(size(shown.yaw) >= size(sample.yaw));
                prop_assert!(size(shown.gaze_pitch) >= size(sample.gaze_pitch));
                prop_assert!(sample.luma.is_none() || shown.luma <= sample.luma);
            }
            let text = serde_json::to_string(&series).unwrap();
            prop_assert_eq!(serde_json::from_str::<Series>(&text).unwrap(), series);
        }
    }

    #[test]
    fn twelve_hours_fit() {
        let mut series = Series::default();
        for second in 0..12 * 3600 {
            series.add(MediaMs(second * 1000), Bin { faces: Some(1), ..Bin::default() });
        }
        assert_eq!(series.step, Millis(16_000));
        assert!(series.bins.len() <= MOST_BINS);
        assert!(serde_json::to_string(&series).unwrap().len() <= MOST_BINS * 8 + 40);
    }

    #[test]
    fn text_that_is_none_is_refused() {
        for bins in ["A", "AAAAAAA=", "AAAAAAAAA"] {
            assert!(serde_json::from_str::<Series>(&format!(r#"{{"step":1000,"bins":"{bins}"}}"#)).is_err());
        }
    }
}
