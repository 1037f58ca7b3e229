//! One decoder child as the parent sees it: started, talked to, waited for, killed and reaped.
//!
//! Does not interpret what the child says about a medium: that is `intake`.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use domain::picture::Picture;
use domain::time::Millis;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::confinement::{Barrier, Confinement};
use crate::error::DecodeError;
use crate::os::SharedMemory;
use crate::protocol::{Allowance, Channel, ChannelError, Job, Limits, ToChild, ToParent};

/// How decoders are started and what they may use.
#[derive(Debug, Clone)]
pub struct DecoderSettings {
    /// The program to run as a child: normally the one that runs now, `std::env::current_exe()`.
    pub executable: PathBuf,
    /// Arguments that make it call [`decode_child_main`](crate::decode_child_main).
    pub args: Vec<OsString>,
    /// How many children run at most; each uses one core.
    pub children: usize,
    /// A child that says nothing for this long is killed, and so is one that on the whole is this long
    /// behind an eighth of real time.
    pub stall_timeout: Duration,
    /// A child that is not ready after this long is killed. The first start on a machine may take
    /// seconds, while GStreamer looks at its plugins.
    pub start_timeout: Duration,
    /// How many pictures a child may be ahead of the consumer.
    pub slots: usize,
    /// Longer side of the largest accepted picture, in pixels.
    pub longer_side: u32,
    /// Shorter side of the largest accepted picture, in pixels.
    pub shorter_side: u32,
    /// The longest accepted medium.
    pub max_media: Millis,
    /// Memory that a child may allocate, besides the pictures that it shares. One that needs more dies.
    pub memory_bytes: u64,
    /// Processor time that a child may use in its life. A medium may use half of that at least: a child that
    /// has used so much is replaced before the next.
    pub cpu_limit: Duration,
    /// A child is replaced after so many media: whatever one of them left behind in it goes with it.
    pub recycle_after: u32,
    /// Barriers around children that this machine must offer.
    pub required: Vec<Barrier>,
}

impl DecoderSettings {
    /// Settings that suit webcam video, for a program and its arguments.
    pub fn new(executable: PathBuf, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self {
            executable,
            args: args.into_iter().map(Into::into).collect(),
            children: 1,
            stall_timeout: Duration::from_secs(10),
            start_timeout: Duration::from_secs(60),
            slots: 4,
            longer_side: 4096,
            shorter_side: 2304,
            max_media: Millis::from_secs(12 * 3600),
            memory_bytes: 1 << 30,
            cpu_limit: Duration::from_secs(2 * 3600),
            recycle_after: 1000,
            required: Vec::new(),
        }
    }

    /// How long a child may have kept its parent waiting when it got this far. One that always says
    /// something, but next to nothing, must not last for ever.
    pub(crate) fn patience(&self, decoded: Millis) -> Duration {
        let decoded = Duration::from_millis(decoded.0.try_into().unwrap_or_default());
        self.stall_timeout.saturating_add(decoded.saturating_mul(SLOWEST_PACE))
    }

    fn allowance(&self) -> Allowance {
        // The kernel counts whole seconds.
        let cpu_seconds = self.cpu_limit.as_secs().max(1);
        Allowance { memory_bytes: self.memory_bytes, cpu_seconds }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits { longer_side: self.longer_side, shorter_side: self.shorter_side, duration: self.max_media }
    }
}

/// A decoder that takes more than this many times as long as the media last is as good as hung: large
/// pictures on a busy core still take a quarter of it.
const SLOWEST_PACE: u32 = 8;

/// What a decoder may know of its surroundings. Everything else may hold secrets: a decoder that was
/// taken over could read them.
const PASSED_ENVIRONMENT: [&str; 10] = [
    "PATH",
    "HOME",
    "XDG_CACHE_HOME",
    "LANG",
    "LD_LIBRARY_PATH",
    "GST_PLUGIN_PATH",
    "GST_PLUGIN_SYSTEM_PATH",
    "GST_PLUGIN_SCANNER",
    "GST_REGISTRY",
    "GST_REGISTRY_UPDATE",
];

/// Lets a child keep the memory that its last medium gave back (glibc's own variable; others ignore it).
/// Codecs take theirs anew for every segment, by the megabyte: to have it cleared and mapped each time costs
/// a tenth of decoding. What it may have at all is limited elsewhere.
const KEPT_MEMORY: &str = "glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=33554432:\
                           glibc.malloc.trim_threshold=1073741824";

/// How often a child is started that is killed each time, until starting it is what is wrong.
const MOST_STARTS: u32 = 4;

/// How long a child that hung up may take to be gone, before it is killed.
const EXIT_TIMEOUT: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// A running child. Killed and reaped when dropped.
#[derive(Debug)]
pub(crate) struct ChildProcess {
    child: Child,
    channel: Channel,
    memory: SharedMemory,
    stall_timeout: Duration,
    confinement: Confinement,
    /// Media that it was given.
    jobs: u32,
}

impl ChildProcess {
    /// Starts a child and waits until it is ready.
    pub(crate) fn spawn(settings: &DecoderSettings) -> Result<Self, DecodeError> {
        let mut started = Self::start(settings);
        for _ in 1..MOST_STARTS {
            // Somebody killed it before it had seen a byte: for memory that others took, perhaps.
            if !matches!(started, Err(DecodeError::ChildCrashed { signal: Some(_) })) {
                break;
            }
            started = Self::start(settings);
        }
        started.map_err(|error| match error {
            DecodeError::Spawn(_) => error,
            // There is no input yet that could be at fault.
            DecodeError::Io(cause) => DecodeError::Spawn(cause),
            DecodeError::Unconfined { .. } => error,
            other => DecodeError::Spawn(io::Error::other(other)),
        })
    }

