//! Points and boxes in the coordinate frame of all messages: fractions of the upright picture, x to
//! the right, y down, (0, 0) the upper left corner.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A point as `[x, y]`, fractions of width and height.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(from = "[f32; 2]", into = "[f32; 2]")]
#[schemars(with = "[f32; 2]")]
pub struct Point {
    /// Fraction of the picture's width.
    pub x: f32,
    /// Fraction of the picture's height.
    pub y: f32,
}

/// A box as `[x, y, width, height]`, fractions of width and height. It may reach beyond 0..1 where
/// an object is cut by the picture's edge.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(from = "[f32; 4]", into = "[f32; 4]")]
#[schemars(with = "[f32; 4]")]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl From<[f32; 2]> for Point {
    fn from([x, y]: [f32; 2]) -> Self {
        Self { x, y }
    }
}

impl From<Point> for [f32; 2] {
    fn from(point: Point) -> Self {
        [point.x, point.y]
    }
}

impl From<[f32; 4]> for Rect {
    fn from([x, y, w, h]: [f32; 4]) -> Self {
        Self { x, y, w, h }
    }
}

impl From<Rect> for [f32; 4] {
    fn from(rect: Rect) -> Self {
        [rect.x, rect.y, rect.w, rect.h]
    }
}

impl Rect {
    /// The middle of the box.
    pub fn centre(self) -> Point {
        Point { x: self.x + self.w / 2.0, y: self.y + self.h / 2.0 }
    }

    /// Area as a fraction of the picture; 0 for a box turned inside out.
    pub fn area(self) -> f32 {
        self.w.max(0.0) * self.h.max(0.0)
    }

    /// The part that both boxes share.
    pub fn intersection(self, other: Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let right = (self.x + self.w).min(other.x + other.w);
        let lower = (self.y + self.h).min(other.y + other.h);
        Self { x, y, w: (right - x).max(0.0), h: (lower - y).max(0.0) }
    }

    /// Intersection over union, 0..1.
    pub fn iou(self, other: Self) -> f32 {
        let shared = self.intersection(other).area();
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// How much of this box lies inside `other`, 0..1.
    pub fn share_inside(self, other: Self) -> f32 {
        let area = self.area();
        if area > 0.0 { self.intersection(other).area() / area } else { 0.0 }
    }

    /// Whether `point` lies inside.
    pub fn contains(self, point: Point) -> bool {
        (self.x..self.x + self.w).contains(&point.x) && (self.y..self.y + self.h).contains(&point.y)
    }

    /// The part inside the picture.
    pub fn clipped(self) -> Self {
        self.intersection(Self { x: 0.0, y: 0.0, w: 1.0, h: 1.0 })
    }
}
