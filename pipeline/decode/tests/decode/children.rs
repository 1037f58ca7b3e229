//! Children are reused, held back, killed and replaced; whatever happens to them costs one decode only.

use std::fs::File;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use decode::{Barrier, DecodeError, DecodeEvent, DecoderPool, DecoderSettings, Ending, SamplingPlan};
use domain::error::ErrorKind;
use domain::time::Millis;
use rustix::process::{Pid, Signal, getpgid, kill_process};
use tempfile::TempDir;

use crate::support::*;

/// A pool whose children leave their process ids behind.
pub struct Observed {
    pub pool: DecoderPool,
    folder: TempDir,
}

impl Observed {
    pub fn new(settings: DecoderSettings) -> Self {
        let folder = folder();
        // The shell becomes the child, so that its id is the child's.
        let script = "echo $$ >> \"$0\"; exec \"$1\"";
        let args = [
            "-c".into(),
            script.into(),
            folder.path().join("ids").into_os_string(),
            settings.executable.into_os_string(),
        ];
        let settings = DecoderSettings { executable: "/bin/sh".into(), args: args.into(), ..settings };
        Self { pool: DecoderPool::new(settings), folder }
    }

    /// The ids of all children so far.
    pub fn ids(&self) -> Vec<i32> {
        let ids = std::fs::read_to_string(self.folder.path().join("ids")).unwrap();
        ids.lines().map(|id| id.parse().unwrap()).collect()
    }

    /// The id of the latest child.
    pub fn id(&self) -> i32 {
        *self.ids().last().unwrap()
    }
}

/// The most memory that a process has used, in bytes; none if it has ended.
pub fn most_memory(id: i32) -> Option<u64> {
    memory(id, "VmHWM:")
}

fn is_there(id: i32) -> bool {
    Path::new(&format!("/proc/{id}")).exists()
}

/// Decodes, and sends the child a signal at the first picture.
fn decode_and_signal(observed: &Observed, path: &Path, signal: Signal) -> DecodeError {
    let media = File::open(path).unwrap();
    let plan = SamplingPlan::every(Millis(100));
    let mut signalled = false;
    let result = observed.pool.decode(&media, &plan, &mut |event| {
        if matches!(event, DecodeEvent::Frame(_)) && !signalled {
            kill_process(Pid::from_raw(observed.id()).unwrap(), signal).unwrap();
            signalled = true;
        }
        ControlFlow::Continue(())
    });
    result.unwrap_err()
}

/// Settings under which a child cannot be done before its parent has seen the first picture.
fn on_a_short_leash() -> DecoderSettings {
    let mut settings = settings();
    settings.slots = 1;
    settings
}

#[test]
fn a_child_that_is_killed_costs_one_decode() {
    let folder = folder();
    let path = recording(&folder, 75);
    let observed = Observed::new(on_a_short_leash());
    for died in 1..=2 {
        let error = decode_and_signal(&observed, &path, Signal::KILL);
        assert!(matches!(error, DecodeError::ChildCrashed { signal: Some(9) }), "{error:?}");
        assert!(!is_there(observed.id()), "it was reaped");
        let outcome = decode_with(&observed.pool, &path, &SamplingPlan::every(Millis(500)));
        assert_eq!(outcome.numbers().len(), 10);
        assert_eq!(observed.ids().len(), died + 1);
    }
}

#[test]
fn a_child_that_is_killed_costs_no_other_decode() {
    let folder = folder();
    let path = recording(&folder, 75);
    let mut settings = on_a_short_leash();
    settings.children = 2;
    let observed = Observed::new(settings);
    // Both are at their first picture when one of them is killed.
    let both = std::sync::Barrier::new(2);
    let decode = || {
        let media = File::open(&path).unwrap();
        let mut pictures = 0;
        let plan = SamplingPlan::every(Millis(500));
        let result = observed.pool.decode(&media, &plan, &mut |event| {
            pictures += i32::from(matches!(event, DecodeEvent::Frame(_)));
            let is_first = pictures == 1 && matches!(event, DecodeEvent::Frame(_));
            if is_first {
                if both.wait().is_leader() {
                    kill_process(Pid::from_raw(observed.ids()[0]).unwrap(), Signal::KILL).unwrap();
                }
                both.wait();
            }
            ControlFlow::Continue(())
        });
        (result, pictures)
    };
    let outcomes = std::thread::scope(|scope| {
        let threads = [scope.spawn(decode), scope.spawn(decode)];
        threads.map(|thread| thread.join().unwrap())
    });
    let is_killed = |outcome: &(Result<_, DecodeError>, i32)| {
        matches!(outcome.0, Err(DecodeError::ChildCrashed { signal: Some(9) }))
    };
    assert_eq!(outcomes.iter().filter(|outcome| is_killed(outcome)).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().any(|(result, pictures)| result.is_ok() && *pictures == 10), "{outcomes:?}");
}

