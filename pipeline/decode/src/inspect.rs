//! Which parts of GStreamer that decoding needs are installed: for `invigilator doctor`.

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::formats::{CODECS, CONTAINERS};

/// One element that some format needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementStatus {
    /// The format it is for, such as `matroska` or `hevc`.
    pub format: &'static str,
    /// Its name in GStreamer.
    pub element: &'static str,
    /// The Debian package that brings it.
    pub package: &'static str,
    /// The version of its plugin; `None` if it is not installed.
    pub version: Option<String>,
}

/// Looks up every element that any format needs.
///
/// Where several decoders would do, the one that is used is listed, else the preferred one.
///
/// # Errors
/// If GStreamer does not start; the message says why.
pub fn inspect() -> Result<Vec<ElementStatus>, String> {
    gst::init().map_err(|error| error.to_string())?;
    let mut elements = vec![("pipeline", "appsrc", "gstreamer1.0-plugins-base")];
    for container in &CONTAINERS {
        elements.push((container.name, container.demuxer, container.package));
    }
    for codec in &CODECS {
        elements.extend(codec.parser.map(|parser| (codec.name, parser, "gstreamer1.0-plugins-bad")));
        let installed = codec.decoders.iter().find(|decoder| version_of(decoder).is_some());
        elements.extend(installed.or(codec.decoders.first()).map(|name| (codec.name, *name, codec.package)));
    }
    let status = |(format, element, package)| {
        let version = version_of(element);
        ElementStatus { format, element, package, version }
    };
    Ok(elements.into_iter().map(status).collect())
}

fn version_of(element: &str) -> Option<String> {
    let plugin = gst::ElementFactory::find(element)?.plugin()?;
    Some(plugin.version().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_product_promises_is_installed() {
        let elements = inspect().unwrap();
        for needed in ["matroskademux", "qtdemux", "tsdemux", "vp8dec", "vp9dec", "avdec_h264"] {
            let found = elements.iter().find(|status| status.element == needed);
            assert!(found.is_some_and(|status| status.version.is_some()), "{needed} in {elements:#?}");
        }
    }
}
