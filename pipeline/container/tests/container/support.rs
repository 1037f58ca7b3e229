//! Sample clips, variants of them, and what ffmpeg's tools say about them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use container::{ContainerError, CutSettings, Demuxer, Limits, Packet, Segment, Segments, VideoTrack};
use domain::time::MediaMs;

/// A frame as it can be compared: time in ms, whether it is a keyframe, size.
pub type Frame = (i64, bool, usize);

pub fn clip(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/media/clips").join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

/// Runs ffmpeg with `arguments`; returns the file it wrote.
pub fn ffmpeg(folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let output = folder.join(name);
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-nostdin"])
        .args(arguments)
        .arg(&output)
        .status()
        .expect("ffmpeg is installed by `make setup`");
    assert!(status.success(), "ffmpeg {arguments:?}");
    output
}

/// `seconds` of a moving picture, encoded with `codec`.
pub fn generated(folder: &Path, name: &str, seconds: u32, codec: &[&str]) -> PathBuf {
    let source = format!("testsrc2=s=160x120:r=15:d={seconds}");
    ffmpeg(folder, name, &[&["-f", "lavfi", "-i", &source][..], codec].concat())
}

/// What ffprobe says of the video track, in decoding order, on the clock of its first frame.
pub fn probe(path: &Path) -> Vec<Frame> {
    let fields = "stream=time_base:packet=pts,flags,size";
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-of", "json", "-show_entries", fields])
        .arg(path)
        .output()
        .expect("ffprobe is installed by `make setup`");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let base = report["streams"][0]["time_base"].as_str().unwrap();
    let (numerator, denominator) = base.split_once('/').unwrap();
    let (numerator, denominator): (i64, i64) = (numerator.parse().unwrap(), denominator.parse().unwrap());
    let nanoseconds = |packet: &serde_json::Value| {
        (packet["pts"].as_i64().unwrap() * numerator * 1_000_000_000).div_euclid(denominator)
    };
    let packets = report["packets"].as_array().unwrap();
    let is_shown = |packet: &&serde_json::Value| !packet["flags"].as_str().unwrap().contains('D');
    let first = nanoseconds(packets.iter().find(is_shown).unwrap());
    let frame = |packet: &serde_json::Value| {
        let at = (nanoseconds(packet) - first + 500_000).div_euclid(1_000_000);
        let size = packet["size"].as_str().unwrap().parse().unwrap();
        (at, packet["flags"].as_str().unwrap().contains('K'), size)
    };
    packets.iter().map(frame).collect()
}

/// How many frames ffmpeg decodes, without a single complaint.
pub fn decoded(path: &Path) -> usize {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-nostdin", "-i"])
        .arg(path)
        .args(["-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framecrc", "-"])
        .output()
        .expect("ffmpeg is installed by `make setup`");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{}: {complaints}", path.display());
    String::from_utf8(output.stdout).unwrap().lines().filter(|line| !line.starts_with('#')).count()
}

pub fn frames(packets: &[Packet]) -> Vec<Frame> {
    packets.iter().map(|packet| (packet.at.0, packet.is_key, packet.bytes.len())).collect()
}

/// What a stream gives: packets, then how it ends.
pub struct Demuxed {
    pub packets: Vec<Packet>,
    pub track: Option<VideoTrack>,
    pub damages: u64,
    pub result: Result<(), ContainerError>,
}

/// Reads a stream that comes in pieces.
pub fn demux<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Demuxed {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut packets = Vec::new();
    let mut result = Ok(());
    for piece in pieces {
        result = demuxer.push(piece, &mut packets);
        if result.is_err() {
            break;
        }
    }
    let result = result.and_then(|()| demuxer.finish());
    Demuxed { packets, track: demuxer.track().cloned(), damages: demuxer.damages(), result }
}

pub fn open(path: &Path) -> Segments<File> {
    let file = File::open(path).unwrap();
    Segments::open(file, Limits::default(), CutSettings::default()).unwrap()
}

/// All segments of a sound file.
pub fn cut(path: &Path) -> (VideoTrack, Vec<Segment>) {
    let mut segments = open(path);
    let all: Vec<_> = segments.by_ref().collect::<Result<_, _>>().unwrap();
    assert_eq!(segments.damages(), 0);
    (segments.track().clone(), all)
}

/// The frames that are shown within their segment, in the order of their times.
pub fn shown(segments: &[Segment]) -> Vec<Frame> {
    let inside = |segment: &Segment| {
        let mut packets = segment.packets.clone();
        packets.retain(|packet| segment.interval.contains(packet.at));
        frames(&packets)
    };
    let mut all: Vec<Frame> = segments.iter().flat_map(inside).collect();
    all.sort_by_key(|frame| frame.0);
    all
}

/// Checks that segments are numbered, begin at 0 and join without seam or overlap.
pub fn assert_joined(segments: &[Segment]) {
    let mut border = MediaMs::ZERO;
    for (index, segment) in segments.iter().enumerate() {
        assert_eq!((segment.sequence, segment.interval.start), (index as u64, border));
        assert!(!segment.interval.is_empty(), "{:?}", segment.interval);
        border = segment.interval.end;
    }
}

/// A Matroska stream as recorders write it that cannot go back: no cluster knows its size.
pub fn without_cluster_sizes(mut stream: Vec<u8>) -> Vec<u8> {
    for at in 0..stream.len() - 12 {
        if stream[at..].starts_with(&[0x1f, 0x43, 0xb6, 0x75]) {
            let length = stream[at + 4].leading_zeros() as usize;
            stream[at + 4] = 0xff >> length;
            stream[at + 5..at + 5 + length].fill(0xff);
        }
    }
    stream
}
