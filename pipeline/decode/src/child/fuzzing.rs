//! What of this crate reads bytes of strangers, as `fuzz/` calls it: there in its builds alone.
//!
//! Panics where a promise is broken.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, LazyLock, Mutex, mpsc};
use std::time::Duration;

use domain::picture::Picture;
use domain::time::{Interval, MediaMs, Millis};
use gstreamer as gst;
use gstreamer_video as gst_video;
use rustix::fs::{MemfdFlags, memfd_create};

use super::convert::Format;
use super::link::Link;
use super::mend::Mend;
use super::session::{Session, Stop};
use super::source::Source;
use super::{gif, lock, matroska, mp4, still};
use crate::error::{DecodeError, Fault};
use crate::event::{DecodeEvent, Ending, StreamInfo};
use crate::intake::{Intake, Taken};
use crate::os::SharedMemory;
use crate::plan::SamplingPlan;
use crate::protocol::{Channel, Job, Limits, Summary, ToChild, ToParent};

const LIMITS: Limits = Limits { longer_side: 128, shorter_side: 96, duration: Millis(60_000) };
const SLOTS: usize = 2;
/// Far longer than anything here takes.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(30));

/// Reads the head of a file, and mends all of it, `step` bytes at a time.
pub fn head(file: &[u8], step: usize) {
    let _stated = (matroska::stated(file), mp4::stated(file));
    let Some(source) = source(file) else { return };
    let _is_cut_off = mp4::is_cut_off(source.window());
    let mended = |step: usize| {
        let mut mend = Mend::new(source.window());
        let mut seen = file.to_vec();
        for (index, part) in seen.chunks_mut(step).enumerate() {
            mend.mend((index * step) as u64, part);
        }
        (seen, mend.is_incomplete())
    };
    let (seen, is_incomplete) = mended(step);
    assert_eq!((seen.as_slice(), is_incomplete), (mended(file.len()).0.as_slice(), is_incomplete));
    assert!(is_incomplete || seen == file, "what is whole is left alone");
}

/// Decodes a GIF or a still picture, and takes in what its decoder says.
pub fn picture(plan: u8, file: &[u8]) {
    let Some(source) = source(file) else { return };
    run(plan, |job, link| {
        if gif::is_gif(file) {
            return gif::decode(job, &source, link);
        }
        match still::format(file) {
            Some(format) => still::decode(job, &source, format, link),
            None => Err(Fault::NotMedia),
        }
    });
}

/// A frame of a medium.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Its time in nanoseconds, if it has one.
    pub at: Option<u64>,
    /// How long it lasts, likewise.
    pub lasts: Option<u64>,
    /// Whether decoding can begin here.
    pub is_key: bool,
    /// Whether a decoder makes a picture of it.
    pub is_decodable: bool,
}

/// Samples frames, and takes in what their decoder says.
pub fn moments(plan: u8, moments: &[Moment]) {
    LazyLock::force(&GSTREAMER);
    run(plan, |job, link| {
        let mut session = Session::new(job, link, mpsc::channel().0);
        match show(&mut session, moments) {
            Ok(()) | Err(Stop::Fulfilled) => session.finish(false),
            Err(Stop::Interrupted) => Ok(session.summary(Ending::Stopped)),
            Err(Stop::Refused(fault)) => Err(fault),
        }
    });
}

fn show(session: &mut Session, moments: &[Moment]) -> Result<(), Stop> {
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, 2, 2).build();
    let info = info.expect("GStreamer knows I420");
    let format = Format::new(info.clone(), None);
    let picture = |frame: &gst::BufferRef| {
        let mut picture = gst::Buffer::with_size(info.size()).expect("there is memory");
        picture.get_mut().expect("it is new").set_pts(frame.pts());
        picture
    };
    let is_decodable = |frame: &gst::BufferRef| !frame.flags().contains(gst::BufferFlags::CORRUPTED);
    for moment in moments {
        if !session.has_started() {
            session.start(stream())?;
        }
        let at = moment.at.and_then(time);
        let mut frame = gst::Buffer::with_size(1).expect("there is memory");
        let buffer = frame.get_mut().expect("it is new");
        buffer.set_pts(at);
        buffer.set_duration(moment.lasts.and_then(time));
        for (flag, is_set) in [
            (gst::BufferFlags::DELTA_UNIT, !moment.is_key),
            (gst::BufferFlags::CORRUPTED, !moment.is_decodable),
        ] {
            if is_set {
                buffer.set_flags(flag);
            }
        }
        let (ready, is_all) = session.encoded(frame, at)?;
        for ready in ready.into_iter().filter(|frame| is_decodable(frame)) {
            session.decoded_frame(picture(&ready), format.clone(), ready.pts())?;
        }
        if is_all {
            break;
        }
    }
    for ready in session.encoded_all().into_iter().filter(|frame| is_decodable(frame)) {
        session.decoded_frame(picture(&ready), format.clone(), ready.pts())?;
    }
    Ok(())
}

fn time(nanoseconds: u64) -> Option<gst::ClockTime> {
    (nanoseconds != u64::MAX).then(|| gst::ClockTime::from_nseconds(nanoseconds))
}

