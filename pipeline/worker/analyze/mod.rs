//! One file, from bytes to score: the wiring of all stages without a broker.
//!
//! ```text
//! file ─▶ decode (child process) ─▶ feed ─▶ segments ─▶ observer (rayon) ─▶ judge (fold) ─▶ findings
//!                          bounded queue, in samples
//! ```
//!
//! Promises: every planned instant ends in an observation; the same bytes under the same settings and
//! policy give the same findings (without `run`) for any number of threads; memory is bounded by the
//! queue and the batch, whatever the length of the file. A file that stops being decodable half-way is
//! judged by what was seen, and the rest is reported as not seen.
//! Not responsible for: finding files, printing, progress bars, reports.

mod collected;
mod ended;
mod error;
mod feed;
mod judge;
mod pictures;
mod recorded;
mod segments;
mod session;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use decode::{DecodeError, Decoded, DecoderPool, SamplingPlan, StreamInfo};
use domain::ids::SessionId;
use domain::messages::{Incident, Observation, Score};
use domain::observe::SegmentIdentity;
use domain::ports::{Vision, VisionError};
use domain::sampling::BasePlan;
use domain::score::SampleTrace;
use domain::time::{Interval, MediaMs, Millis};

pub use collected::Collected;
use ended::Ended;
pub use error::AnalyzeError;
use feed::{Fed, Feed};
use judge::Judge;
pub use judge::JudgedBy;
pub use pictures::show_pictures;
pub use recorded::RecordedAnalyzer;
use segments::{Segment, Segmenter};
pub use session::FileSession;

use crate::identity::Template;
use crate::observer::{DecodedSegment, Observer, Sample};

/// One thing found in a file, in the order in which it becomes known.
#[derive(Debug)]
pub enum Finding {
    /// Its video stream.
    Started(StreamInfo),
    /// What was seen in its next segment.
    Observation(Observation),
    /// A revision of an incident.
    Incident(Incident),
    /// A revision of its score.
    Score(Score),
    /// How the fold read a sample; only if [`JudgedBy::trace`] asks for it.
    Traced(SampleTrace),
}

/// How an analysis ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analyzed {
    /// The session that the file stands for.
    pub session: SessionId,
    /// The video stream.
    pub stream: StreamInfo,
    /// The stretch in which video was expected.
    pub expected: Interval,
    /// Why not all of it could be decoded, as a sentence.
    pub cut_short: Option<String>,
}

/// Analyses files, one at a time, all cores on each.
pub struct Analyzer<'a, V: Vision> {
    /// Decodes.
    pub decoder: &'a DecoderPool,
    /// Looks.
    pub observer: Observer<'a, V>,
    /// Judges.
    pub judged_by: JudgedBy,
    /// Length of a segment.
    pub segment: Millis,
    /// How far pictures may be apart without a hole between them.
    pub hold: Millis,
    /// By how much the picture of a sample may be older than the sample.
    pub slack: Millis,
    /// Whom the faces are compared with.
    pub template: Option<Arc<Template>>,
    /// Segments that are looked at together; also bounds the samples in the queue.
    pub batch: usize,
}

impl<V: Vision> Analyzer<'_, V> {
    /// Analyses a file and hands over what is found as it is found.
    ///
    /// # Errors
    /// If nothing in the file can be decoded, or the models fail.
    pub fn analyze(
        &self,
        path: &Path,
        told: Option<SessionId>,
        found: &mut dyn FnMut(Finding),
    ) -> Result<Analyzed, AnalyzeError> {
        self.run(path, told, self.plan(), found)
    }

    /// Analyses a still picture as if it stood for one second: what is seen in it, not how it is scored.
    ///
    /// # Errors
    /// As [`analyze`](Self::analyze).
    pub fn analyze_still(
        &self,
        path: &Path,
        found: &mut dyn FnMut(Finding),
    ) -> Result<Analyzed, AnalyzeError> {
        let second = Interval::new(MediaMs::ZERO, MediaMs(1000));
        self.run(path, None, self.plan().within(second), found)
    }

    /// All instants that may be looked at.
    pub fn plan(&self) -> SamplingPlan {
        let grid = self.observer.grid;
        SamplingPlan::every(grid.escalated()).holding(self.hold).slackened(self.slack)
    }

    fn run(
        &self,
        path: &Path,
        told: Option<SessionId>,
        plan: SamplingPlan,
        found: &mut dyn FnMut(Finding),
    ) -> Result<Analyzed, AnalyzeError> {
        let mut file = File::open(path)?;
        let names = FileSession::of(&mut file, told)?;
        file.seek(SeekFrom::Start(0))?;
        // A descriptor of its own: both readers move their position.
        let segmenter = Segmenter::of(File::open(path)?, self.segment);
        thread::scope(|scope| {
            let feed = Feed::start(scope, self.decoder, file, plan, self.samples_per_batch());
            Run::new(self, names, segmenter, found).run(feed)
        })
    }

    fn samples_per_batch(&self) -> usize {
        self.batch * (self.segment.0 / self.observer.grid.escalated().0).max(1) as usize
    }
}