#[test]
fn a_child_that_hangs_is_killed() {
    let folder = folder();
    let path = recording(&folder, 75);
    let mut settings = on_a_short_leash();
    settings.stall_timeout = Duration::from_millis(300);
    let observed = Observed::new(settings);
    let error = decode_and_signal(&observed, &path, Signal::STOP);
    assert!(matches!(error, DecodeError::Timeout { .. }), "{error:?}");
    assert!(!is_there(observed.id()));
}

#[test]
fn a_child_that_died_while_idle_is_not_missed() {
    let folder = folder();
    let path = recording(&folder, 15);
    let observed = Observed::new(settings());
    observed.pool.warm_up().unwrap();
    let id = observed.id();
    kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
    let outcome = decode_with(&observed.pool, &path, &SamplingPlan::every(Millis(500)));
    assert_eq!(outcome.numbers().len(), 2);
}

#[test]
fn a_slow_consumer_holds_the_decoder_back() {
    let folder = folder();
    let path = recording(&folder, 75);
    let mut settings = settings();
    settings.slots = 2;
    let slow = DecoderPool::new(settings);
    let media = File::open(&path).unwrap();
    let plan = SamplingPlan::every(Millis(200));
    let mut pictures = 0;
    let decoded = slow.decode(&media, &plan, &mut |event| {
        if !matches!(event, DecodeEvent::Frame(_)) {
            return ControlFlow::Continue(());
        }
        pictures += 1;
        // As long as it takes to decode everything, several times.
        for _ in 0..3 {
            assert_eq!(decode_with(&pool(), &path, &plan).numbers().len(), 25);
        }
        ControlFlow::Break(())
    });
    let decoded = decoded.unwrap();
    assert_eq!((decoded.ending, pictures), (Ending::Stopped, 1));
    // The picture that was seen, two in slots, one that waits for a slot, each three frames apart, and
    // the frame that shows that the last of them is over.
    assert!(decoded.frames_decoded <= 3 * 3 + 2, "{decoded:?}");
}

#[test]
fn a_child_that_was_stopped_early_is_used_again() {
    let folder = folder();
    let path = recording(&folder, 75);
    let observed = Observed::new(settings());
    let media = File::open(&path).unwrap();
    for _ in 0..5 {
        let mut seen = 0;
        let stopped = observed.pool.decode(&media, &SamplingPlan::every(Millis(100)), &mut |_| {
            seen += 1;
            if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(stopped.unwrap().ending, Ending::Stopped);
        assert_eq!(seen, 3);
    }
    let outcome = decode_with(&observed.pool, &path, &SamplingPlan::every(Millis(500)));
    assert_eq!(outcome.numbers().len(), 10);
    assert_eq!(observed.ids().len(), 1);
}

#[test]
fn no_more_children_than_allowed() {
    let folder = folder();
    let path = recording(&folder, 15);
    let mut settings = settings();
    settings.children = 2;
    let observed = Observed::new(settings);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                decode_with(&observed.pool, &path, &SamplingPlan::every(Millis(500))).decoded().frames
            });
        }
    });
    assert!(observed.ids().len() <= 2, "{:?}", observed.ids());
}

#[test]
fn children_go_with_their_pool() {
    let observed = Observed::new(settings());
    observed.pool.warm_up().unwrap();
    let id = observed.id();
    drop(observed.pool);
    assert!(!is_there(id));
}

#[test]
fn an_interrupt_at_the_terminal_is_for_the_parent_alone() {
    let observed = Observed::new(settings());
    observed.pool.warm_up().unwrap();
    let child = Pid::from_raw(observed.id()).unwrap();
    assert_ne!(getpgid(Some(child)).unwrap(), getpgid(None).unwrap());
}

