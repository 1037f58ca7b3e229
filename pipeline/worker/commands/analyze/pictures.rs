//! Pictures of flagged moments, for `--evidence`: found by a second pass over the file.

use std::path::Path;

use domain::messages::Incident;
use domain::time::MediaMs;

use crate::analyze::{AnalyzeError, show_pictures};
use crate::report::EvidencePicture;
use crate::report::evidence;
use crate::workshop::Workshop;

/// The pictures that stood at the moments worth showing.
///
/// # Errors
/// If the file cannot be decoded any more, or a picture cannot be encoded.
pub fn take(
    workshop: &Workshop,
    path: &Path,
    incidents: &[Incident],
) -> Result<Vec<EvidencePicture>, AnalyzeError> {
    let moments = evidence::moments(incidents);
    let instants: Vec<MediaMs> = moments.iter().map(|(_, instant)| *instant).collect();
    if instants.is_empty() {
        return Ok(Vec::new());
    }
    let plan = workshop.analyzer().plan();
    let mut pictures = Vec::new();
    let mut failed = None;
    show_pictures(workshop.decoder(), path, &plan, &instants, &mut |instant, picture| {
        // Several incidents may want the same instant.
        for (incident, _) in moments.iter().filter(|(_, moment)| *moment == instant) {
            match evidence::encode(*incident, instant, picture) {
                Ok(encoded) => pictures.push(encoded),
                Err(error) => failed = Some(error),
            }
        }
    })?;
    failed.map_or(Ok(pictures), |error| Err(error.into()))
}