    fn start(settings: &DecoderSettings) -> Result<Self, DecodeError> {
        let (channel, theirs) = Channel::pair().map_err(DecodeError::Spawn)?;
        let slot_bytes = Picture::bytes_needed(settings.longer_side, settings.shorter_side);
        let (memory, descriptor) =
            SharedMemory::create(settings.slots.max(1), slot_bytes).map_err(DecodeError::Spawn)?;
        let environment = PASSED_ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let child = Command::new(&settings.executable)
            .args(&settings.args)
            .env_clear()
            .envs(environment)
            .env("GLIBC_TUNABLES", KEPT_MEMORY)
            // The control socket travels as standard input: no number to agree on, nothing to inherit.
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C at a terminal goes to a whole group: the parent alone decides when its children end.
            .process_group(0)
            .spawn()
            .map_err(DecodeError::Spawn)?;
        let (stall_timeout, confinement) = (settings.stall_timeout, Confinement::default());
        let mut started = Self { child, channel, memory, stall_timeout, confinement, jobs: 0 };
        let allowance = settings.allowance();
        let open = ToChild::Open { slots: started.memory.slots(), slot_bytes, allowance };
        started.say(&open, Some(descriptor.as_fd()))?;
        match started.channel.receive(Some(settings.start_timeout)) {
            Ok(ToParent::Ready(confinement)) => match confinement.lacks(&settings.required) {
                None => {
                    started.confinement = confinement;
                    Ok(started)
                }
                Some(barrier) => Err(DecodeError::Unconfined { barrier }),
            },
            Ok(ToParent::Failed(fault)) => Err(fault.into()),
            Ok(_) => Err(DecodeError::ChildMisbehaved { what: "its first message is not `Ready`" }),
            Err(error) => Err(started.failed(error, settings.start_timeout)),
        }
    }

    /// Whether the child is still there: it may have been killed while it was idle.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What it has given up.
    pub(crate) fn confinement(&self) -> Confinement {
        self.confinement
    }

    /// Whether it is to be replaced before it is given another medium.
    pub(crate) fn is_old(&self, settings: &DecoderSettings) -> bool {
        self.jobs >= settings.recycle_after || self.cpu_used() >= settings.cpu_limit / 2
    }

    /// Processor time of all its threads so far; zero if the system does not tell.
    fn cpu_used(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // PID (NAME) STATE ..., of which NAME may hold anything; proc(5) counts from there.
        let fields: Vec<&str> =
            stat.rsplit(") ").next().unwrap_or_default().split_ascii_whitespace().collect();
        let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let milliseconds = (ticks(11) + ticks(12)).saturating_mul(1000) / clock_ticks_per_second().max(1);
        Duration::from_millis(milliseconds)
    }

    /// Gives the child a file to decode.
    pub(crate) fn begin(&mut self, job: Job, media: BorrowedFd<'_>) -> Result<(), DecodeError> {
        self.jobs = self.jobs.saturating_add(1);
        self.say(&ToChild::Decode(job), Some(media))
    }

    /// Says that the picture in `slot` was copied.
    pub(crate) fn release(&mut self, slot: usize) -> Result<(), DecodeError> {
        self.say(&ToChild::Release { slot }, None)
    }

    /// Asks the child to end its job early.
    pub(crate) fn cancel(&mut self) -> Result<(), DecodeError> {
        self.say(&ToChild::Cancel, None)
    }

    /// The next message.
    pub(crate) fn listen(&mut self) -> Result<ToParent, DecodeError> {
        let received = self.channel.receive(Some(self.stall_timeout));
        received.map_err(|error| self.failed(error, self.stall_timeout))
    }

    /// The pictures.
    pub(crate) fn memory(&self) -> &SharedMemory {
        &self.memory
    }

    fn say(&mut self, message: &ToChild, descriptor: Option<BorrowedFd<'_>>) -> Result<(), DecodeError> {
        let sent = self.channel.send(message, descriptor, Some(self.stall_timeout));
        sent.map_err(|error| self.failed(error, self.stall_timeout))
    }

    fn failed(&mut self, error: ChannelError, waited: Duration) -> DecodeError {
        match error {
            ChannelError::Closed => self.cause_of_death(),
            ChannelError::TimedOut => DecodeError::Timeout { after: waited },
            ChannelError::Malformed => {
                DecodeError::ChildMisbehaved { what: "it sent something that is no message" }
            }
            ChannelError::Io(error) => DecodeError::Io(error),
        }
    }

    /// How a child that hung up died. The socket closes a moment before the status can be read.
    fn cause_of_death(&mut self) -> DecodeError {
        let exited = Pid::from_raw(self.child.id() as i32)
            .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
            .is_some_and(|process| {
                let mut watched = [PollFd::new(&process, PollFlags::IN)];
                poll(&mut watched, Some(&EXIT_TIMEOUT)).is_ok_and(|ready| ready > 0)
            });
        if !exited {
            return DecodeError::ChildMisbehaved { what: "it hung up and went on running" };
        }
        let signal = self.child.wait().ok().and_then(|status| status.signal());
        DecodeError::ChildCrashed { signal }
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // Errors mean that it is gone already, and it is reaped in any case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
