//! Makes media, decodes them, and reads the pictures.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use decode::{DecodeError, DecodeEvent, Decoded, DecoderPool, DecoderSettings, SamplingPlan};
use domain::picture::{ColourRange, Picture};
use domain::time::Millis;
use tempfile::TempDir;

/// Frames per second of generated media.
pub const RATE: i64 = 15;

/// Settings for the child that cargo has built beside this test.
pub fn settings() -> DecoderSettings {
    let mut settings = DecoderSettings::new(env!("CARGO_BIN_EXE_decode-child").into(), [""; 0]);
    settings.stall_timeout = Duration::from_secs(20);
    settings
}

pub fn pool() -> DecoderPool {
    DecoderPool::new(settings())
}

/// A folder for media, gone after the test.
pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs ffmpeg; `arguments` are split at spaces, `output` comes last.
pub fn ffmpeg(arguments: &str, output: &Path) {
    let run = Command::new("ffmpeg")
        .args("-v error -nostdin -y -threads 2".split(' '))
        .args(arguments.split_whitespace())
        .arg(output)
        .output()
        .expect("ffmpeg makes the media of these tests: install it (make setup does)");
    assert!(run.status.success(), "ffmpeg {arguments}: {}", String::from_utf8_lossy(&run.stderr));
}

/// Input for ffmpeg: a plain grey picture whose luma tells the number of its frame, see [`number`].
pub fn numbered(frames: i64, size: &str) -> String {
    format!(
        "-f lavfi -i color=s={size}:r={RATE},format=yuv420p,geq=lum='20+N*3':cb=128:cr=128,trim=end_frame={frames}"
    )
}

/// The same with noise, so that frames take some bytes.
pub fn numbered_and_noisy(frames: i64) -> String {
    numbered(frames, "160x120") + ",noise=alls=12:allf=t"
}

/// Which frame of a [`numbered`] medium this is.
pub fn number(picture: &Picture) -> i64 {
    let sum: u64 = picture.y().iter().map(|luma| u64::from(*luma)).sum();
    let mean = sum as f64 / picture.y().len() as f64;
    let mean = match picture.range() {
        ColourRange::Limited => mean,
        ColourRange::Full => mean * 219.0 / 255.0 + 16.0,
    };
    ((mean - 20.0) / 3.0).round() as i64
}

/// Media time of a frame at the rate of generated media.
pub fn time(number: i64) -> i64 {
    (number as f64 * 1000.0 / RATE as f64).round() as i64
}

/// The frame of a [`numbered`] medium that is displayed at an instant.
pub fn displayed(instant: i64) -> i64 {
    (0..).take_while(|number| time(*number) <= instant).last().unwrap()
}

/// A decode with its events.
#[derive(Debug)]
pub struct Outcome {
    pub events: Vec<DecodeEvent>,
    pub result: Result<Decoded, DecodeError>,
}

impl Outcome {
    /// Instants with the frame number of the picture that stands for them.
    pub fn numbers(&self) -> Vec<(i64, Option<i64>)> {
        let sample = |event: &DecodeEvent| match event {
            DecodeEvent::Started(_) => None,
            DecodeEvent::Frame(frame) => Some((frame.time.planned.0, Some(number(&frame.picture)))),
            DecodeEvent::Gap(time) => Some((time.planned.0, None)),
        };
        self.events.iter().filter_map(sample).collect()
    }

    /// The first picture.
    pub fn picture(&self) -> &Picture {
        let picture = self.events.iter().find_map(|event| match event {
            DecodeEvent::Frame(frame) => Some(&*frame.picture),
            _ => None,
        });
        picture.unwrap_or_else(|| panic!("no picture: {:?}", self.result))
    }

    pub fn decoded(&self) -> &Decoded {
        self.result.as_ref().unwrap()
    }

    pub fn reason(&self) -> &'static str {
        self.result.as_ref().map_or_else(DecodeError::reason, |_| "none")
    }
}

pub fn decode_with(pool: &DecoderPool, path: &Path, plan: &SamplingPlan) -> Outcome {
    let mut events = Vec::new();
    let media = File::open(path).unwrap();
    let result = pool.decode(&media, plan, &mut |event| {
        events.push(event);
        ControlFlow::Continue(())
    });
    Outcome { events, result }
}

/// Decodes a file with a child of its own, two pictures per second.
pub fn decode(path: &Path) -> Outcome {
    decode_with(&pool(), path, &SamplingPlan::every(Millis(500)))
}

/// A numbered VP8 recording in a folder.
pub fn recording(folder: &TempDir, frames: i64) -> PathBuf {
    let path = folder.path().join("recording.webm");
    ffmpeg(&format!("{} -c:v libvpx -b:v 2M -g 30", numbered(frames, "160x120")), &path);
    path
}
