//! Models that tell persons apart by their faces: any that the manifest describes, for the form of what goes in
//! and comes out, and where the face lies in it, are data here.

use domain::geometry::Point;

use super::mesh::{Mesh, MeshPoint};
use crate::error::InferError;
use crate::manifest::{
    Alignment, Dimension, FacePoint, Metric, ModelEntry, RecognitionInput, TensorContract,
};
use crate::pixels::crop::Crop;
use crate::session::Outputs;

/// What the program can feed and read.
const WANTED: &str = "a [model.recognition], a square picture, and one row of float32 for each";

/// Refuses a model that is not described as one.
pub(crate) fn check(entry: &ModelEntry) -> Result<&RecognitionInput, InferError> {
    let usable = side(entry).and(dimension(entry)).and(entry.recognition.as_ref());
    let is_whole = |input: &&RecognitionInput| is_placed(&input.alignment) && is_measure(input.metric);
    usable.filter(is_whole).ok_or_else(|| InferError::ContractDiffers {
        name: entry.name.clone(),
        expecting: "the program",
        expected: WANTED.to_owned(),
        having: "the manifest",
        found: entry.signature(),
    })
}

/// Side of the model's input in pixels.
pub(crate) fn side(entry: &ModelEntry) -> Option<usize> {
    let [_, sides @ ..] = entry.input.shape.as_slice() else { return None };
    let (height, width) = match (sides, entry.input.layout.as_deref()) {
        ([height, width, channels], Some("NHWC")) if *channels == CHANNELS => (height, width),
        ([channels, height, width], Some("NCHW")) if *channels == CHANNELS => (height, width),
        _ => return None,
    };
    (height == width).then(|| length(height)).flatten()
}

/// What a model answered for one picture.
pub(crate) fn decode(outputs: &Outputs, entry: &ModelEntry) -> Result<Vec<f32>, InferError> {
    let (name, dimension) = dimension(entry).unwrap_or_default();
    Ok(outputs.view(name, dimension)?.to_vec())
}

/// The crop around a meshed face.
pub(crate) fn crop(alignment: &Alignment, mesh: &Mesh, mirrored: bool) -> Crop {
    let crop = match alignment {
        Alignment::Square(side) => level_square(mesh, *side),
        Alignment::Points(places) => {
            let pairs: Vec<(Point, Point)> =
                places.iter().map(|(name, [x, y])| (Point { x: *x, y: *y }, point(mesh, *name))).collect();
            fitted(&pairs)
        }
    };
    Crop { mirrored, ..crop }
}

/// An answer such that the angle between two says what the metric says.
///
/// For distances, answers are laid on a sphere: what is missing to its radius becomes one more number. The angle
/// between two places on it tells how far apart they are.
pub(crate) fn for_angles(mut answer: Vec<f32>, metric: Metric) -> Vec<f32> {
    if let Metric::Euclidean(radius) = metric {
        let square: f32 = answer.iter().map(|value| value * value).sum();
        answer.push((radius * radius - square).max(0.0).sqrt());
    }
    answer
}

const CHANNELS: Dimension = Dimension::Fixed(3);

/// Name and length of the one output, which is a row for each picture.
fn dimension(entry: &ModelEntry) -> Option<(&str, usize)> {
    let [TensorContract { name, dtype, shape, .. }] = entry.outputs.as_slice() else { return None };
    let [Dimension::Free(_), dimension] = shape.as_slice() else { return None };
    (dtype == "float32").then_some(())?;
    Some((name, length(dimension)?))
}

fn length(dimension: &Dimension) -> Option<usize> {
    match dimension {
        Dimension::Fixed(length) => usize::try_from(*length).ok().filter(|length| *length > 0),
        Dimension::Free(_) => None,
    }
}

/// Whether an alignment says where to cut.
fn is_placed(alignment: &Alignment) -> bool {
    match alignment {
        Alignment::Square(side) => *side > 0.0 && side.is_finite(),
        Alignment::Points(places) => {
            let (mut all, first) = (places.values(), places.values().next());
            places.values().flatten().all(|place| place.is_finite()) && all.any(|place| Some(place) != first)
        }
    }
}

fn is_measure(metric: Metric) -> bool {
    match metric {
        Metric::Cosine => true,
        Metric::Euclidean(radius) => radius > 0.0 && radius.is_finite(),
    }
}

fn level_square(mesh: &Mesh, side: f32) -> Crop {
    let (right, left) = (mesh.point(MeshPoint::RightEyeOuter), mesh.point(MeshPoint::LeftEyeOuter));
    let angle = (left.y - right.y).atan2(left.x - right.x);
    let (centre, longest) = mesh.turned_extent(angle);
    Crop { centre, side: longest * side, angle, mirrored: false }
}

