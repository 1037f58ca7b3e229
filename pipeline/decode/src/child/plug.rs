//! Connects the video stream of a demuxer to its decoder and to the session.
//!
//! ```text
//! demuxer ─▶ parser ─┊needed┊─▶ decoder ─▶ sink ─▶ sampler
//! ```
//! The first video stream is taken. Everything else stays unconnected: demuxers drop what nobody takes.

use std::sync::{Arc, Mutex};

use domain::time::Millis;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;

use super::limits::check_vp8;
use super::lock;
use super::orientation::Orientation;
use super::session::{News, Session, Stop, known_duration};
use super::stated::Duration;
use crate::error::Fault;
use crate::event::StreamInfo;
use crate::formats::{CODECS, Codec, Container};

/// What happens to the pads of a demuxer.
pub(super) struct Plug {
    pub(super) container: &'static Container,
    /// How long the medium is, or who knows.
    pub(super) stated: Duration,
    pub(super) pipeline: gst::glib::WeakRef<gst::Pipeline>,
    pub(super) session: Arc<Mutex<Session>>,
    pub(super) streams: Mutex<Streams>,
}

/// What the demuxer has shown so far.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Streams of any kind.
    pub(super) any: bool,
    /// The input of the decoder of the video stream.
    pub(super) decoder: Option<gst::Pad>,
    has_video: bool,
}

impl Plug {
    /// Takes a new stream of the demuxer.
    pub(super) fn stream_found(&self, pad: &gst::Pad) {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let Some(structure) = caps.structure(0) else { return };
        let media_type = structure.name().as_str();
        let is_video =
            ["video/", "image/", "application/x-cenc"].iter().any(|kind| media_type.starts_with(kind));
        {
            let mut streams = lock(&self.streams);
            streams.any = true;
            if !is_video || streams.has_video {
                return;
            }
            streams.has_video = true;
        }
        let connected = lock(&self.session).announced(caps.clone()).and_then(|()| {
            let codec = codec_of(structure)?;
            self.connect(pad, codec)
        });
        if let Err(stop) = connected {
            lock(&self.session).stop(stop);
        }
    }

    /// The demuxer has shown all its streams.
    pub(super) fn all_found(&self) {
        if !lock(&self.streams).has_video {
            lock(&self.session).stop(Stop::Refused(Fault::NoVideo));
        }
    }

    /// Whether a video stream was found.
    pub(super) fn has_video(&self) -> bool {
        lock(&self.streams).has_video
    }

    fn connect(&self, pad: &gst::Pad, codec: &'static Codec) -> Result<(), Stop> {
        let missing = || Stop::Refused(Fault::UnsupportedCodec { codec: codec.name.to_owned() });
        let pipeline = self.pipeline.upgrade().ok_or(Stop::Interrupted)?;
        let make = |name: &str| gst::ElementFactory::make(name).build().map_err(|_| missing());
        let decoder = codec.decoders.iter().find_map(|name| make(name).ok()).ok_or_else(missing)?;
        settle(&decoder);
        let parser = codec.parser.map(make).transpose()?;
        let sink = self.sink();
        let chain: Vec<gst::Element> = parser.iter().chain([&decoder, sink.upcast_ref()]).cloned().collect();
        let broken = |_| Stop::Refused(Fault::Broken { what: "the elements do not fit together".to_owned() });
        pipeline.add_many(&chain).map_err(broken)?;
        gst::Element::link_many(&chain).map_err(broken)?;
        let input = decoder.static_pad("sink").ok_or_else(missing)?;
        // In front of the decoder, and so behind the parser if there is one.
        let output = match &parser {
            Some(parser) => parser.static_pad("src").ok_or_else(missing)?,
            None => pad.clone(),
        };
        if let Some(pad) = parser.as_ref().and_then(|parser| parser.static_pad("sink")) {
            hide_size(&pad);
        }
        self.watch(&output, &input, codec);
        for element in chain.iter().rev() {
            element.sync_state_with_parent().map_err(broken)?;
        }
        let first = chain.first().and_then(|element| element.static_pad("sink")).ok_or_else(missing)?;
        lock(&self.streams).decoder = Some(input);
        pad.link(&first).map_err(|_| missing())?;
        Ok(())
    }

