//! Gives rights up, before the first byte of a medium is seen: whatever a codec is made to do by the bytes
//! it is given, the kernel does not do it.
//!
//! Everything that decoding may need is loaded before: afterwards no plugin can be. What the kernel, or the
//! container that this runs in, does not offer is left out, and the parent is told what is in force; it
//! decides whether that is enough.

use std::collections::BTreeMap;
use std::fs;

use gstreamer as gst;
use gstreamer::prelude::*;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
};
use rustix::process::{Resource, Rlimit, getpid, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use crate::confinement::Confinement;
use crate::formats::{CODECS, CONTAINERS};
use crate::protocol::Allowance;

/// Gives up what can be given up. GStreamer has been initialised, and there is no other thread yet.
pub(super) fn confine(allowance: Allowance) -> Confinement {
    load_elements();
    // In this order: the filter forbids what the others need.
    let limits = limit(allowance);
    let landlock = is_single_threaded() && give_up_files();
    let seccomp = give_up_calls().is_ok();
    Confinement { landlock, seccomp, limits }
}

/// Has GStreamer load the plugins of every format, and whatever these open when they begin to work.
fn load_elements() {
    let decoders = CODECS.iter().flat_map(|codec| codec.parser.iter().chain(codec.decoders));
    let demuxers = CONTAINERS.iter().map(|container| &container.demuxer);
    for name in demuxers.chain(decoders).chain(&["appsrc", "appsink", "pipeline"]) {
        // What is not installed is refused by name when a medium needs it.
        let Ok(element) = gst::ElementFactory::make(name).build() else { continue };
        let _ready = element.set_state(gst::State::Ready);
        let _null = element.set_state(gst::State::Null);
    }
    // And the plugins that tell formats apart: all of them have a look at this.
    let _unknown = gst::SliceTypeFind::type_find([0; 64]);
}

/// Whether this is the only thread: Landlock holds for the thread that asks for it, and those it starts.
fn is_single_threaded() -> bool {
    fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

fn limit(allowance: Allowance) -> bool {
    let limit = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    let limits = [
        // What is allocated, and stacks; not what is mapped from files, and not the shared pictures.
        (Resource::Data, limit(allowance.memory_bytes)),
        (Resource::Cpu, limit(allowance.cpu_seconds)),
        // A crash leaves no pictures behind.
        (Resource::Core, limit(0)),
        (Resource::Fsize, limit(0)),
    ];
    limits.into_iter().all(|(resource, limit)| setrlimit(resource, limit).is_ok())
}

/// No file by name, and no TCP socket where the kernel knows that right. Returns whether it is in force.
fn give_up_files() -> bool {
    const KNOWN: ABI = ABI::V5;
    let restricted = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(KNOWN)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    // Older kernels know fewer rights, but reading, writing and executing have been among them always.
    restricted.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

/// All calls but these fail, as if the kernel had none of that name: codecs know how to do without.
fn give_up_calls() -> Result<(), Box<dyn std::error::Error>> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let only = |argument, operator, value| -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
        let condition = SeccompCondition::new(argument, Width::Dword, operator, value)?;
        Ok(vec![SeccompRule::new(vec![condition])?])
    };
    let threads = u64::from(libc::CLONE_THREAD as u32);
    let own = u64::from(getpid().as_raw_nonzero().get().cast_unsigned());
    // Threads, but no processes.
    rules.insert(libc::SYS_clone, only(0, SeccompCmpOp::MaskedEq(threads), threads)?);
    // Signals to nobody else: to die by.
    rules.insert(libc::SYS_kill, only(0, SeccompCmpOp::Eq, own)?);
    rules.insert(libc::SYS_tgkill, only(0, SeccompCmpOp::Eq, own)?);
    // The size of a file that is open. A filter sees no names, so that of any other can be asked for, too.
    let by_descriptor = u64::from(libc::AT_EMPTY_PATH.cast_unsigned());
    rules.insert(libc::SYS_newfstatat, only(3, SeccompCmpOp::Eq, by_descriptor)?);
    // What a descriptor is like, and copies of it; not who is signalled when something comes.
    let of_descriptors = [
        libc::F_DUPFD_CLOEXEC,
        libc::F_GETFD,
        libc::F_SETFD,
        libc::F_GETFL,
        libc::F_SETFL,
        libc::F_GET_SEALS,
    ];
    let of_descriptors: Result<Vec<_>, _> = of_descriptors
        .iter()
        .map(|what| only(1, SeccompCmpOp::Eq, u64::from(what.cast_unsigned())))
        .collect();
    rules.insert(libc::SYS_fcntl, of_descriptors?.concat());
    // Names of threads.
    rules.insert(libc::SYS_prctl, only(0, SeccompCmpOp::Eq, libc::PR_SET_NAME as u64)?);
    let refuse = SeccompAction::Errno(libc::ENOSYS as u32);
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter_all_threads(&program)?;
    Ok(())
}

/// What decoding needs of the kernel: memory, threads that wait for each other, time, and the descriptors
/// that it was given.
const ALLOWED: &[i64] = &[
    // Memory.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Threads.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_membarrier,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    // Signals of its own.
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // Time, and chance.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    // Descriptors that are there, and those that threads wake each other by.
    libc::SYS_close,
    libc::SYS_eventfd2,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_write,
    libc::SYS_writev,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
];

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::process::Command;
    use std::thread;

    use rustix::process::{Pid, Signal, kill_process};

    use super::*;

    type Attempt = (&'static str, fn() -> bool);

    /// What is tried: one way each that a codec could be of use to an attacker, and what it needs itself.
    const ATTEMPTS: [Attempt; 10] = [
        ("read a file", || File::open("/etc/passwd").is_ok()),
        ("make a file", || tempfile::tempfile().is_ok()),
        ("list a folder", || fs::read_dir("/").is_ok()),
        ("connect", || TcpStream::connect(std::env::var("LISTENER").unwrap()).is_ok()),
        ("make a socket", || UdpSocket::bind("127.0.0.1:0").is_ok()),
        ("start a program", || Command::new("/bin/true").status().is_ok()),
        ("signal its parent", || {
            let parent = std::env::var("PARENT").unwrap().parse().unwrap();
            kill_process(Pid::from_raw(parent).unwrap(), Signal::CONT).is_ok()
        }),
        ("take much memory", || Vec::<u8>::new().try_reserve_exact(512 << 20).is_ok()),
        ("take memory", || Vec::<u8>::new().try_reserve_exact(64 << 20).is_ok()),
        ("start a thread", || thread::Builder::new().spawn(|| {}).is_ok_and(|thread| thread.join().is_ok())),
    ];

    /// Runs in a process of its own, which it confines.
    #[test]
    #[ignore = "run by each_barrier_holds_by_itself, in a process that is confined for good"]
    fn attempts() {
        match std::env::var("BARRIER").unwrap().as_str() {
            "landlock" if !give_up_files() => return println!("not offered"),
            "seccomp" => give_up_calls().unwrap(),
            "limits" => assert!(limit(Allowance { memory_bytes: 256 << 20, cpu_seconds: 60 })),
            _ => {}
        }
        for (what, attempt) in ATTEMPTS {
            println!("can {what}: {}", attempt());
        }
    }

    /// What cannot be done behind a barrier; `None` if this machine has none of that kind.
    fn prevented(barrier: &str) -> Option<Vec<String>> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["child::confine::tests::attempts", "--exact", "--ignored", "--nocapture"])
            .env("BARRIER", barrier)
            .env("PARENT", std::process::id().to_string())
            .env("LISTENER", listener.local_addr().unwrap().to_string())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        if said.contains("not offered") {
            eprintln!("not tested, since this kernel does not offer it: {barrier}");
            return None;
        }
        let outcome = |(what, _): &(&str, _)| {
            let line = said.lines().find_map(|line| line.split_once(&format!("can {what}: ")));
            line.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr))).1 == "true"
        };
        Some(
            ATTEMPTS.iter().filter(|attempt| !outcome(attempt)).map(|(what, _)| (*what).to_owned()).collect(),
        )
    }

    #[test]
    fn each_barrier_holds_by_itself() {
        let barriers: [(&str, &[&str]); 4] = [
            ("none", &[]),
            ("landlock", &["read a file", "make a file", "list a folder", "connect", "start a program"]),
            (
                "seccomp",
                &[
                    "read a file",
                    "make a file",
                    "list a folder",
                    "connect",
                    "make a socket",
                    "start a program",
                    "signal its parent",
                ],
            ),
            // Files can be made, but nothing can be written to them.
            ("limits", &["take much memory"]),
        ];
        for (barrier, expected) in barriers {
            let Some(prevented) = prevented(barrier) else { continue };
            assert_eq!(prevented, expected, "{barrier}");
        }
    }
}
