//! The child process: one job after the other, until the parent is gone.
//!
//! Owns nothing but the control socket, the shared memory and the file of the running job. Opens no
//! file by name once it is ready.

mod confine;
mod convert;
mod ebml;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gif;
mod limits;
mod link;
mod matroska;
mod mend;
mod mp4;
mod needed;
mod orientation;
mod pipeline;
mod plug;
mod sampler;
mod session;
mod source;
mod stated;
mod still;
mod timeline;
mod window;

use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gstreamer as gst;
use rustix::process::{Signal, getpid, kill_process};

use crate::error::Fault;
use crate::os::{SharedMemory, close_inherited_descriptors};
use crate::protocol::{Channel, ChannelError, ToChild, ToParent};
use link::Link;

/// Runs a decoder child: what the program does when it is started with the arguments of
/// [`DecoderSettings`](crate::DecoderSettings). Standard input is the control socket.
///
/// To be called first thing in `main`: it closes every descriptor that it does not know.
pub fn decode_child_main() -> ExitCode {
    close_inherited_descriptors();
    match serve() {
        Ok(()) | Err(ChannelError::Closed) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> Result<(), ChannelError> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned().map_err(ChannelError::Io)?;
    let watched = socket.try_clone().map_err(ChannelError::Io)?;
    let channel = Channel::new(socket);
    let (first, descriptor) = channel.receive_with_descriptor()?;
    let (ToChild::Open { slots, slot_bytes, allowance }, Some(descriptor)) = (first, descriptor) else {
        return Err(ChannelError::Malformed);
    };
    let memory = SharedMemory::open(descriptor.as_fd(), slots, slot_bytes).map_err(ChannelError::Io)?;
    drop(descriptor);
    if let Err(error) = gst::init() {
        let fault = Fault::Broken { what: error.to_string() };
        return channel.send(&ToParent::Failed(fault), None, None);
    }
    let confinement = confine::confine(allowance);
    die_with_the_parent(watched)?;
    channel.send(&ToParent::Ready(confinement), None, None)?;
    // Shared with the streaming thread of the running job; between jobs nobody else has it.
    let link = Arc::new(Mutex::new(Link::new(channel, memory)));
    loop {
        let (job, media) = lock(&link).next_job()?;
        let outcome = pipeline::decode(&job, media, &link);
        lock(&link).say(&match outcome {
            Ok(summary) => ToParent::Done(summary),
            Err(fault) => ToParent::Failed(fault),
        })?;
    }
}

/// Kills this process when the other end of its socket closes, whatever its codecs are busy with.
///
/// Not `PR_SET_PDEATHSIG`: that fires when the *thread* ends that started the child, and threads of the
/// parent come and go.
fn die_with_the_parent(watched: OwnedFd) -> Result<(), ChannelError> {
    let watch = move || {
        Channel::wait_for_hang_up(watched.as_fd());
        // Nothing is left to be cleaned up, and ordinary exit handlers would race with the codecs.
        let _ = kill_process(getpid(), Signal::KILL);
    };
    std::thread::Builder::new().name("hang-up".to_owned()).spawn(watch).map_err(ChannelError::Io)?;
    Ok(())
}

/// Locks, also after a panic of another thread: what is guarded here is never left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
