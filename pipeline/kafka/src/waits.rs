//! How long threads of the client library wait: by a clock that nobody sets.
//!
//! The library puts its threads to sleep until a time of day, because the `cnd_timedwait` of C11 knows no other
//! clock. When that is set back by an hour, a thread that has just gone to sleep for a second sleeps for an hour:
//! one of them sends the heartbeats, another is ours, which polls. So the program has a `cnd_timedwait` of its own,
//! which the linker takes before that of the system.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libc::{CLOCK_MONOTONIC, ETIMEDOUT, clockid_t, timespec};

/// The longest that a thread waits at once. The clock may be set between the library's look at it and ours; the
/// library goes back to waiting when it was woken too early.
const LONGEST: Duration = Duration::from_secs(1);

/// As `<threads.h>` of glibc has them.
const SUCCESS: c_int = 0;
const ERROR: c_int = 2;
const TIMED_OUT: c_int = 4;

unsafe extern "C" {
    /// Not in the crate `libc` yet. Conditions and mutexes of C11 are those of POSIX to glibc.
    fn pthread_cond_clockwait(
        condition: *mut c_void,
        mutex: *mut c_void,
        clock: clockid_t,
        until: *const timespec,
    ) -> c_int;
}

/// Waits for a condition until a time of day, or until somebody signals it.
///
/// # Safety
/// As the standard says: all three are valid, and the calling thread holds the mutex.
#[unsafe(no_mangle)]
unsafe extern "C" fn cnd_timedwait(
    condition: *mut c_void,
    mutex: *mut c_void,
    until: *const timespec,
) -> c_int {
    // SAFETY: the caller's pointer is valid.
    let until = since_the_beginning(unsafe { &*until });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut monotonic = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is that of a local variable.
    unsafe { libc::clock_gettime(CLOCK_MONOTONIC, &mut monotonic) };
    let end = since_the_beginning(&monotonic) + until.saturating_sub(now).min(LONGEST);
    let end = timespec { tv_sec: end.as_secs() as _, tv_nsec: end.subsec_nanos().into() };
    // SAFETY: the caller's pointers are valid, and `end` is a local variable.
    match unsafe { pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &end) } {
        0 => SUCCESS,
        ETIMEDOUT => TIMED_OUT,
        _ => ERROR,
    }
}

/// The time since a clock's beginning; none if it shows a time before that.
fn since_the_beginning(time: &timespec) -> Duration {
    let seconds = Duration::from_secs(time.tv_sec.try_into().unwrap_or_default());
    seconds + Duration::from_nanos(time.tv_nsec.try_into().unwrap_or_default())
}
