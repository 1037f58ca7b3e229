//! Whether a face can be compared at all: how large it is, how it is turned, and what of it can be seen. For
//! samples and for reference photographs alike.
//!
//! Light is judged by the contrast within the face and never by how bright it is: a floor on brightness would
//! take darker skin for darkness. Says nothing of who it is.

use domain::detections::DetectedFace;
use domain::geometry::Rect;
use domain::identity::Ineligible;
use domain::picture::{ColourRange, Picture};

/// Height of the detector's box in pixels; below it a face has too little detail to be told from others.
const LEAST_HEIGHT: f32 = 80.0;
/// Degrees to either side; beyond it the model has seen few faces.
const MOST_YAW: f32 = 25.0;
/// Degrees up or down.
const MOST_PITCH: f32 = 20.0;
/// What the mesh says of a face that looks straight ahead, in degrees (`models/cards/face_landmark.md`).
const LEVEL_PITCH: f32 = -10.0;
/// Columns and rows in which the face is looked at: noise averages out in them, features do not.
const CELLS: usize = 48;
/// Standard deviation of luma over the face, of 255. By a desk lamp it is 15 to 30, by daylight 30 to 60.
const LEAST_CONTRAST: f32 = 5.0;
/// Mean difference of a cell to its neighbours in standard deviations: how much of what can be seen is detail. It is
/// 0.06 and more in sharp pictures; here lies a blur by a thirtieth of the face, which moves an embedding half as far
/// as another person is.
const LEAST_DETAIL: f32 = 0.022;

/// Why a face cannot be compared, if it cannot.
///
/// # Errors
/// The first reason.
pub fn eligibility(picture: &Picture, face: &DetectedFace) -> Result<(), Ineligible> {
    let mesh = face.mesh.as_ref().ok_or(Ineligible::Unmeasured)?;
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    if face.rect.h * height < LEAST_HEIGHT {
        return Err(Ineligible::Small);
    }
    if mesh.yaw.abs() > MOST_YAW {
        return Err(Ineligible::Turned);
    }
    if (mesh.pitch - LEVEL_PITCH).abs() > MOST_PITCH {
        return Err(Ineligible::Nodding);
    }
    let Rect { x, y, w, h } = mesh.rect;
    let cells = Cells::of(picture, Rect { x: x * width, y: y * height, w: w * width, h: h * height });
    let contrast = cells.contrast();
    if contrast < LEAST_CONTRAST {
        return Err(Ineligible::Dark);
    }
    if cells.detail() < LEAST_DETAIL * contrast {
        return Err(Ineligible::Blurred);
    }
    Ok(())
}

/// Mean luma of the cells of a part of a picture, row by row.
struct Cells(Vec<f32>);

impl Cells {
    /// Of a box in pixels; what of it lies beyond the picture repeats its edge.
    fn of(picture: &Picture, rect: Rect) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let luma = picture.y();
        let columns = edges(rect.x, rect.w, width);
        let rows = edges(rect.y, rect.h, height);
        // Both ranges of luma reach from black to white.
        let stretch = match picture.range() {
            ColourRange::Full => 1.0,
            ColourRange::Limited => 255.0 / 219.0,
        };
        let mean = |(top, lower): (usize, usize), (left, right): (usize, usize)| {
            let lines = (top..lower).map(|row| &luma[row * width + left..row * width + right]);
            let sum: u32 = lines.flatten().map(|&value| u32::from(value)).sum();
            sum as f32 / ((lower - top) * (right - left)) as f32 * stretch
        };
        Self(rows.iter().flat_map(|&row| columns.iter().map(move |&column| mean(row, column))).collect())
    }

    /// Standard deviation.
    fn contrast(&self) -> f32 {
        let count = self.0.len() as f32;
        let mean = self.0.iter().sum::<f32>() / count;
        (self.0.iter().map(|cell| (cell - mean).powi(2)).sum::<f32>() / count).sqrt()
    }

    /// Mean difference of a cell to the mean of its four neighbours.
    fn detail(&self) -> f32 {
        let inner = 1..CELLS - 1;
        let differences = inner.clone().flat_map(|row| {
            inner.clone().map(move |column| {
                let at = row * CELLS + column;
                let around = self.0[at - 1] + self.0[at + 1] + self.0[at - CELLS] + self.0[at + CELLS];
                (self.0[at] - around / 4.0).abs()
            })
        });
        differences.sum::<f32>() / ((CELLS - 2) * (CELLS - 2)) as f32
    }
}

/// Where the cells of one side begin and end, in whole pixels within the picture; none is empty.
fn edges(start: f32, length: f32, pixels: usize) -> Vec<(usize, usize)> {
    let last = pixels - 1;
    let edge = |cell: usize| (start + length * cell as f32 / CELLS as f32).max(0.0) as usize;
    (0..CELLS)
        .map(|cell| (edge(cell).min(last), edge(cell + 1).clamp(edge(cell).min(last) + 1, pixels)))
        .collect()
}
