//! One job from its file to its summary: finds the container, runs the elements, sorts out the end.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use domain::time::Millis;
use gstreamer as gst;
use gstreamer::prelude::*;

use super::ebml;
use super::gif;
use super::link::Link;
use super::lock;
use super::mp4;
use super::plug::{Plug, drain};
use super::session::{News, Session, Stop};
use super::source::Source;
use super::stated::{self, Duration};
use super::still;
use crate::error::Fault;
use crate::event::Ending;
use crate::formats::{CONTAINERS, Container, Length};
use crate::protocol::{Job, Summary};

/// Decodes a file; pictures go out through `link` on the way.
pub(super) fn decode(job: &Job, media: OwnedFd, link: &Arc<Mutex<Link>>) -> Result<Summary, Fault> {
    let source = Source::new(media)?;
    let head = source.head()?;
    if gif::is_gif(&head) {
        return gif::decode(job, &source, Arc::clone(link));
    }
    if let Some(format) = still::format(&head) {
        return still::decode(job, &source, format, Arc::clone(link));
    }
    let container = container_of(&head)?;
    let stated = stated::read(container.length, &head);
    let source = if container.length == Length::MatroskaHeader { source.mended() } else { source };
    let demuxer = gst::ElementFactory::make(container.demuxer)
        .build()
        .map_err(|_| Fault::UnsupportedContainer { container: container.name.to_owned() })?;
    let pipeline = gst::Pipeline::new();
    let (sender, news) = mpsc::channel();
    forward_errors(&pipeline, sender.clone());
    let session = Arc::new(Mutex::new(Session::new(job, Arc::clone(link), sender)));
    let plug = Arc::new(Plug {
        container,
        stated,
        pipeline: pipeline.downgrade(),
        session: Arc::clone(&session),
        streams: Mutex::default(),
    });
    let found = Arc::clone(&plug);
    demuxer.connect_pad_added(move |_, pad| found.stream_found(pad));
    let found = Arc::clone(&plug);
    demuxer.connect_no_more_pads(move |_| found.all_found());

    let element = source.element();
    let broken = |_| Fault::Broken { what: "the demuxer cannot be fed".to_owned() };
    pipeline.add_many([element.upcast_ref(), &demuxer]).map_err(broken)?;
    element.link(&demuxer).map_err(broken)?;
    // An element that refuses to start says so on the bus.
    let _ = pipeline.set_state(gst::State::Playing);
    let outcome = conclude(&news, &plug, &source);
    // Ends the streaming thread, and with it every use of the link.
    let _ = pipeline.set_state(gst::State::Null);
    match outcome {
        Err(Fault::Damaged | Fault::NoVideo | Fault::NoPictures)
            if stated == Duration::Known(Millis::ZERO) =>
        {
            Err(Fault::ZeroDuration)
        }
        other => other,
    }
}

/// Waits for the end of the streams, and makes of it what the parent needs to know.
fn conclude(news: &Receiver<News>, plug: &Plug, source: &Source) -> Result<Summary, Fault> {
    let first = news.recv().unwrap_or(News::Broken);
    match first {
        News::Stop(Stop::Refused(fault)) => return Err(fault),
        News::Stop(Stop::Interrupted) => return Ok(lock(&plug.session).summary(Ending::Stopped)),
        News::Stop(Stop::Fulfilled) | News::EndOfStream | News::Broken => {}
    }
    let is_broken = matches!(first, News::Broken);
    if !plug.has_video() {
        return Err(if lock(&plug.streams).any { Fault::NoVideo } else { Fault::Damaged });
    }
    let decoder = lock(&plug.streams).decoder.clone();
    if let Some(decoder) = decoder.filter(|_| is_broken) {
        drain(&plug.session, &decoder);
        // Draining may have brought up the reason why nothing works.
        if let Some(fault) = news.try_iter().find_map(refusal) {
            return Err(fault);
        }
    }
    let is_cut_short = is_broken || is_incomplete(plug.container, source);
    lock(&plug.session).finish(is_cut_short)
}

/// Whether bytes of the file are missing or damaged, as far as its container lets that be known.
fn is_incomplete(container: &Container, source: &Source) -> bool {
    match container.length {
        Length::MatroskaHeader => source.is_incomplete(),
        Length::Mp4Header => mp4::is_cut_off(source.window()),
        Length::Container | Length::Nobody => false,
    }
}

fn refusal(news: News) -> Option<Fault> {
    match news {
        News::Stop(Stop::Refused(fault)) => Some(fault),
        _ => None,
    }
}

/// What sound files may begin with.
const SOUND_TAGS: [&str; 2] = ["application/x-id3", "application/x-apetag"];

/// What contains the streams, if it is one of ours.
fn container_of(head: &[u8]) -> Result<&'static Container, Fault> {
    // Every segment is one of these, and a look by all type finders costs as much as decoding a small frame.
    let is_matroska = |known: &&Container| known.length == Length::MatroskaHeader;
    if head.starts_with(&ebml::EBML.to_be_bytes())
        && let Some(matroska) = CONTAINERS.iter().find(is_matroska)
    {
        return Ok(matroska);
    }
    let (probability, caps) = gst::SliceTypeFind::type_find(head);
    let Some(caps) = caps else { return Err(Fault::NotMedia) };
    let media_type = caps.structure(0).map(|structure| structure.name().as_str()).unwrap_or_default();
    if let Some(known) = CONTAINERS.iter().find(|known| known.media_types.contains(&media_type)) {
        return Ok(known);
    }
    // Type finders for sound and raw streams take almost anything for theirs.
    if probability < gst::TypeFindProbability::Likely {
        return Err(Fault::NotMedia);
    }
    let is_sound = media_type.starts_with("audio/") || SOUND_TAGS.contains(&media_type);
    if is_sound {
        return Err(Fault::NoVideo);
    }
    if media_type.starts_with("video/") || media_type == "application/ogg" {
        return Err(Fault::UnsupportedContainer { container: media_type.to_owned() });
    }
    Err(Fault::NotMedia)
}

/// Tells whoever waits for the end of the job that an element gave up. Warnings are not errors: a
/// decoder warns about every damaged frame, and goes on.
fn forward_errors(pipeline: &gst::Pipeline, news: mpsc::Sender<News>) {
    let Some(bus) = pipeline.bus() else { return };
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(_) = message.view() {
            // Nobody waits any more once the job has ended.
            let _ = news.send(News::Broken);
        }
        gst::BusSyncReply::Drop
    });
}
