//! Recordings as live sessions: files cut into segments and written to Kafka, with the facts that an exam
//! system would tell.
//!
//! ```text
//! file ─▶ recording (cut at keyframes) ─▶ pace ─▶ carriage (inline or by reference) ─▶ courier ─▶ Kafka
//! ```
//!
//! One call of [`Publication::session`] is one session, in this order: its start, acknowledged; its
//! segments; once all of them are acknowledged, its end. A worker that reads them comes to the score that
//! `analyze` gives for the file. Nothing is decoded or encoded.
//!
//! A stretch of the recording that cannot be decoded is published as a segment whose media hold no frame:
//! its number and its time are told, the worker sets it aside and scores it as not seen. Left out, its
//! number would be waited for.
//!
//! Not responsible for: which files, and what a person sees of it.

mod carriage;
mod courier;
mod error;
mod pace;
mod recording;
mod shelf;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use container::ContainerError;
use crossbeam_channel::bounded;
use domain::error::ErrorKind;
use domain::ids::SessionId;
use domain::messages::{SessionEvent, SessionFact};
use domain::time::{Interval, MediaMs};

pub use carriage::Carriage;
pub use courier::{Courier, Figures};
pub use error::PublishError;
pub use pace::Pace;
pub use recording::Recording;
pub use shelf::Shelf;

pub use crate::piece::Piece;
use crate::privacy::Protection;
use crate::stages::Stop;

/// A session to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPlan {
    /// The recording.
    pub file: PathBuf,
    /// The session's name; without one it is named after the file's content.
    pub told: Option<SessionId>,
    /// Which of several sessions of the same recording this is: its name ends with the number.
    pub copy: Option<u32>,
}

/// How sessions are published. Shared between threads that publish one each.
pub struct Publication {
    /// Writes the records.
    pub courier: Courier,
    /// Where media go.
    pub carriage: Carriage,
    /// What media are sealed with.
    pub protection: Protection,
    /// How fast.
    pub pace: Pace,
    /// Id of the policy that judges the sessions.
    pub policy: String,
    /// Ends all of them early.
    pub stop: Stop,
}

/// A session that was published to its end.
#[derive(Debug)]
pub struct Published {
    /// Its name.
    pub session: SessionId,
    /// How many segments it has.
    pub segments: u64,
    /// When video was expected.
    pub expected: Interval,
    /// Why not all of the file could be read.
    pub cut_short: Option<ContainerError>,
}

impl Publication {
    /// Publishes sessions, `parallel` at a time on a thread each. `told` learns of each outcome as soon as
    /// it is known. After an error that would come again for every session, those that are left are
    /// [`PublishError::Stopped`].
    pub fn all(
        &self,
        plans: &[SessionPlan],
        parallel: usize,
        told: &mut dyn FnMut(&SessionPlan, Result<Published, PublishError>),
    ) {
        let next = AtomicUsize::new(0);
        let publish = || {
            let plan = plans.get(next.fetch_add(1, Ordering::Relaxed))?;
            let outcome = self.session(plan);
            if outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Fatal) {
                self.stop.now();
            }
            Some((plan, outcome))
        };
        thread::scope(|scope| {
            let (tell, outcomes) = bounded(parallel);
            for _thread in 0..parallel.min(plans.len()) {
                let (tell, publish) = (tell.clone(), &publish);
                scope.spawn(move || {
                    while let Some(outcome) = publish() {
                        // The other end listens until the last of these threads is done.
                        let _listens = tell.send(outcome);
                    }
                });
            }
            drop(tell);
            outcomes.iter().for_each(|(plan, outcome)| told(plan, outcome));
        });
    }

    /// Publishes a session; returns when all its records are acknowledged.
    ///
    /// # Errors
    /// If nothing of the file can be published, or something of it could not be.
    pub fn session(&self, plan: &SessionPlan) -> Result<Published, PublishError> {
        let recording = Recording::open(plan)?;
        let (session, stated) = (recording.session().clone(), recording.stated());
        let key = self.protection.to_write(&session)?;
        let line = self.courier.line(key.clone());
        let fact = |media_ms, event| SessionFact { session: session.clone(), media_ms, event };

        // What the policy grants, it grants by itself.
        let accommodations = Vec::new();
        let started = SessionEvent::Started { policy: self.policy.clone(), accommodations, expected: stated };
        line.fact(&fact(MediaMs::ZERO, started))?;
        line.settle()?;

        let pace = self.pace.begin();
        let (mut segments, mut cut_short) = (0, None);
        let (mut end, mut last) = (MediaMs::ZERO, MediaMs::ZERO);
        for piece in recording {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    cut_short = Some(error);
                    break;
                }
            };
            if self.stop.wait(pace.left(piece.header.end_ms)) {
                return Err(PublishError::Stopped);
            }
            (end, last) = (piece.header.end_ms, last.max(piece.last));
            line.segment(&piece.header, self.carriage.load(&piece, key.as_ref())?, piece.media.len())?;
            segments += 1;
        }
        line.settle()?;

        // As long as the container says, else up to the last frame; but nothing is to come any more.
        let expected = stated.unwrap_or(Interval::new(MediaMs::ZERO, last));
        let ended = SessionEvent::Ended { expected: Some(expected) };
        line.fact(&fact(end.min(expected.end), ended))?;
        line.settle()?;
        Ok(Published { session, segments, expected, cut_short })
    }
}