fn stream() -> StreamInfo {
    StreamInfo {
        container: "matroska".to_owned(),
        codec: "vp8".to_owned(),
        width: 2,
        height: 2,
        duration: None,
        estimate: None,
    }
}

/// Takes in messages, one a line, the first line's first byte being the plan.
pub fn intake(messages: &[u8]) {
    static MEMORY: LazyLock<Mutex<SharedMemory>> = LazyLock::new(|| Mutex::new(memory().0));
    let Some((plan, messages)) = messages.split_first() else { return };
    let memory = lock(&MEMORY);
    let plan = plan_of(*plan);
    let mut intake = Intake::new(plan, LIMITS);
    let mut follow = Follow::new(plan);
    for line in messages.split(|byte| *byte == b'\n') {
        let Ok(message) = serde_json::from_slice(line) else { return };
        match intake.take(message, &memory, false) {
            Ok(Taken::Event { event, .. }) => follow.event(&event),
            Ok(Taken::Progress) => {}
            Ok(Taken::Done(_)) | Err(_) => return,
        }
    }
}

/// Runs a decode in this process, with a parent that takes in what it says.
fn run(plan: u8, decode: impl FnOnce(&Job, Arc<Mutex<Link>>) -> Result<Summary, Fault> + Send) {
    LazyLock::force(&GSTREAMER);
    let plan = plan_of(plan);
    let job = Job { plan, limits: LIMITS };
    let (parent, socket) = Channel::pair().expect("there are sockets");
    let (memory, descriptor) = memory();
    let theirs = SharedMemory::open(descriptor.as_fd(), SLOTS, slot_bytes()).expect("it is sealed");
    let link = Arc::new(Mutex::new(Link::new(Channel::new(socket), theirs)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let outcome = decode(&job, Arc::clone(&link));
            let last = outcome.map_or_else(ToParent::Failed, ToParent::Done);
            lock(&link).say(&last).expect("the parent listens");
        });
        let mut intake = Intake::new(plan, LIMITS);
        let mut follow = Follow::new(plan);
        loop {
            let message = parent.receive(PATIENCE).expect("it says something");
            match intake.take(message, &memory, false) {
                Ok(Taken::Progress) => {}
                Ok(Taken::Done(_)) => return,
                Ok(Taken::Event { event, release }) => {
                    follow.event(&event);
                    if let Some(slot) = release {
                        parent.send(&ToChild::Release { slot }, None, PATIENCE).expect("it listens");
                    }
                }
                Err(DecodeError::ChildMisbehaved { what }) => panic!("an honest decoder misbehaved: {what}"),
                Err(_) => return,
            }
        }
    });
}

/// Sees to it that events come as they are promised.
struct Follow {
    plan: SamplingPlan,
    due: Option<MediaMs>,
}

impl Follow {
    fn new(plan: SamplingPlan) -> Self {
        Self { plan, due: None }
    }

    fn event(&mut self, event: &DecodeEvent) {
        let time = match event {
            DecodeEvent::Started(_) => {
                assert_eq!(self.due, None, "it started once");
                self.due = Some(self.plan.first());
                return;
            }
            DecodeEvent::Frame(frame) => {
                assert!(frame.picture_ms <= frame.time.moment);
                assert!(LIMITS.allow(frame.picture.width(), frame.picture.height()));
                frame.time
            }
            DecodeEvent::Gap(time) => *time,
        };
        assert!(self.due.is_some_and(|due| self.plan.allows(due, time)), "every sample in its turn");
        self.due = Some(self.plan.after(time));
    }
}

static GSTREAMER: LazyLock<()> = LazyLock::new(|| gst::init().expect("GStreamer is installed"));

fn plan_of(choice: u8) -> SamplingPlan {
    let interval = [50, 100, 500, 1000][usize::from(choice & 3)];
    let is_grid = choice & 0x40 == 0;
    let plan = if is_grid {
        SamplingPlan::every(Millis(interval))
    } else {
        SamplingPlan::keyframes(Millis(interval))
    };
    let plan = if choice & 4 == 0 { plan } else { plan.holding(Millis(300)) };
    let plan = if choice & 0x20 == 0 { plan } else { plan.slackened(Millis(interval / 5)) };
    match choice & 0x18 {
        0 => plan,
        8 => plan.within(Interval::new(MediaMs(0), MediaMs(5000))),
        16 => plan.starting_at(MediaMs(2020)).within(Interval::new(MediaMs(3000), MediaMs(8000))),
        _ => plan.starting_at(MediaMs(2020)),
    }
}

fn memory() -> (SharedMemory, OwnedFd) {
    SharedMemory::create(SLOTS, slot_bytes()).expect("there is memory")
}

fn slot_bytes() -> usize {
    Picture::bytes_needed(LIMITS.longer_side, LIMITS.shorter_side)
}

/// A file with these bytes; none if there are none.
fn source(bytes: &[u8]) -> Option<Source> {
    let file = memfd_create("fuzz", MemfdFlags::CLOEXEC).expect("there is memory");
    rustix::io::write(&file, bytes).expect("there is memory");
    Source::new(file).ok()
}
