//! What each stage takes on its own, for finding out where time goes after a change. Asserts nothing; what the
//! whole takes is for `invigilator bench`, what must not become slower for `instructions.rs`.
//!
//! `cargo bench --bench stages`, or `cargo bench --bench stages -- decode` for one of them. `elem/s` are seconds
//! of video per second: how many sessions one core would carry that did nothing else. One thread each; decoding
//! includes what its child process does.

#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
#[path = "../pipeline/domain/tests/score/builder.rs"]
mod builder;
#[allow(dead_code)]
#[path = "../pipeline/domain/tests/score/fixtures.rs"]
mod fixtures;

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::time::Duration;

use container::{CutSettings, Limits, Segments};
use criterion::{Criterion, Throughput, criterion_group};
use decode::{DecodeEvent, DecoderPool, DecoderSettings, SamplingPlan};
use domain::messages::{Observation, SegmentHeader};
use domain::observe::quality;
use domain::ports::{Attention, Look, Vision as _};
use domain::score::ScoreInput;
use infer::{Recognizer, Vision};
use invigilator::privacy::{TenantKeys, Vault};
use invigilator::publish::{Piece, Recording, SessionPlan};
use invigilator::settings::Settings;
use kafka::wire::{self, Event};
use kafka::{Origin, Record};

use builder::{SCREEN, session};
use fixtures::{fold_with, standard, started};

/// Segments whose pictures are looked at together.
const BATCH: usize = 8;

fn clip(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/clips").join(name)
}

/// The pieces of a clip as they are published.
fn pieces(name: &str) -> Vec<Piece> {
    let recording = Recording::open(&SessionPlan { file: clip(name), told: None, copy: None }).unwrap();
    recording.map(|piece| piece.unwrap()).collect()
}

fn plan(settings: &Settings, header: &SegmentHeader) -> SamplingPlan {
    settings.sampling.of_segment(SamplingPlan::every(settings.sampling.grid.base()), header)
}

fn seconds(header: &SegmentHeader) -> u64 {
    ((header.end_ms - header.start_ms).0 as u64).div_ceil(1000)
}

fn decoder() -> DecoderPool {
    DecoderPool::new(DecoderSettings::new(env!("CARGO_BIN_EXE_invigilator").into(), ["decode-child"]))
}

fn in_memory(media: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(media).unwrap();
    file
}

/// Cut: a minute of a recording, read, cut at keyframes, written again as segments.
fn cut(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cut");
    for (codec, name) in [("vp8", "c01_calm_vp8.webm"), ("h264", "c02_calm_h264.mp4")] {
        let file = std::fs::read(clip(name)).unwrap();
        group.throughput(Throughput::Elements(pieces(name).iter().map(|piece| seconds(&piece.header)).sum()));
        group.bench_function(codec, |bencher| {
            bencher.iter(|| {
                let media = std::io::Cursor::new(&file);
                let cut = Segments::open(media, Limits::default(), CutSettings::default()).unwrap();
                let track = cut.track().clone();
                for segment in cut {
                    black_box(container::write(&track, &segment.unwrap()));
                }
            });
        });
    }
}

/// Seal: the media of a minute sealed and opened again with the key of a session. On its way from a browser to a decoder
/// video is twice, as a chunk and as a segment.
fn seal(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, format!("bench one {}=\n", "A".repeat(43))).unwrap();
    let place = format!("file://{}/", folder.path().display()).parse().unwrap();
    let vault = Vault::open(&place, TenantKeys::read(&keys).unwrap().into()).unwrap();
    let key = vault.wait(vault.key(&"bench/e/s".parse().unwrap())).unwrap();
    let pieces = pieces("c01_calm_vp8.webm");
    let mut group = criterion.benchmark_group("seal");
    group.throughput(Throughput::Elements(pieces.iter().map(|piece| seconds(&piece.header)).sum()));
    group.bench_function("and open", |bencher| {
        bencher.iter(|| {
            for piece in &pieces {
                let sealed = key.seal(b"place", black_box(&piece.media)).unwrap();
                black_box(key.open(b"place", &sealed).unwrap());
            }
        });
    });
}

/// Decode: one segment, as often as it is looked at when nothing is suspicious.
fn decode(criterion: &mut Criterion) {
    let (settings, decoder) = (Settings::defaults(), decoder());
    let mut group = criterion.benchmark_group("decode");
    for (codec, name) in [("vp8", "c01_calm_vp8.webm"), ("h264", "c02_calm_h264.mp4")] {
        let piece = pieces(name).swap_remove(3);
        let (media, plan) = (in_memory(&piece.media), plan(&settings, &piece.header));
        group.throughput(Throughput::Elements(seconds(&piece.header)));
        group.bench_function(codec, |bencher| {
            bencher.iter(|| decoder.decode(&media, &plan, &mut |_| ControlFlow::Continue(())).unwrap());
        });
    }
}