#[test]
fn a_child_ends_when_its_parent_is_gone() {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    let (ours, theirs): (OwnedFd, OwnedFd) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let mut orphan =
        Command::new(env!("CARGO_BIN_EXE_decode-child")).stdin(Stdio::from(theirs)).spawn().unwrap();
    drop(ours);
    orphan.wait().unwrap();
}

#[test]
fn a_child_knows_no_secrets_and_no_other_files() {
    let observed = Observed::new(settings());
    observed.pool.warm_up().unwrap();
    let id = observed.id();
    let environment = std::fs::read_to_string(format!("/proc/{id}/environ")).unwrap();
    let names: Vec<_> = environment.split('\0').filter_map(|entry| entry.split('=').next()).collect();
    assert!(!names.iter().any(|name| name.starts_with("CARGO")), "{names:?}");
    let open: Vec<_> = std::fs::read_dir(format!("/proc/{id}/fd"))
        .unwrap()
        .map(|entry| std::fs::read_link(entry.unwrap().path()).unwrap().display().to_string())
        .collect();
    let is_known = |target: &String| {
        ["/dev/null", "socket:", "pipe:", "anon_inode:"].iter().any(|known| target.starts_with(known))
    };
    assert!(open.iter().all(is_known), "{open:?}");
}

#[test]
fn a_program_that_is_no_decoder() {
    for executable in ["/bin/true", "/nonexistent"] {
        let pool = DecoderPool::new(DecoderSettings::new(executable.into(), [""; 0]));
        let error = pool.warm_up().unwrap_err();
        assert_eq!((error.reason(), error.kind()), ("spawn", domain::error::ErrorKind::Fatal), "{error}");
    }
}

#[test]
fn children_are_confined_and_what_is_required_is_insisted_on() {
    let confinement = Observed::new(settings()).pool.warm_up().unwrap();
    assert!(confinement.limits && confinement.seccomp, "{confinement:?}");
    for barrier in Barrier::ALL {
        let mut settings = settings();
        settings.required = vec![barrier];
        let outcome = Observed::new(settings).pool.warm_up();
        match confinement.has(barrier) {
            true => assert_eq!(outcome.unwrap(), confinement),
            false => assert!(matches!(outcome.unwrap_err(), DecodeError::Unconfined { .. })),
        }
    }
}

#[test]
fn a_child_is_replaced_after_so_many_media() {
    let folder = folder();
    let path = recording(&folder, 15);
    let mut settings = settings();
    settings.recycle_after = 2;
    let observed = Observed::new(settings);
    let lives: Vec<i32> = (0..4)
        .map(|_| {
            observed.pool.warm_up().unwrap();
            let id = observed.id();
            decode_with(&observed.pool, &path, &SamplingPlan::every(Millis(500))).result.unwrap();
            id
        })
        .collect();
    assert!(lives[0] == lives[1] && lives[1] != lives[2] && lives[2] == lives[3], "{lives:?}");
}

#[test]
fn a_child_that_has_used_half_of_its_processor_time_is_replaced() {
    let folder = folder();
    let path = recording(&folder, 75);
    let mut settings = settings();
    // It has used more than half of that when it is ready.
    settings.cpu_limit = Duration::from_millis(1);
    let observed = Observed::new(settings);
    for lives in 1..=2 {
        decode_with(&observed.pool, &path, &SamplingPlan::every(Millis(500))).result.unwrap();
        assert_eq!(observed.ids().len(), lives);
    }
}

#[test]
fn a_child_that_needs_more_memory_than_it_may_have_fails_alone() {
    let folder = folder();
    let path = recording(&folder, 15);
    let plan = SamplingPlan::every(Millis(500));
    let ample = Observed::new(settings());
    ample.pool.warm_up().unwrap();
    let mut settings = settings();
    // Enough to start with, but not for the stack of a thread.
    settings.memory_bytes = allocated(ample.id()) + (2 << 20);
    let small = Observed::new(settings);
    small.pool.warm_up().unwrap();
    let error = decode_with(&small.pool, &path, &plan).result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Poison, "{error:?}");
    decode_with(&ample.pool, &path, &plan).result.unwrap();
}

/// Memory that a process has allocated, in bytes.
fn allocated(id: i32) -> u64 {
    memory(id, "VmData:").unwrap()
}

/// A line of what is known of the memory of a process.
fn memory(id: i32, line: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let found = status.lines().find(|each| each.starts_with(line))?;
    found.split_whitespace().nth(1).unwrap().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}
