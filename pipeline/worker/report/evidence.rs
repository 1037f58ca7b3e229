//! Pictures of flagged moments, for whoever asks for them: which moments, what the files are called,
//! and writing them.
//!
//! Off unless a user asks: these are the only pixels the program ever writes. The names carry the
//! session, the instant and the type, and never what a user called the file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::ids::SessionId;
use domain::messages::{Incident, IncidentClass, IncidentState};
use domain::picture::Picture;
use domain::time::{MediaMs, Millis};
use uuid::Uuid;

use super::EvidencePicture;

pub use crate::jpeg::LONGEST_SIDE;

/// How far inside an incident its outer pictures are taken.
const INSET: Millis = Millis(1000);
/// Pictures of one incident are at least this far apart.
const APART: Millis = Millis(2000);

/// The instants worth a picture, in order of time: just after the start, in the middle and just before
/// the end of each incident that can cost points or awaits a person's judgement; fewer of short ones.
pub fn moments(incidents: &[Incident]) -> Vec<(Uuid, MediaMs)> {
    let shown = incidents.iter().filter(|incident| {
        incident.class != IncidentClass::Coverage && incident.state != IncidentState::Superseded
    });
    let mut moments: Vec<(Uuid, MediaMs)> = shown
        .flat_map(|incident| within(incident).into_iter().map(|at| (incident.incident_id, at)))
        .collect();
    moments.sort_by_key(|&(id, at)| (at, id));
    moments
}

fn within(incident: &Incident) -> Vec<MediaMs> {
    let length = incident.end_ms - incident.start_ms;
    // An incident begins between two samples: its very first instant may still show what was before.
    let inset = Millis(length.0 / 4).min(INSET);
    let mut moments = vec![incident.start_ms + inset];
    for at in [incident.start_ms + length.half(), incident.end_ms - inset] {
        if moments.iter().all(|&taken| at - taken >= APART) {
            moments.push(at);
        }
    }
    moments
}

/// One picture, encoded.
///
/// # Errors
/// If the picture is too large for JPEG.
pub fn encode(incident_id: Uuid, media_ms: MediaMs, picture: &Picture) -> io::Result<EvidencePicture> {
    let jpeg = crate::jpeg::encode(picture).map_err(io::Error::other)?;
    Ok(EvidencePicture { incident_id, media_ms, jpeg })
}

/// Writes the pictures of one session into `folder`, which is made if need be; returns their paths.
///
/// # Errors
/// If the folder or a file cannot be written.
pub fn write(
    folder: &Path,
    session: &SessionId,
    incidents: &[Incident],
    pictures: &[EvidencePicture],
) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let mut written: Vec<PathBuf> = Vec::new();
    for picture in pictures {
        let illustrated = incidents.iter().find(|incident| incident.incident_id == picture.incident_id);
        let kind = illustrated.map_or("moment", |incident| incident.kind.name());
        let path = free_path(folder, &file_stem(session, picture.media_ms, kind), &written);
        fs::write(&path, &picture.jpeg)?;
        written.push(path);
    }
    Ok(written)
}

/// `<session>_<mmss>_<type>`; minutes grow beyond two digits when they must.
fn file_stem(session: &SessionId, at: MediaMs, kind: &str) -> String {
    let seconds = at.0.max(0) / 1000;
    format!("{}_{:02}{:02}_{kind}", session.as_str().replace('/', "-"), seconds / 60, seconds % 60)
}

/// The first name of `stem.jpg`, `stem-2.jpg`, … that this run has not used yet. Files of an earlier
/// run are replaced: the same input gives the same files.
fn free_path(folder: &Path, stem: &str, used: &[PathBuf]) -> PathBuf {
    let first = std::iter::once(format!("{stem}.jpg"));
    let others = (2..).map(|number| format!("{stem}-{number}.jpg"));
    let mut candidates = first.chain(others).map(|name| folder.join(name));
    candidates.find(|path| !used.contains(path)).unwrap_or_else(|| folder.join(stem))
}