/// Measure: exposure, sharpness and hash of the picture of a second.
fn measure(criterion: &mut Criterion) {
    let looks = looks("c01_calm_vp8.webm", 3);
    let picture = &looks[0].picture;
    let mut group = criterion.benchmark_group("measure");
    group.throughput(Throughput::Elements(1));
    group.bench_function("640x480", |bencher| bencher.iter(|| quality::measure(black_box(picture))));
}

/// Look: the pictures of eight segments together, by all models that they need.
fn look(criterion: &mut Criterion) {
    let mut settings = Settings::defaults().vision();
    settings.threads = 1;
    let vision = Vision::new(&settings).unwrap();
    let mut group = criterion.benchmark_group("look");
    group.sample_size(20);
    for (what, name, from) in
        [("calm", "c01_calm_vp8.webm", 3), ("second person", "c05_second_person_vp8.webm", 7)]
    {
        let segments: Vec<Vec<Look>> = (from..from + BATCH).map(|index| looks(name, index)).collect();
        let header = |index: usize| pieces(name).swap_remove(index).header;
        group.throughput(Throughput::Elements(
            (from..from + BATCH).map(|index| seconds(&header(index))).sum(),
        ));
        group.bench_function(what, |bencher| bencher.iter(|| vision.look(black_box(&segments))));
    }
}

/// Recognise: one face becomes an embedding, with the mesh that it is aligned on. `elem/s` are faces.
fn recognise(criterion: &mut Criterion) {
    let mut settings = Settings::defaults().vision();
    settings.threads = 1;
    let recognizer = Recognizer::new(&settings).unwrap();
    let look = looks("c01_calm_vp8.webm", 3).swap_remove(0);
    let picture = look.picture.clone();
    let sight = Vision::new(&settings).unwrap().look(&[vec![look]]).remove(0).remove(0).unwrap();
    let face = &sight.detections.faces[0];
    let mut group = criterion.benchmark_group("recognise");
    group.throughput(Throughput::Elements(1));
    group.bench_function("face", |bencher| {
        bencher.iter(|| recognizer.embed_any(black_box(&picture), face).unwrap());
    });
}

/// The pictures of a segment; persons are looked for in the first one of every other segment.
fn looks(name: &str, index: usize) -> Vec<Look> {
    let piece = pieces(name).swap_remove(index);
    let plan = plan(&Settings::defaults(), &piece.header);
    let mut looks = Vec::new();
    let media = in_memory(&piece.media);
    let decoded = decoder().decode(&media, &plan, &mut |event| {
        if let DecodeEvent::Frame(frame) = event {
            let is_due = index.is_multiple_of(2) && looks.is_empty();
            let attention = if is_due { Attention::Thorough } else { Attention::Unless { faces: 1 } };
            looks.push(Look { picture: frame.picture, attention });
        }
        ControlFlow::Continue(())
    });
    decoded.unwrap();
    looks
}

/// Wire: an observation to a record and back.
fn wire(criterion: &mut Criterion) {
    let observation = session().seated(2).observations().swap_remove(0);
    let event = Event::from_source("bench");
    let (headers, value) = wire::encode(event, &observation);
    let record = Record {
        origin: Origin { topic: "exam.observations".to_owned(), partition: 0, offset: 0 },
        key: observation.session.to_string().into_bytes(),
        value: Some(value),
        headers,
        timestamp_ms: None,
    };
    let mut group = criterion.benchmark_group("wire");
    group.throughput(Throughput::Elements(2));
    group.bench_function("write an observation", |bencher| {
        bencher.iter(|| wire::encode(event, black_box(&observation)));
    });
    group.bench_function("read an observation", |bencher| {
        bencher.iter(|| wire::decode::<Observation>(black_box(&record)).unwrap());
    });
}

/// Fold: an hour of a session in which something happens every few minutes.
fn fold(criterion: &mut Criterion) {
    let mut script = session().seated(60);
    while script.seconds() < 3600 {
        script = script.seated(200).looking(12, SCREEN.turned(40.0)).seated(60).absent(15).seated(73);
    }
    let (length, observations) = (script.seconds() as u64, script.observations());
    let fact = started(&[], None);
    let mut group = criterion.benchmark_group("fold");
    group.throughput(Throughput::Elements(length)).sample_size(20);
    group.bench_function("an hour", |bencher| {
        bencher.iter(|| {
            let mut fold = fold_with(&standard());
            fold.push(ScoreInput::SessionFact(&fact));
            for observation in &observations {
                black_box(fold.push(ScoreInput::Observation(observation)));
            }
            fold.finish()
        });
    });
}

criterion_group! {
    name = stages;
    config = Criterion::default().measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1));
    targets = cut, seal, decode, measure, look, recognise, wire, fold
}

fn main() {
    let settings = Settings::defaults().infer;
    let needed =
        [clip("c01_calm_vp8.webm"), settings.models_dir.join("manifest.toml"), settings.runtime_library];
    if let Some(missing) = needed.iter().find(|path| !path.is_file()) {
        eprintln!("stages: {} is missing: run `make setup`", missing.display());
        exit(6);
    }
    stages();
    Criterion::default().configure_from_args().final_summary();
}
