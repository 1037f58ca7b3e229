//! What parent and child say to each other, and how: JSON messages over a `SOCK_SEQPACKET` socket.
//!
//! Pixels do not travel here but through slots of shared memory. Neither side reads a message longer
//! than [`LONGEST_MESSAGE`]; descriptors travel from parent to child only.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use domain::ports::SampleTime;
use domain::time::{MediaMs, Millis};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::confinement::Confinement;
use crate::error::Fault;
use crate::event::{Ending, StreamInfo};
use crate::plan::SamplingPlan;

const LONGEST_MESSAGE: usize = 4096;

/// What the parent says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToChild {
    /// The first message: the shared memory comes with it.
    Open { slots: usize, slot_bytes: usize, allowance: Allowance },
    /// Decode the file that comes with it.
    Decode(Job),
    /// The picture in this slot was copied out.
    Release { slot: usize },
    /// Stop the running job; meaningless between jobs.
    Cancel,
}

/// What a child may use in its whole life.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Allowance {
    /// Of memory that it allocates.
    pub(crate) memory_bytes: u64,
    /// Of processor time.
    pub(crate) cpu_seconds: u64,
}

/// One decode.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) plan: SamplingPlan,
    pub(crate) limits: Limits,
}

/// What is refused.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Limits {
    /// Of the longer side, in pixels.
    pub(crate) longer_side: u32,
    /// Of the shorter side, in pixels.
    pub(crate) shorter_side: u32,
    pub(crate) duration: Millis,
}

impl Limits {
    /// Whether a picture of this size is accepted, upright or lying.
    pub(crate) fn allow(&self, width: u32, height: u32) -> bool {
        width.max(height) <= self.longer_side && width.min(height) <= self.shorter_side
    }
}

/// What the child says. `Ready` comes once; for each job come `Started`, then the planned samples in
/// order (`Picture`, `Same` or `Gap`) with `Progress` anywhere between, at last `Done` or `Failed`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToParent {
    Ready(Confinement),
    Started(StreamInfo),
    /// A new picture lies in a slot.
    Picture {
        time: SampleTime,
        shown: Shown,
    },
    /// The picture before stands for this sample as well.
    Same {
        time: SampleTime,
    },
    Gap {
        time: SampleTime,
    },
    /// Nothing to show yet, but the demuxer got this far.
    Progress {
        reached: MediaMs,
    },
    Done(Summary),
    Failed(Fault),
}

/// Where a picture lies and how to read it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub(crate) slot: usize,
    pub(crate) at: MediaMs,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) bt709: bool,
    pub(crate) full_range: bool,
}

/// The child's side of [`Decoded`](crate::Decoded).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) ending: Ending,
    pub(crate) last: MediaMs,
    pub(crate) end: MediaMs,
    pub(crate) frames_decoded: u64,
    pub(crate) frames_skipped: u64,
}

/// Why nothing was sent or received.
#[derive(Debug)]
pub(crate) enum ChannelError {
    /// The other side is gone.
    Closed,
    /// The other side did not answer, or did not listen, in time.
    TimedOut,
    /// The other side sent something that is no message.
    Malformed,
    Io(io::Error),
}

impl From<Errno> for ChannelError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::PIPE | Errno::CONNRESET => Self::Closed,
            other => Self::Io(other.into()),
        }
    }
}

/// One end of the socket.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: OwnedFd,
}

impl Channel {
    /// Both ends.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (mine, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self { socket: mine }, theirs))
    }

    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self { socket }
    }

    /// Sends a message, and a descriptor with it; waits up to `timeout` for the other side to take it.
    pub(crate) fn send<M: Serialize>(
        &self,
        message: &M,
        descriptor: Option<BorrowedFd<'_>>,
        timeout: Option<Duration>,
    ) -> Result<(), ChannelError> {
        let bytes = serde_json::to_vec(message).map_err(|error| ChannelError::Io(error.into()))?;
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let descriptors = descriptor.as_slice();
        loop {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            if !descriptors.is_empty() {
                ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
            }
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match sendmsg(&self.socket, &[IoSlice::new(&bytes)], &mut ancillary, flags) {
                Ok(_) => return Ok(()),
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT, deadline)?,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Receives the next message, waiting up to `timeout`. Descriptors are dropped.
    pub(crate) fn receive<M: DeserializeOwned>(&self, timeout: Option<Duration>) -> Result<M, ChannelError> {
        self.receive_into(&mut RecvAncillaryBuffer::default(), timeout)
    }

    /// Receives the next message and the descriptor that came with it.
    pub(crate) fn receive_with_descriptor<M: DeserializeOwned>(
        &self,
    ) -> Result<(M, Option<OwnedFd>), ChannelError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let message = self.receive_into(&mut ancillary, None)?;
        let mut descriptors = ancillary.drain().filter_map(|part| match part {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        });
        let descriptor = descriptors.next().and_then(|mut descriptors| descriptors.next());
        Ok((message, descriptor))
    }

    fn receive_into<M: DeserializeOwned>(
        &self,
        ancillary: &mut RecvAncillaryBuffer<'_>,
        timeout: Option<Duration>,
    ) -> Result<M, ChannelError> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut buffer = [0; LONGEST_MESSAGE];
        let received = loop {
            let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
            match recvmsg(&self.socket, &mut [IoSliceMut::new(&mut buffer)], ancillary, flags) {
                Ok(received) => break received,
                Err(Errno::AGAIN) => self.wait(PollFlags::IN, deadline)?,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        };
        if received.bytes == 0 {
            return Err(ChannelError::Closed);
        }
        if received.flags.contains(ReturnFlags::TRUNC) {
            return Err(ChannelError::Malformed);
        }
        serde_json::from_slice(&buffer[..received.bytes]).map_err(|_| ChannelError::Malformed)
    }

    /// Waits until nobody holds the other end any more.
    pub(crate) fn wait_for_hang_up(socket: BorrowedFd<'_>) {
        let mut watched = [PollFd::from_borrowed_fd(socket, PollFlags::empty())];
        loop {
            match poll(&mut watched, None) {
                Ok(_) if watched[0].revents().contains(PollFlags::HUP) => return,
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn wait(&self, events: PollFlags, deadline: Option<Instant>) -> Result<(), ChannelError> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(ChannelError::TimedOut);
        }
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut [PollFd::new(&self.socket, events)], timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
