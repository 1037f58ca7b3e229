//! Checks of the decoder: GStreamer, its elements, and a child process that really starts.

use std::collections::BTreeMap;

use decode::{Barrier, Confinement, DecoderPool, ElementStatus};

use super::Check;
use crate::exit::with_causes;
use crate::settings::Settings;

/// Without these the common recordings of browsers cannot be analysed.
const NEEDED: [&str; 6] = ["pipeline", "matroska", "mp4", "vp8", "vp9", "h264"];

pub(super) fn checks(settings: &Settings) -> Vec<Check> {
    let elements = match decode::inspect() {
        Ok(elements) => elements,
        Err(error) => {
            return vec![Check::fail(
                "GStreamer",
                error,
                "run `make setup`, or install GStreamer 1.22 or newer",
            )];
        }
    };
    let mut checks = vec![version(&elements)];
    checks.extend(formats(&elements));
    checks.extend(child(settings));
    checks
}

/// GStreamer and its base plugins are released together: the version of one is that of the other.
fn version(elements: &[ElementStatus]) -> Check {
    let base = elements.iter().find(|element| element.format == "pipeline");
    match base.and_then(|element| element.version.clone()) {
        Some(version) => Check::ok("GStreamer", version),
        None => Check::fail("GStreamer", "without its base plugins", "run `make setup`"),
    }
}

/// One check per format: it works if all its elements are installed.
fn formats(elements: &[ElementStatus]) -> Vec<Check> {
    let mut by_format: BTreeMap<&str, Vec<&ElementStatus>> = BTreeMap::new();
    for element in elements.iter().filter(|element| element.format != "pipeline") {
        by_format.entry(element.format).or_default().push(element);
    }
    let check = |(format, elements): (&str, Vec<&ElementStatus>)| {
        let name = format!("video {format}");
        let missing: Vec<_> = elements.iter().filter(|element| element.version.is_none()).collect();
        let Some(first) = missing.first() else {
            let names: Vec<&str> = elements.iter().map(|element| element.element).collect();
            return Check::ok(&name, names.join(", "));
        };
        let names: Vec<&str> = missing.iter().map(|element| element.element).collect();
        let found = format!("{} not installed", names.join(", "));
        let remedy = format!("install {}", first.package);
        if NEEDED.contains(&format) {
            Check::fail(&name, found, remedy)
        } else {
            Check::warn(&name, found, format!("{remedy}, if such files are to be analysed"))
        }
    };
    by_format.into_iter().map(check).collect()
}

fn child(settings: &Settings) -> Vec<Check> {
    let started = settings
        .decoder()
        .map_err(|error| with_causes(&error))
        .and_then(|decoder| DecoderPool::new(decoder).warm_up().map_err(|error| with_causes(&error)));
    match started {
        Ok(confinement) => vec![Check::ok("decoder process", "starts and answers"), barriers(confinement)],
        Err(error) => {
            let remedy = "the program must be able to start itself: check file permissions and memory limits";
            vec![Check::fail("decoder process", error, remedy)]
        }
    }
}

/// What a decoder that was taken over could not do: as a child of this very program says.
fn barriers(confinement: Confinement) -> Check {
    let names = |up: bool| -> Vec<&str> {
        Barrier::ALL
            .into_iter()
            .filter(|barrier| confinement.has(*barrier) == up)
            .map(Barrier::name)
            .collect()
    };
    let (name, missing) = ("decoder barriers", names(false));
    if missing.is_empty() {
        return Check::ok(name, names(true).join(", "));
    }
    let remedy = "Linux 5.13 or newer, with lsm=landlock and seccomp filters, inside of containers too";
    Check::warn(name, format!("without {}", missing.join(", ")), remedy)
}
