//! Children that decode, lent to one decode at a time and replaced when they fail.
//!
//! Starting a child costs tens of milliseconds, a segment of two seconds little more to decode: children
//! are kept. A child is trusted with the next medium only after it ended the last one in good order.

use std::fs::File;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FileType, fstat};

use crate::confinement::Confinement;
use crate::error::DecodeError;
use crate::event::{DecodeEvent, Decoded};
use crate::intake::{Intake, Taken};
use crate::plan::SamplingPlan;
use crate::process::{ChildProcess, DecoderSettings};
use crate::protocol::Job;

/// Decodes media in child processes. Shared between threads: as many decode at once as there are
/// children, others wait their turn.
#[derive(Debug)]
pub struct DecoderPool {
    settings: DecoderSettings,
    children: Mutex<Children>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Children {
    idle: Vec<ChildProcess>,
    lent: usize,
}

impl DecoderPool {
    /// A pool without children: they are started when they are needed.
    pub fn new(settings: DecoderSettings) -> Self {
        Self { settings, children: Mutex::default(), returned: Condvar::new() }
    }

    /// Starts one child if none runs, to learn early whether any can, and how it is confined.
    ///
    /// # Errors
    /// [`DecodeError::Spawn`] if it does not start, [`DecodeError::Unconfined`] if it cannot be confined as
    /// the settings require.
    pub fn warm_up(&self) -> Result<Confinement, DecodeError> {
        Ok(self.lend().obtain()?.confinement())
    }

    /// Decodes `media`, a regular file or memfd, and tells `consumer` everything in media order. The
    /// position of the file does not matter and does not change; open it for reading only, because the
    /// child gets it as it is. Blocks until the end, and before that until a child is free.
    ///
    /// A consumer that breaks off gets [`Ending::Stopped`](crate::Ending::Stopped); one that is slow
    /// slows the decoder down.
    ///
    /// # Errors
    /// If the medium cannot be decoded. Events that came before the error are good.
    pub fn decode(
        &self,
        media: &File,
        plan: &SamplingPlan,
        consumer: &mut dyn FnMut(DecodeEvent) -> ControlFlow<()>,
    ) -> Result<Decoded, DecodeError> {
        let status = fstat(media).map_err(|errno| DecodeError::Io(errno.into()))?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(DecodeError::Io(std::io::ErrorKind::NotSeekable.into()));
        }
        if status.st_size == 0 {
            return Err(DecodeError::Empty);
        }
        let mut lent = self.lend();
        let is_used = lent.child.is_some();
        let mut is_told = false;
        let mut tell = |event| {
            is_told = true;
            consumer(event)
        };
        let mut result = self.run(lent.obtain()?, media, plan, &mut tell);
        if is_used && !is_told && matches!(result, Err(DecodeError::ChildCrashed { .. })) {
            // It may have died while it was idle, killed for memory that others took. If it is the medium
            // that kills, it kills again.
            lent.child = None;
            result = self.run(lent.obtain()?, media, plan, consumer);
        }
        let is_old = lent.child.as_ref().is_some_and(|child| child.is_old(&self.settings));
        if is_old || matches!(&result, Err(error) if !leaves_child_sound(error)) {
            lent.child = None;
        }
        result
    }

    fn run(
        &self,
        child: &mut ChildProcess,
        media: &File,
        plan: &SamplingPlan,
        consumer: &mut dyn FnMut(DecodeEvent) -> ControlFlow<()>,
    ) -> Result<Decoded, DecodeError> {
        let limits = self.settings.limits();
        child.begin(Job { plan: *plan, limits }, media.as_fd())?;
        let mut intake = Intake::new(*plan, limits);
        let mut cancelled = false;
        let mut waited = Duration::ZERO;
        loop {
            let asked = Instant::now();
            let message = child.listen()?;
            waited += asked.elapsed();
            if waited > self.settings.patience(intake.done_with()) {
                return Err(DecodeError::Timeout { after: waited });
            }
            match intake.take(message, child.memory(), cancelled)? {
                Taken::Progress => {}
                Taken::Done(decoded) => return Ok(decoded),
                Taken::Event { event, release } => {
                    if let Some(slot) = release {
                        child.release(slot)?;
                    }
                    if !cancelled && consumer(event).is_break() {
                        cancelled = true;
                        child.cancel()?;
                    }
                }
            }
        }
    }

    /// Waits for the right to use a child.
    fn lend(&self) -> Lent<'_> {
        let most = self.settings.children.max(1);
        let children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        let mut children = self
            .returned
            .wait_while(children, |children| children.lent >= most)
            .unwrap_or_else(PoisonError::into_inner);
        children.lent += 1;
        Lent { child: children.idle.pop(), pool: self }
    }
}

/// Whether a child that reported `error` is in a known state.
fn leaves_child_sound(error: &DecodeError) -> bool {
    match error {
        DecodeError::Timeout { .. }
        | DecodeError::ChildCrashed { .. }
        | DecodeError::ChildMisbehaved { .. }
        | DecodeError::Io(_)
        | DecodeError::Unconfined { .. }
        | DecodeError::Spawn(_) => false,
        DecodeError::Empty
        | DecodeError::NotMedia
        | DecodeError::UnsupportedContainer { .. }
        | DecodeError::NoVideo
        | DecodeError::UnsupportedCodec { .. }
        | DecodeError::Damaged
        | DecodeError::NoPictures
        | DecodeError::ZeroDuration
        | DecodeError::TooLarge { .. }
        | DecodeError::TooLong { .. } => true,
    }
}

/// The right to use one child, with the child if there is one; given back when dropped.
struct Lent<'a> {
    child: Option<ChildProcess>,
    pool: &'a DecoderPool,
}

impl Lent<'_> {
    /// The child, started if there is none and replaced if it died while it was idle.
    fn obtain(&mut self) -> Result<&mut ChildProcess, DecodeError> {
        // While it has none, a failed start leaves nothing behind.
        let alive = self.child.take().and_then(|mut child| child.is_alive().then_some(child));
        let child = match alive {
            Some(child) => child,
            None => ChildProcess::spawn(&self.pool.settings)?,
        };
        Ok(self.child.insert(child))
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // A consumer that panics leaves its child in the middle of a job.
        let child = self.child.take().filter(|_| !std::thread::panicking());
        let mut children = self.pool.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.lent -= 1;
        children.idle.extend(child);
        drop(children);
        self.pool.returned.notify_one();
    }
}
