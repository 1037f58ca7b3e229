//! Non-maximum suppression: of detections that overlap, the most confident one stays.

use domain::geometry::Rect;

/// Something with a box and a confidence.
pub(crate) trait Scored {
    fn rect(&self) -> Rect;
    fn conf(&self) -> f32;
}

/// Drops every detection that overlaps a more confident one by more than `most_iou`; the rest in
/// falling order of confidence, equal ones in the order given.
pub(crate) fn suppress<T: Scored>(mut found: Vec<T>, most_iou: f32) -> Vec<T> {
    found.sort_by(|one, other| other.conf().total_cmp(&one.conf()));
    let mut kept: Vec<T> = Vec::new();
    for candidate in found {
        if kept.iter().all(|better| better.rect().iou(candidate.rect()) <= most_iou) {
            kept.push(candidate);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Scored for (Rect, f32) {
        fn rect(&self) -> Rect {
            self.0
        }

        fn conf(&self) -> f32 {
            self.1
        }
    }

    fn at(x: f32, conf: f32) -> (Rect, f32) {
        (Rect { x, y: 0.0, w: 10.0, h: 10.0 }, conf)
    }

    #[test]
    fn the_most_confident_of_overlapping_boxes_stays() {
        // Overlaps: 0 and 5 share a third of their union, 5 and 10 too, 0 and 10 nothing.
        assert_eq!(suppress(vec![at(0.0, 0.6), at(5.0, 0.9), at(10.0, 0.7)], 0.3), [at(5.0, 0.9)]);
        assert_eq!(
            suppress(vec![at(0.0, 0.6), at(5.0, 0.5), at(10.0, 0.7)], 0.3),
            [at(10.0, 0.7), at(0.0, 0.6)]
        );
        assert_eq!(suppress(vec![at(0.0, 0.6), at(5.0, 0.5)], 0.4).len(), 2);
    }

    /// Seen with blazeface_back: two boxes on one face with an overlap of 0.288, which its publisher's
    /// limit of 0.3 lets pass.
    #[test]
    fn a_face_reported_twice_is_one_face() {
        let twice = || vec![at(0.0, 0.9), at(5.53, 0.6)];
        assert!((twice()[0].0.iou(twice()[1].0) - 0.288).abs() < 0.001);
        assert_eq!(suppress(twice(), 0.3).len(), 2);
        assert_eq!(suppress(twice(), 0.2), [at(0.0, 0.9)]);
    }

    #[test]
    fn a_dropped_box_drops_no_other() {
        // 5 falls to 0; 10 overlaps only 5, so it stays.
        assert_eq!(
            suppress(vec![at(5.0, 0.8), at(0.0, 0.9), at(10.0, 0.7)], 0.3),
            [at(0.0, 0.9), at(10.0, 0.7)]
        );
    }

    #[test]
    fn equal_confidences_keep_their_order() {
        assert_eq!(suppress(vec![at(40.0, 0.5), at(0.0, 0.5)], 0.3), [at(40.0, 0.5), at(0.0, 0.5)]);
        assert!(suppress(Vec::<(Rect, f32)>::new(), 0.3).is_empty());
    }
}