/// The analysis of one file.
struct Run<'a, V: Vision> {
    by: &'a Analyzer<'a, V>,
    names: FileSession,
    found: &'a mut dyn FnMut(Finding),
    judge: Judge,
    segmenter: Segmenter,
    /// Decoded segments, each with its samples between those of the base grid.
    ready: VecDeque<(DecodedSegment, Vec<Sample>)>,
    decode_time: Duration,
    stream: Option<StreamInfo>,
}

impl<'a, V: Vision> Run<'a, V> {
    fn new(
        by: &'a Analyzer<'a, V>,
        names: FileSession,
        segmenter: Segmenter,
        found: &'a mut dyn FnMut(Finding),
    ) -> Self {
        let judge = Judge::new(&by.judged_by, &names.session);
        let (ready, decode_time, stream) = (VecDeque::new(), Duration::ZERO, None);
        Self { by, names, found, judge, segmenter, ready, decode_time, stream }
    }

    fn run(mut self, feed: Feed<'_>) -> Result<Analyzed, AnalyzeError> {
        while let Ok(fed) = feed.fed.recv() {
            match fed {
                Fed::Started(stream) => self.start(stream),
                Fed::Sample(sample, took) => {
                    self.decode_time += took;
                    for segment in self.segmenter.push(sample) {
                        self.decoded(segment);
                    }
                }
            }
            if self.ready.len() >= self.by.batch
                && let Err(error) = self.look()
            {
                // The feed stops when its receiver is gone; the cause is ours, not the decoder's.
                let _stopped = feed.end();
                return Err(error);
            }
        }
        self.finish(feed.end())
    }

    fn start(&mut self, stream: StreamInfo) {
        self.judge.start(stream.duration.map(expected), self.found);
        (self.found)(Finding::Started(stream.clone()));
        self.stream = Some(stream);
    }

    /// Queues a segment to be looked at.
    fn decoded(&mut self, segment: Segment) {
        let identity = self.identity(segment.sequence, segment.interval);
        let decode_time = std::mem::take(&mut self.decode_time);
        let grid = self.by.observer.grid;
        let (samples, closer) =
            segment.samples.into_iter().partition(|sample: &Sample| grid.is_base(sample.time.planned));
        let (queued, decoded_at) = (Duration::ZERO, Instant::now());
        let plan = BasePlan::FULL;
        let template = self.by.template.clone();
        let segment = DecodedSegment { identity, plan, samples, template, queued, decode_time, decoded_at };
        self.ready.push_back((segment, closer));
    }

    /// Looks at all queued segments and judges what was seen.
    fn look(&mut self) -> Result<(), AnalyzeError> {
        let (segments, mut closer): (Vec<_>, Vec<_>) = self.ready.drain(..).unzip();
        let between = |suspicious: &[usize]| -> Vec<Result<_, Infallible>> {
            suspicious.iter().map(|segment| Ok(std::mem::take(&mut closer[*segment]))).collect()
        };
        let observations = self
            .by
            .observer
            .observe(segments, between)
            .map_err(|error| AnalyzeError::Vision { kind: error.kind(), message: error.to_string() })?;
        for Ok(observation) in observations {
            self.judge.observe(observation, self.found);
        }
        Ok(())
    }

    fn finish(mut self, outcome: Result<Decoded, DecodeError>) -> Result<Analyzed, AnalyzeError> {
        let reached = (!self.segmenter.is_fresh()).then(|| self.segmenter.reached());
        let ended = Ended::of(outcome, reached)?;
        let Some(stream) = self.stream.clone() else {
            return Err(DecodeError::NoPictures.into());
        };
        if let Some(segment) = self.segmenter.finish(ended.end) {
            self.decoded(segment);
        }
        self.look()?;
        let expected = ended.expected(&stream);
        self.judge.end(expected, self.found);
        Ok(Analyzed { session: self.names.session, stream, expected, cut_short: ended.cut_short })
    }

    fn identity(&self, sequence: u64, interval: Interval) -> SegmentIdentity {
        SegmentIdentity {
            session: self.names.session.clone(),
            stream: self.names.stream.clone(),
            sequence,
            attempt: 0,
            interval,
        }
    }
}

/// When video was expected: as long as the container says, else up to the last frame.
fn expected(length: Millis) -> Interval {
    Interval::new(MediaMs::ZERO, MediaMs::ZERO + length)
}
