//! Whether a found face is one: what the detector and the mesh say together.
//!
//! The detector alone takes an empty chair, a hand or a dog's head for a weak face now and then; the
//! mesh, run on the same spot, then mostly finds none. On the other hand it misses the faces of bowed
//! and turned heads that the detector is sure of. So both have a say: their log-odds add up. Says
//! nothing about whose face it is.

/// How much more the detector's log-odds weigh than the mesh's, which saturate.
const DETECTOR_WEIGHT: f32 = 4.0;

/// The sum from which on a face is taken for one. A detection of 0.5 needs a mesh of 0.99, one of
/// 0.75 a mesh of 0.5, one of 0.9 is hardly refused.
const ENOUGH: f32 = 4.5;

/// On faces smaller than this, in pixels, the mesh works from a picture that is mostly interpolated:
/// it can confirm such a face, but not deny it.
const SMALL_FACE: f32 = 32.0;

/// How much the mesh can say against a small face.
const SMALL_FACE_LEAST: f32 = -0.3;

/// Whether a face of this height, in pixels, is credible. `presence` is absent where no mesh was run.
pub(crate) fn is_face(conf: f32, presence: Option<f32>, height: f32) -> bool {
    let mesh = presence.map_or(0.0, log_odds);
    let mesh = if height < SMALL_FACE { mesh.max(SMALL_FACE_LEAST) } else { mesh };
    DETECTOR_WEIGHT * log_odds(conf) + mesh >= ENOUGH
}

fn log_odds(probability: f32) -> f32 {
    // Far enough from 0 and 1 to stay finite.
    let probability = probability.clamp(1e-6, 1.0 - 1e-6);
    (probability / (1.0 - probability)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_detection_needs_a_sure_mesh() {
        assert!(is_face(0.56, Some(0.9999), 99.0));
        assert!(!is_face(0.54, Some(0.95), 175.0), "a dog's head");
        assert!(!is_face(0.6, Some(0.006), 64.0), "an empty chair");
        assert!(!is_face(0.6, None, 64.0));
    }

    #[test]
    fn a_sure_detection_stands_against_a_doubtful_mesh() {
        assert!(is_face(0.92, Some(0.068), 146.0), "a bowed head");
        assert!(is_face(0.9, None, 100.0));
        assert!(!is_face(0.72, Some(0.001), 42.0), "the back of a seat");
    }

    #[test]
    fn the_mesh_confirms_small_faces_and_hardly_denies_them() {
        assert!(is_face(0.56, Some(0.9999), 17.0));
        assert!(is_face(0.79, Some(0.001), 18.0));
        assert!(!is_face(0.72, Some(0.001), 18.0));
    }

    #[test]
    fn certainty_is_finite() {
        assert!(is_face(1.0, Some(0.0), 90.0));
        assert!(!is_face(0.0, Some(1.0), 90.0));
    }
}
