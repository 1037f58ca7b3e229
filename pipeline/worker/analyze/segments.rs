//! Cuts the samples of a file into segments: where `publish` would cut the file, so that an analysed file
//! and a live session go through the same stages in the same pieces and lead to the same score.
//!
//! Containers that cannot be cut without decoding (MPEG-TS, AVI, GIF), and whatever follows a damage that
//! only a decoder gets past, are cut into fixed stretches of media time.

use std::fs::File;

use container::{CutSettings, Limits, Segments};
use domain::time::{Interval, MediaMs, Millis};

use crate::observer::Sample;

/// Gathers samples, in order of media time, until a segment is complete.
pub struct Segmenter {
    length: Millis,
    borders: Box<dyn Iterator<Item = Interval>>,
    gathered: Vec<Sample>,
    /// The stretch that is being gathered.
    interval: Interval,
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
    /// Cuts at keyframes, once `length` has passed; every `length` where there is nothing to go by.
    pub fn of(media: File, length: Millis) -> Self {
        let settings = CutSettings { target: length, ..CutSettings::default() };
        match Segments::open(media, Limits::default(), settings) {
            Ok(segments) => Self::at(length, segments.map_while(|cut| Some(cut.ok()?.interval))),
            Err(_) => Self::at(length, std::iter::empty()),
        }
    }

    fn at(length: Millis, borders: impl Iterator<Item = Interval> + 'static) -> Self {
        let mut segmenter = Self {
            length,
            borders: Box::new(borders),
            gathered: Vec::new(),
            interval: Interval::new(MediaMs::ZERO, MediaMs::ZERO),
            sequence: 0,
        };
        segmenter.interval = segmenter.following();
        segmenter
    }

    /// Takes the next sample; returns the segments before it when it begins a new one.
    pub fn push(&mut self, sample: Sample) -> Vec<Segment> {
        let mut complete = Vec::new();
        while sample.time.planned >= self.interval.end {
            complete.push(self.take(self.interval.end));
        }
        self.gathered.push(sample);
        complete
    }

    /// The last segment, which ends with the media at `end`; `None` if nothing is left.
    pub fn finish(&mut self, end: MediaMs) -> Option<Segment> {
        let last = self.gathered.last()?.time.planned;
        // A picture without a duration stands at its own instant at least.
        Some(self.take(self.interval.end.min(end.max(last + Millis(1)))))
    }

    /// Whether no sample has come yet.
    pub fn is_fresh(&self) -> bool {
        self.sequence == 0 && self.gathered.is_empty()
    }

    /// The last instant that has come.
    pub fn reached(&self) -> MediaMs {
        self.gathered.last().map_or(self.interval.start, |sample| sample.time.planned)
    }

    fn take(&mut self, end: MediaMs) -> Segment {
        let interval = Interval::new(self.interval.start, end);
        let segment =
            Segment { sequence: self.sequence, interval, samples: std::mem::take(&mut self.gathered) };
        self.sequence += 1;
        self.interval = self.following();
        segment
    }

    /// The stretch after the present one.
    fn following(&mut self) -> Interval {
        let start = self.interval.end;
        let border = self.borders.next().map(|cut| cut.end).filter(|end| *end > start);
        Interval::new(start, border.unwrap_or(start + self.length))
    }
}

#[cfg(test)]
mod tests {
    use domain::ports::SampleTime;

    use super::*;

    fn cut(
        mut segmenter: Segmenter,
        instants: impl Iterator<Item = i64>,
        end: i64,
    ) -> Vec<(i64, i64, usize)> {
        let mut segments: Vec<Segment> = instants
            .flat_map(|instant| {
                let time = SampleTime::exactly(MediaMs(instant));
                segmenter.push(Sample { time, picture: None })
            })
            .collect();
        segments.extend(segmenter.finish(MediaMs(end)));
        assert!(segments.iter().enumerate().all(|(index, segment)| segment.sequence == index as u64));
        let told =
            |segment: &Segment| (segment.interval.start.0, segment.interval.end.0, segment.samples.len());
        segments.iter().map(told).collect()
    }

    #[test]
    fn cuts_where_it_is_told_then_on_a_grid_and_ends_with_the_media() {
        let borders = [(0, 2100), (2100, 4500)];
        let borders = borders.map(|(start, end)| Interval::new(MediaMs(start), MediaMs(end)));
        let segmenter = Segmenter::at(Millis(2000), borders.into_iter());
        let segments = cut(segmenter, (0..15).map(|index| index * 500), 7300);
        assert_eq!(segments, [(0, 2100, 5), (2100, 4500, 4), (4500, 6500, 4), (6500, 7300, 2)]);
    }

    #[test]
    fn a_segment_without_a_sample_keeps_its_number_and_a_last_instant_its_place() {
        let borders = [(0, 100), (100, 400)];
        let borders = borders.map(|(start, end)| Interval::new(MediaMs(start), MediaMs(end)));
        let segmenter = Segmenter::at(Millis(1000), borders.into_iter());
        assert_eq!(cut(segmenter, [0, 500].into_iter(), 500), [(0, 100, 1), (100, 400, 0), (400, 501, 1)]);
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert!(Segmenter::at(Millis(2000), std::iter::empty()).finish(MediaMs(0)).is_none());
    }
}
