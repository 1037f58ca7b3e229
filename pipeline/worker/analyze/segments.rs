//! Cuts the samples of a file into segments: fixed stretches of media time.
//!
//! A file has no segments of its own; these stand for the ones a live stream is cut into, so that an
//! analysed file and a live session go through the same stages.

use domain::time::{Interval, MediaMs, Millis};

use crate::observer::Sample;

/// Gathers samples, in order of media time, until a segment is complete.
#[derive(Debug)]
pub struct Segmenter {
    length: Millis,
    gathered: Vec<Sample>,
    sequence: u64,
}

/// A complete segment, numbered from 0.
#[derive(Debug)]
pub struct Segment {
    /// Its number.
    pub sequence: u64,
    /// Its stretch of media time.
    pub interval: Interval,
    /// Its samples, in order.
    pub samples: Vec<Sample>,
}

impl Segmenter {
    /// Cuts every `length` of media time.
    pub fn new(length: Millis) -> Self {
        Self { length, gathered: Vec::new(), sequence: 0 }
    }

    /// Takes the next sample; returns the segment before it when the sample begins a new one.
    ///
    /// The decoder answers every instant of the grid, so no segment is ever skipped.
    pub fn push(&mut self, sample: Sample) -> Option<Segment> {
        let complete = (sample.instant >= self.interval().end).then(|| self.take(self.interval().end));
        self.gathered.push(sample);
        complete
    }

    /// The last segment, which ends with the media at `end`; `None` if nothing is left.
    pub fn finish(&mut self, end: MediaMs) -> Option<Segment> {
        (!self.gathered.is_empty()).then(|| self.take(end.min(self.interval().end)))
    }

    /// Whether no sample has come yet.
    pub fn is_fresh(&self) -> bool {
        self.sequence == 0 && self.gathered.is_empty()
    }

    /// The last instant that has come.
    pub fn reached(&self) -> MediaMs {
        self.gathered.last().map_or(self.interval().start, |sample| sample.instant)
    }

    /// The stretch that is being gathered.
    fn interval(&self) -> Interval {
        let start = MediaMs(self.length.0 * self.sequence as i64);
        Interval::new(start, start + self.length)
    }

    fn take(&mut self, end: MediaMs) -> Segment {
        let interval = Interval::new(self.interval().start, end);
        let segment =
            Segment { sequence: self.sequence, interval, samples: std::mem::take(&mut self.gathered) };
        self.sequence += 1;
        segment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_on_the_grid_and_ends_with_the_media() {
        let mut segmenter = Segmenter::new(Millis(2000));
        let mut segments: Vec<Segment> = (0..9)
            .filter_map(|index| segmenter.push(Sample { instant: MediaMs(index * 500), picture: None }))
            .collect();
        segments.extend(segmenter.finish(MediaMs(4300)));
        let cut: Vec<_> = segments
            .iter()
            .map(|segment| (segment.sequence, segment.interval.start.0, segment.interval.end.0))
            .collect();
        assert_eq!(cut, [(0, 0, 2000), (1, 2000, 4000), (2, 4000, 4300)]);
        assert_eq!(segments.iter().map(|segment| segment.samples.len()).collect::<Vec<_>>(), [4, 4, 1]);
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert!(Segmenter::new(Millis(2000)).finish(MediaMs(0)).is_none());
    }
}
