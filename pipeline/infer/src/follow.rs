//! Follows the one face of a picture into the next picture of its segment, without looking for it again.
//!
//! The mesh, cut out where the face was, says whether it is there still and where exactly. Whether somebody
//! else came in it cannot say: so a face is followed only while what is around it does not change much, and
//! into more than one picture only while it hardly changes at all. A face that moved too far for the crop is
//! for the detector. Knows nothing of models.

use domain::geometry::{Point, Rect};
use domain::observe::quality::SmallLuma;

use crate::models::FoundFace;
use crate::models::mesh::Mesh;
use crate::pixels::Size;

/// A face is looked for again after so many pictures at the latest.
const LONGEST: u32 = 4;

/// A mesh this sure of its face is believed without a detector (MediaPipe follows from 0.5 on, at thirty
/// pictures a second).
const LEAST_PRESENCE: f32 = 0.9;

/// A mesh that is less sure than this is on no face at all.
const LEAST_HINT: f32 = 0.3;

/// A face whose middle moved by more than this part of its box is hardly in the crop any more, which is one
/// and a half boxes wide.
const FARTHEST: f32 = 0.5;

/// One that moved by more than this is cut out again where it is now.
const OFF_CENTRE: f32 = 0.12;

/// A face that grew or shrank by more than this factor is another one.
const MOST_GROWTH: f32 = 1.3;

/// Cells in which the surroundings are compared.
const CELLS: (usize, usize) = (32, 24);

/// A change of so many cells by more than so many levels, beyond what all changed by.
type Change = (usize, i32);

/// Hardly anything changes: coding noise stays below a third of it, and one cell may be a reflection.
const LITTLE: Change = (2, 10);

/// Somebody comes or goes: a face of fifty pixels in a picture of 640. A camera that moves a little, and what
/// passes outside a window, mostly stay below.
const MUCH: Change = (6, 24);

/// A face on its way through the pictures of a segment.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    face: FoundFace,
    /// Box of its mesh, in pixels.
    mesh: Rect,
    picture: Size,
    /// Luma of the picture in which it was found.
    scene: Vec<u8>,
    /// Pictures since.
    pictures: u32,
    /// How far the face moved last, in sides of its box.
    moved: f32,
}

impl Followed {
    /// Begins with a face that a detector found and the mesh confirmed; `None` if it did not.
    pub(crate) fn begin(face: &FoundFace, mesh: &Mesh, picture: Size, luma: &SmallLuma) -> Option<Self> {
        let scene = luma.cells(CELLS.0, CELLS.1);
        let followed =
            Self { face: face.clone(), mesh: mesh.rect(), picture, scene, pictures: 0, moved: 0.0 };
        is_sure(mesh).then_some(followed)
    }

    /// Where to look for the face in the next picture; `None` if it has to be found anew.
    pub(crate) fn expected(&self, picture: Size, luma: &SmallLuma) -> Option<&FoundFace> {
        let bearable = if self.pictures == 0 { MUCH } else { LITTLE };
        let may_go_on = self.pictures < LONGEST && !self.changed_elsewhere(luma, bearable);
        (self.picture == picture && may_go_on).then_some(&self.face)
    }

    /// The face where a mesh found it; `None` if that is hardly the same one.
    pub(crate) fn moved(self, mesh: &Mesh) -> Option<Self> {
        if mesh.presence < LEAST_HINT {
            return None;
        }
        let eyes = mesh.eyes();
        let mesh = mesh.rect();
        let (from, to) = (self.mesh.centre(), mesh.centre());
        let box_side = self.face.rect.w.max(self.face.rect.h);
        let growth = (mesh.w / self.mesh.w + mesh.h / self.mesh.h) / 2.0;
        let moved = (to.x - from.x).hypot(to.y - from.y) / box_side;
        if moved > FARTHEST || !(1.0 / MOST_GROWTH..=MOST_GROWTH).contains(&growth) {
            return None;
        }
        let shift = |point: Point| Point {
            x: to.x + (point.x - from.x) * growth,
            y: to.y + (point.y - from.y) * growth,
        };
        let FoundFace { rect, conf, points } = self.face;
        let Point { x, y } = shift(Point { x: rect.x, y: rect.y });
        let mut points = points.map(shift);
        points[..2].copy_from_slice(&eyes);
        let rect = Rect { x, y, w: rect.w * growth, h: rect.h * growth };
        let face = FoundFace { rect, conf, points };
        Some(Self { face, mesh, moved, ..self })
    }

    /// Whether it moved too far in one step to be measured where it was cut out.
    pub(crate) fn is_off_centre(&self) -> bool {
        self.moved > OFF_CENTRE
    }

    /// The face as the detector would have found it.
    pub(crate) fn face(&self) -> &FoundFace {
        &self.face
    }

    /// On to the next picture.
    pub(crate) fn onwards(self) -> Self {
        Self { pictures: self.pictures + 1, ..self }
    }

