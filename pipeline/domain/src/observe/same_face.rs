//! Two detections of one face are one face: without this, a detector's stutter would look like a
//! second person.

use crate::detections::DetectedFace;

/// Boxes of one size that overlap more than this show one face. Faces of two people cheek to cheek
/// overlap less: their boxes end about at the ears.
const SAME_BOX_IOU: f32 = 0.4;

/// A box of which this much lies within another one is a part of the same face.
const SAME_BOX_INSIDE: f32 = 0.7;

/// Keeps the most confident detection of each face.
///
/// Two detections show the same face when their meshes have nearly the same centre (`widths` is the
/// distance in widths of the smaller face: the detector can put two boxes on one face that overlap
/// too little for its own suppression, and both meshes then land on the face), or when their boxes
/// nearly coincide.
pub fn merge<'a>(faces: impl Iterator<Item = &'a DetectedFace>, widths: f32) -> Vec<&'a DetectedFace> {
    let mut by_confidence: Vec<&DetectedFace> = faces.collect();
    by_confidence
        .sort_by(|one, other| other.conf.total_cmp(&one.conf).then(one.rect.x.total_cmp(&other.rect.x)));
    let mut kept: Vec<&DetectedFace> = Vec::new();
    for face in by_confidence {
        if !kept.iter().any(|have| is_same(have, face, widths)) {
            kept.push(face);
        }
    }
    kept
}

fn is_same(one: &DetectedFace, other: &DetectedFace, widths: f32) -> bool {
    let inside = one.rect.share_inside(other.rect).max(other.rect.share_inside(one.rect));
    if one.rect.iou(other.rect) > SAME_BOX_IOU || inside > SAME_BOX_INSIDE {
        return true;
    }
    let (Some(mesh), Some(other_mesh)) = (one.mesh, other.mesh) else { return false };
    let (centre, other_centre) = (mesh.rect.centre(), other_mesh.rect.centre());
    let width = mesh.rect.w.min(other_mesh.rect.w);
    let height = mesh.rect.h.min(other_mesh.rect.h);
    // Each axis in its own unit: fractions of width and of height are different lengths.
    let (dx, dy) = ((centre.x - other_centre.x) / width, (centre.y - other_centre.y) / height);
    dx.hypot(dy) < widths
}