/// Of all moved, turned and scaled squares the one that brings places in it, as fractions of its side, nearest
/// to points of the picture: least squares.
fn fitted(pairs: &[(Point, Point)]) -> Crop {
    let count = pairs.len() as f32;
    let mean = |of: fn(&(Point, Point)) -> Point| {
        let sum = pairs.iter().map(of).fold((0.0, 0.0), |sum, point| (sum.0 + point.x, sum.1 + point.y));
        Point { x: sum.0 / count, y: sum.1 / count }
    };
    let (place, at) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let (mut along, mut across, mut spread) = (0.0, 0.0, 0.0);
    for (one, other) in pairs {
        let (x, y) = (one.x - place.x, one.y - place.y);
        let (u, v) = (other.x - at.x, other.y - at.y);
        along += x * u + y * v;
        across += x * v - y * u;
        spread += x * x + y * y;
    }
    let (cos, sin) = (along / spread, across / spread);
    // The middle of the square, seen from the mean of the places.
    let (x, y) = (0.5 - place.x, 0.5 - place.y);
    Crop {
        centre: Point { x: at.x + cos * x - sin * y, y: at.y + sin * x + cos * y },
        side: cos.hypot(sin),
        angle: sin.atan2(cos),
        mirrored: false,
    }
}

fn point(mesh: &Mesh, name: FacePoint) -> Point {
    let at = |name: MeshPoint| {
        let point = mesh.point(name);
        Point { x: point.x, y: point.y }
    };
    match name {
        FacePoint::RightEye => mesh.eyes()[0],
        FacePoint::LeftEye => mesh.eyes()[1],
        FacePoint::RightEyeOuter => at(MeshPoint::RightEyeOuter),
        FacePoint::RightEyeInner => at(MeshPoint::RightEyeInner),
        FacePoint::LeftEyeInner => at(MeshPoint::LeftEyeInner),
        FacePoint::LeftEyeOuter => at(MeshPoint::LeftEyeOuter),
        FacePoint::NoseTip => at(MeshPoint::NoseTip),
        FacePoint::NoseBase => at(MeshPoint::NoseBase),
        FacePoint::MouthRight => at(MeshPoint::MouthRight),
        FacePoint::MouthLeft => at(MeshPoint::MouthLeft),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Points that lie where a turned square says are fitted by that square.
        #[test]
        fn a_square_is_found_again(
            x in 0.0f32..640.0, y in 0.0f32..480.0, side in 20.0f32..400.0, angle in -1.5f32..1.5,
        ) {
            let wanted = Crop { centre: Point { x, y }, side, angle, mirrored: false };
            let places = [(0.3, 0.4), (0.7, 0.42), (0.5, 0.6), (0.36, 0.8)];
            let pairs: Vec<(Point, Point)> = places
                .into_iter()
                .map(|(x, y)| (Point { x, y }, wanted.to_picture(Point { x: x * 100.0, y: y * 100.0 }, 100)))
                .collect();
            let found = fitted(&pairs);
            prop_assert!((found.centre.x - x).hypot(found.centre.y - y) < side * 1e-3);
            prop_assert!((found.side / side - 1.0).abs() < 1e-3 && (found.angle - angle).abs() < 1e-3);
        }

        /// As long as answers differ little in length.
        #[test]
        fn the_nearer_two_answers_are_the_smaller_is_their_angle(
            directions in proptest::collection::vec(proptest::array::uniform4(-1.0f32..1.0), 3),
        ) {
            let answers: Vec<Vec<f32>> = directions
                .iter()
                .map(|direction| {
                    let length = direction.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-3);
                    direction.iter().map(|value| value / length * 1.4).collect()
                })
                .collect();
            let distance = |one: usize, other: usize| {
                answers[one].iter().zip(&answers[other]).map(|(one, other)| (one - other).powi(2)).sum::<f32>()
            };
            let on_sphere = |index: usize| {
                let answer = for_angles(answers[index].clone(), Metric::Euclidean(2.0));
                domain::identity::Embedding::new("toy@1", answer).unwrap()
            };
            let similarity = |one: usize, other: usize| on_sphere(one).similarity(&on_sphere(other)).unwrap();
            prop_assert!((similarity(0, 1) - (1.0 - distance(0, 1) / 8.0)).abs() < 1e-3);
            if distance(0, 1) + 0.01 < distance(0, 2) {
                prop_assert!(similarity(0, 1) > similarity(0, 2));
            }
        }
    }

    #[test]
    fn an_alignment_without_two_places_is_none() {
        let at = |places: &[(FacePoint, [f32; 2])]| {
            is_placed(&Alignment::Points(places.iter().copied().collect()))
        };
        assert!(at(&[(FacePoint::RightEye, [0.3, 0.4]), (FacePoint::LeftEye, [0.7, 0.4])]));
        assert!(!at(&[(FacePoint::RightEye, [0.3, 0.4])]));
        assert!(!at(&[(FacePoint::RightEye, [0.3, 0.4]), (FacePoint::LeftEye, [0.3, 0.4])]));
        assert!(!at(&[(FacePoint::RightEye, [f32::NAN, 0.4]), (FacePoint::LeftEye, [0.3, 0.4])]));
        assert!(!is_placed(&Alignment::Square(0.0)));
    }
}
