//! Judges a file by observations that were made before, by another run or another program.
//!
//! The file is decoded only to learn how long it is: what the observations leave out counts as not seen.
//! Everything behind the observations is what [`Analyzer`](super::Analyzer) does. Looks at no picture.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use decode::{DecodeError, DecodeEvent, DecoderPool, SamplingPlan};
use domain::messages::Observation;
use domain::time::{Interval, MediaMs, Millis};

use super::ended::Ended;
use super::judge::Judge;
use super::{AnalyzeError, Analyzed, FileSession, Finding, JudgedBy, expected};

/// Judges files, one at a time, by what others saw in them.
#[derive(Debug)]
pub struct RecordedAnalyzer {
    /// Decodes.
    pub decoder: DecoderPool,
    /// Judges.
    pub judged_by: JudgedBy,
    /// How far pictures may be apart without a hole between them.
    pub hold: Millis,
}

impl RecordedAnalyzer {
    /// Judges a file by observations of one session, in order of media time.
    ///
    /// # Errors
    /// If nothing in the file can be decoded.
    pub fn analyze(
        &self,
        path: &Path,
        observations: Vec<Observation>,
        found: &mut dyn FnMut(Finding),
    ) -> Result<Analyzed, AnalyzeError> {
        self.run(path, observations, self.plan(), found)
    }

    /// Judges a still picture, which stands for one second.
    ///
    /// # Errors
    /// As [`analyze`](Self::analyze).
    pub fn analyze_still(
        &self,
        path: &Path,
        observations: Vec<Observation>,
        found: &mut dyn FnMut(Finding),
    ) -> Result<Analyzed, AnalyzeError> {
        let second = Interval::new(MediaMs::ZERO, MediaMs(1000));
        self.run(path, observations, self.plan().within(second), found)
    }

    /// Seconds are enough to see where a file breaks off.
    fn plan(&self) -> SamplingPlan {
        SamplingPlan::every(Millis(1000)).holding(self.hold)
    }

    fn run(
        &self,
        path: &Path,
        observations: Vec<Observation>,
        plan: SamplingPlan,
        found: &mut dyn FnMut(Finding),
    ) -> Result<Analyzed, AnalyzeError> {
        let (mut stream, mut reached) = (None, None);
        let outcome = self.decoder.decode(&File::open(path)?, &plan, &mut |event| {
            match event {
                DecodeEvent::Started(started) => stream = Some(started),
                DecodeEvent::Frame(frame) => reached = Some(frame.time.planned),
                DecodeEvent::Gap(time) => reached = Some(time.planned),
            }
            ControlFlow::Continue(())
        });
        let ended = Ended::of(outcome, reached)?;
        let stream = stream.ok_or(DecodeError::NoPictures)?;
        let session = match observations.first() {
            Some(observation) => observation.session.clone(),
            None => FileSession::of(&mut File::open(path)?, None)?.session,
        };
        let mut judge = Judge::new(&self.judged_by, &session);
        judge.start(stream.duration.map(expected), found);
        found(Finding::Started(stream.clone()));
        for observation in observations {
            judge.observe(observation, found);
        }
        let expected = ended.expected(&stream);
        judge.end(expected, found);
        Ok(Analyzed { session, stream, expected, cut_short: ended.cut_short })
    }
}
