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
                (ToChild::Decode(job), Some(media)) => {
                    // The parent has heard everything about the job before: also slots that were taken
                    // for a picture that was never sent are free again.
                    self.free.fill(true);
                    return Ok((job, media));
                }
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

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use domain::time::Millis;

    use super::*;
    use crate::plan::SamplingPlan;
    use crate::protocol::Limits;

    #[test]
    fn a_job_begins_with_all_slots_free() {
        let (parent, socket) = Channel::pair().unwrap();
        let (_theirs, memory) = SharedMemory::create(2, 4096).unwrap();
        let ours = SharedMemory::open(memory.as_fd(), 2, 4096).unwrap();
        let mut link = Link::new(Channel::new(socket), ours);
        let limits = Limits { longer_side: 64, shorter_side: 48, duration: Millis(1000) };
        let job = Job { plan: SamplingPlan::every(Millis(500)), limits };
        for _ in 0..3 {
            parent.send(&ToChild::Decode(job.clone()), Some(memory.as_fd()), None).unwrap();
            link.next_job().unwrap();
            // Both are taken, and the job is cancelled before it could say so.
            let mut taken = [link.take_slot().unwrap(), link.take_slot().unwrap()];
            taken.sort_unstable();
            assert_eq!(taken, [0, 1]);
            parent.send(&ToChild::Cancel, None, None).unwrap();
            assert!(matches!(link.take_slot(), Err(Interrupted::Cancelled)));
        }
    }
}