    /// Whether the picture changed so much where the face and what is below it are not.
    fn changed_elsewhere(&self, luma: &SmallLuma, (cells, levels): Change) -> bool {
        let now = luma.cells(CELLS.0, CELLS.1);
        let own = bust(self.face.rect);
        let (width, height) = (self.picture.width as f32, self.picture.height as f32);
        let middle = |cell: usize| Point {
            x: (cell % CELLS.0) as f32 * width / CELLS.0 as f32 + width / CELLS.0 as f32 / 2.0,
            y: (cell / CELLS.0) as f32 * height / CELLS.1 as f32 + height / CELLS.1 as f32 / 2.0,
        };
        let around = (0..now.len()).filter(|cell| !own.contains(middle(*cell)));
        let mut changes: Vec<i32> =
            around.map(|cell| i32::from(now[cell]) - i32::from(self.scene[cell])).collect();
        if changes.is_empty() {
            return true;
        }
        // What all cells share is the camera's exposure.
        let middle = changes.len() / 2;
        let (_, &mut common, _) = changes.select_nth_unstable(middle);
        changes.iter().filter(|change| (*change - common).abs() > levels).count() >= cells
    }
}

/// Whether a mesh is certain to lie on a face.
pub(crate) fn is_sure(mesh: &Mesh) -> bool {
    mesh.presence >= LEAST_PRESENCE
}

/// Where a candidate with this face moves while sitting: the head with its hair, and what is below.
fn bust(face: Rect) -> Rect {
    let top = face.y - face.h / 2.0;
    Rect { x: face.x - face.w * 1.25, y: top, w: face.w * 3.5, h: f32::MAX }
}

#[cfg(test)]
mod tests {
    use domain::picture::{ColourMatrix, ColourRange, Picture};

    use super::*;

    const SIZE: Size = Size::new(640, 480);
    const FACE: Rect = Rect { x: 270.0, y: 120.0, w: 100.0, h: 100.0 };

    /// A grey room, brighter by `gain`, with a bright box in it.
    fn luma(gain: u8, bright: Rect) -> SmallLuma {
        let value = |index: usize| {
            let at = Point { x: (index % SIZE.width) as f32, y: (index / SIZE.width) as f32 };
            if bright.contains(at) { 220 } else { 100 + gain }
        };
        let mut bytes: Vec<u8> = (0..SIZE.pixels()).map(value).collect();
        bytes.resize(Picture::bytes_needed(640, 480), 128);
        SmallLuma::of(&Picture::new(640, 480, ColourMatrix::Bt601, ColourRange::Full, bytes).unwrap())
    }

    fn begun(presence: f32) -> Option<Followed> {
        let face = FoundFace { rect: FACE, conf: 0.9, points: [FACE.centre(); 6] };
        Followed::begin(&face, &Mesh::over(FACE, presence), SIZE, &luma(0, FACE))
    }

    fn followed() -> Followed {
        begun(0.99).unwrap()
    }

    /// The face, after `pictures` in which it did not move.
    fn still(pictures: u32) -> Followed {
        (0..pictures).fold(followed(), |face, _| face.moved(&Mesh::over(FACE, 0.99)).unwrap().onwards())
    }

    #[test]
    fn a_face_that_moves_a_little_is_followed_with_its_box() {
        let to = Rect { x: 280.0, y: 125.0, w: 110.0, h: 110.0 };
        let moved = followed().moved(&Mesh::over(to, 0.95)).unwrap();
        let FoundFace { rect, conf, points } = moved.face();
        assert!((rect.x - 280.0).abs() < 1e-3 && (rect.w - 110.0).abs() < 1e-3, "{rect:?}");
        assert_eq!((*conf, points[0]), (0.9, Mesh::over(to, 0.95).eyes()[0]));
    }

    #[test]
    fn a_face_that_jumps_grows_or_is_doubtful_is_not() {
        let by = |x: f32| Rect { x: FACE.x + x, ..FACE };
        let grown = Rect { w: 140.0, h: 140.0, x: 250.0, y: 100.0 };
        assert!(!followed().moved(&Mesh::over(by(10.0), 0.99)).unwrap().is_off_centre());
        assert!(followed().moved(&Mesh::over(by(30.0), 0.99)).unwrap().is_off_centre());
        assert!(followed().moved(&Mesh::over(by(60.0), 0.99)).is_none());
        assert!(followed().moved(&Mesh::over(grown, 0.99)).is_none());
        assert!(followed().moved(&Mesh::over(FACE, 0.2)).is_none());
        assert!(begun(0.8).is_none() && !is_sure(&Mesh::over(FACE, 0.8)));
    }

    #[test]
    fn more_light_and_a_moving_body_change_nothing_and_somebody_else_does() {
        let followed = still(1);
        assert!(followed.expected(SIZE, &luma(40, FACE)).is_some());
        let hand = Rect { x: 200.0, y: 400.0, w: 60.0, h: 60.0 };
        assert!(followed.expected(SIZE, &luma(0, hand)).is_some());
        let somebody = Rect { x: 520.0, y: 100.0, w: 50.0, h: 60.0 };
        assert!(followed.expected(SIZE, &luma(0, somebody)).is_none());
        assert!(followed.expected(Size::new(320, 240), &luma(0, FACE)).is_none());
    }

    #[test]
    fn a_small_change_is_borne_once_and_somebody_who_comes_in_never() {
        let reflection = luma(0, Rect { x: 520.0, y: 100.0, w: 40.0, h: 40.0 });
        assert!(followed().expected(SIZE, &reflection).is_some());
        assert!(still(1).expected(SIZE, &reflection).is_none());
        let somebody = luma(0, Rect { x: 520.0, y: 100.0, w: 60.0, h: 80.0 });
        assert!(followed().expected(SIZE, &somebody).is_none());
    }

    #[test]
    fn a_face_is_not_followed_for_ever() {
        assert!(still(LONGEST - 1).expected(SIZE, &luma(0, FACE)).is_some());
        assert!(still(LONGEST).expected(SIZE, &luma(0, FACE)).is_none());
    }
}