    /// Lets only those encoded frames through that are needed.
    fn watch(&self, output: &gst::Pad, input: &gst::Pad, codec: &'static Codec) {
        let session = Arc::clone(&self.session);
        let announce = Announce { container: self.container, codec, stated: self.stated };
        let decoder = input.clone();
        let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        output.add_probe(mask, move |pad, info| match info.data.take() {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                info.flow_res = encoded(&session, pad, &decoder, buffer, &announce);
                gst::PadProbeReturn::Handled
            }
            Some(gst::PadProbeData::Event(event)) => {
                let passed = event_passes(&session, &decoder, &event);
                info.data = Some(gst::PadProbeData::Event(event));
                if passed { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Drop }
            }
            other => {
                info.data = other;
                gst::PadProbeReturn::Ok
            }
        });
    }

    /// Where decoded frames arrive.
    fn sink(&self) -> gst_app::AppSink {
        let session = Arc::clone(&self.session);
        let ended = Arc::clone(&self.session);
        let callbacks = gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let mut session = lock(&session);
                let decoded = session.decoded(&sample);
                flow(&mut session, decoded)
            })
            .eos(move |_| lock(&ended).say(News::EndOfStream))
            .build();
        let sink = gst_app::AppSink::builder()
            .caps(&gst::Caps::new_empty_simple("video/x-raw"))
            .sync(false)
            .qos(false)
            .enable_last_sample(false)
            .max_buffers(1)
            .callbacks(callbacks)
            .build();
        if let Some(pad) = sink.static_pad("sink") {
            // Whoever understands strides spares the decoder a copy of every frame.
            pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
                let Some(query) = info.query_mut() else { return gst::PadProbeReturn::Ok };
                let gst::QueryViewMut::Allocation(allocation) = query.view_mut() else {
                    return gst::PadProbeReturn::Ok;
                };
                allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
                gst::PadProbeReturn::Handled
            });
        }
        sink
    }
}

/// The codec of a stream, if it is one of ours.
fn codec_of(structure: &gst::StructureRef) -> Result<&'static Codec, Stop> {
    let media_type = structure.name().as_str();
    let version = structure.get::<i32>("mpegversion").ok();
    let known = CODECS.iter().find(|codec| {
        codec.media_type == media_type && (codec.mpeg_version.is_none() || codec.mpeg_version == version)
    });
    known.ok_or_else(|| {
        let name = media_type.trim_start_matches("video/").trim_start_matches("x-");
        Stop::Refused(Fault::UnsupportedCodec { codec: name.to_owned() })
    })
}

/// Sets what any decoder may have of: one thread, no frames dropped for being late, no giving up after
/// errors, no frames that it knows to be damaged.
fn settle(decoder: &gst::Element) {
    for (property, value) in [
        ("threads", "1"),
        ("max-threads", "1"),
        ("n-threads", "1"),
        ("qos", "false"),
        ("max-errors", "-1"),
        ("discard-corrupted-frames", "true"),
        ("output-corrupt", "false"),
    ] {
        if decoder.has_property(property) {
            decoder.set_property_from_str(property, value);
        }
    }
}

/// Keeps the size that the container states from a parser: it would pass that on instead of the one that it
/// finds, and the decoder goes by what it finds.
fn hide_size(parser: &gst::Pad) {
    parser.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
        let Some(gst::PadProbeData::Event(event)) = &info.data else { return gst::PadProbeReturn::Ok };
        if let gst::EventView::Caps(announced) = event.view() {
            let mut caps = announced.caps_owned();
            for structure in caps.make_mut().iter_mut() {
                structure.remove_fields(["width", "height"]);
            }
            info.data = Some(gst::PadProbeData::Event(gst::event::Caps::new(&caps)));
        }
        gst::PadProbeReturn::Ok
    });
}

