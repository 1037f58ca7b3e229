//! The child's end of the control socket during a job: which slots are free, whether to go on.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use domain::time::MediaMs;

use crate::os::SharedMemory;
use crate::protocol::{Channel, ChannelError, Job, ToChild, ToParent};

/// A child that finds nothing to show says so this often.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// Why a job must end at once.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// The parent wants no more.
    Cancelled,
    /// The parent is gone or talks nonsense: there is nobody to report to.
    Lost,
}

/// The socket, the shared memory, and what is known about its slots.
#[derive(Debug)]
pub(super) struct Link {
    channel: Channel,
    memory: SharedMemory,
    free: Vec<bool>,
    spoke: Instant,
    reached: Option<MediaMs>,
}

impl Link {
    pub(super) fn new(channel: Channel, memory: SharedMemory) -> Self {
        let free = vec![true; memory.slots()];
        Self { channel, memory, free, spoke: Instant::now(), reached: None }
    }

    /// Waits for the next job and its file.
    pub(super) fn next_job(&mut self) -> Result<(Job, OwnedFd), ChannelError> {
        self.reached = None;
        loop {
            match self.channel.receive_with_descriptor()? {
                (ToChild::Decode(job), Some(media)) => return Ok((job, media)),
                (ToChild::Release { slot }, _) => self.release(slot)?,
                // Crossed with the end of the job that it was meant for.
                (ToChild::Cancel, _) => {}
                (ToChild::Decode(_), None) | (ToChild::Open { .. }, _) => {
                    return Err(ChannelError::Malformed);
                }
            }
        }
    }

    /// Says something; blocks while the parent does not listen.
    pub(super) fn say(&mut self, message: &ToParent) -> Result<(), ChannelError> {
        self.spoke = Instant::now();
        self.channel.send(message, None, None)
    }

    /// Says something during a job, unless the parent has cancelled it.
    pub(super) fn tell(&mut self, message: &ToParent) -> Result<(), Interrupted> {
        self.hear(Some(Duration::ZERO))?;
        self.say(message).map_err(|_| Interrupted::Lost)
    }

    /// Says how far the demuxer got, if nothing was said for a while.
    pub(super) fn tell_progress(&mut self, reached: MediaMs) -> Result<(), Interrupted> {
        let is_new = self.reached.is_none_or(|before| reached > before);
        if !is_new || self.spoke.elapsed() < PROGRESS_INTERVAL {
            return Ok(());
        }
        self.reached = Some(reached);
        self.tell(&ToParent::Progress { reached })
    }

    /// A free slot, taken; blocks while the parent has not released one.
    pub(super) fn take_slot(&mut self) -> Result<usize, Interrupted> {
        loop {
            if let Some(slot) = self.free.iter().position(|free| *free) {
                self.free[slot] = false;
                return Ok(slot);
            }
            self.hear(None)?;
        }
    }

    /// The bytes of a slot that was taken.
    pub(super) fn slot(&mut self, slot: usize) -> &mut [u8] {
        self.memory.slot_mut(slot)
    }

    /// Hears everything the parent has to say; waits for the first message unless there is a timeout.
    fn hear(&mut self, timeout: Option<Duration>) -> Result<(), Interrupted> {
        let mut timeout = timeout;
        loop {
            match self.channel.receive(timeout) {
                Ok(ToChild::Release { slot }) => self.release(slot).map_err(|_| Interrupted::Lost)?,
                Ok(ToChild::Cancel) => return Err(Interrupted::Cancelled),
                Err(ChannelError::TimedOut) => return Ok(()),
                Ok(ToChild::Open { .. } | ToChild::Decode(_)) | Err(_) => return Err(Interrupted::Lost),
            }
            timeout = Some(Duration::ZERO);
        }
    }

    fn release(&mut self, slot: usize) -> Result<(), ChannelError> {
        *self.free.get_mut(slot).ok_or(ChannelError::Malformed)? = true;
        Ok(())
    }
}