/// Takes an encoded frame on its way to the decoder.
fn encoded(
    session: &Mutex<Session>,
    pad: &gst::Pad,
    decoder: &gst::Pad,
    buffer: gst::Buffer,
    announce: &Announce,
) -> Result<gst::FlowSuccess, gst::FlowError> {
    let (ready, is_all) = {
        let mut session = lock(session);
        let taken = announce.stream(&mut session, pad).and_then(|()| {
            if announce.codec.name == "vp8" {
                session.check_frame(&buffer, check_vp8)?;
            }
            let running = running_time(pad, &buffer);
            session.encoded(buffer, running)
        });
        match taken {
            Ok(ready) => ready,
            Err(stop) => return flow(&mut session, Err(stop)),
        }
    };
    // Unlocked: decoded frames come back to the session from within.
    let pushed = push(decoder, ready)?;
    if is_all {
        // What the decoder still holds comes out, and the rest of the medium is not read.
        decoder.send_event(gst::event::Eos::new());
        return Err(gst::FlowError::Eos);
    }
    Ok(pushed)
}

fn push(decoder: &gst::Pad, frames: Vec<gst::Buffer>) -> Result<gst::FlowSuccess, gst::FlowError> {
    frames.into_iter().try_fold(gst::FlowSuccess::Ok, |_, frame| decoder.chain(frame))
}

/// What is known about a stream before its first frame.
struct Announce {
    container: &'static Container,
    codec: &'static Codec,
    stated: Duration,
}

impl Announce {
    /// Announces the stream when its first frame shows that there is something to announce.
    fn stream(&self, session: &mut Session, pad: &gst::Pad) -> Result<(), Stop> {
        if session.has_started() {
            return Ok(());
        }
        let (width, height) = pad.current_caps().map(|caps| session.shown_size(&caps)).unwrap_or_default();
        let known = known_duration(pad.query_duration::<gst::ClockTime>());
        let duration = match self.stated {
            Duration::AskDemuxer => known,
            Duration::Known(stated) => Some(stated).filter(|stated| *stated > Millis::ZERO),
            Duration::Unknown => None,
        };
        session.start(StreamInfo {
            container: self.container.name.to_owned(),
            codec: self.codec.name.to_owned(),
            width,
            height,
            duration,
            estimate: duration.or(known),
        })
    }
}

fn running_time(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = event.segment().downcast_ref::<gst::ClockTime>()?;
    segment.to_running_time(buffer.pts()?)
}

/// Keeps events in their place among the frames; returns whether the event goes on.
fn event_passes(session: &Mutex<Session>, decoder: &gst::Pad, event: &gst::Event) -> bool {
    let ready = match event.view() {
        gst::EventView::Tag(tags) => {
            if let Some(tag) = tags.tag().get::<gst::tags::ImageOrientation>() {
                lock(session).set_orientation(Orientation::from_tag(tag.get()));
            }
            return true;
        }
        gst::EventView::Caps(caps) => {
            let mut session = lock(session);
            if let Err(stop) = session.announced(caps.caps_owned()) {
                session.stop(stop);
                return false;
            }
            session.held_back()
        }
        gst::EventView::Segment(_) => lock(session).held_back(),
        gst::EventView::Eos(_) => lock(session).encoded_all(),
        _ => return true,
    };
    // A decoder that takes no more says so again with the next frame.
    let _ = push(decoder, ready);
    true
}

/// The container broke off without an end: what the decoder still holds comes out.
pub(super) fn drain(session: &Mutex<Session>, decoder: &gst::Pad) {
    let ready = lock(session).encoded_all();
    // Refused if the end went through already, or if it is the decoder that is broken.
    let _ = push(decoder, ready);
    decoder.send_event(gst::event::Eos::new());
}

/// Ends the stream for a reason.
fn flow(session: &mut Session, result: Result<(), Stop>) -> Result<gst::FlowSuccess, gst::FlowError> {
    result.map(|()| gst::FlowSuccess::Ok).map_err(|stop| {
        session.stop(stop);
        gst::FlowError::Eos
    })
}
