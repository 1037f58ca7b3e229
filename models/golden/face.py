"""From a detected face to head pose and gaze, by the recipes of MediaPipe's face graphs.

Points are pixels, x to the right and y down; z has the same scale and grows away from the camera.
"Right" and "left" are the person's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

MESH_SIZE, EYE_SIZE = 192, 64
FACE_MARGIN, EYE_MARGIN = 1.5, 2.3  # side of the crop, in box sides and in eye widths
RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS = (33, 133), (362, 263)  # from image left to image right
FOREHEAD, CHIN = 10, 152
# Within the eye model's contour: corners, middle of the lower and of the upper lid.
CONTOUR_CORNERS, LOWER_LID, UPPER_LID = (0, 8), 4, 12


@dataclass(frozen=True)
class Crop:
    """A square region of a frame, turned so that its content is level."""

    centre: np.ndarray
    side: float
    angle: float  # radians, clockwise on screen

    def cut(self, frame: np.ndarray, size: int) -> np.ndarray:
        """The region as size x size pixels; black beyond the frame."""
        a, b = self._axes() * self.side / size
        start = self.centre - (a + b) * size / 2
        affine = (a[0], b[0], start[0], a[1], b[1], start[1])
        picture = Image.fromarray(frame)
        resampling = Image.Resampling.BILINEAR
        return np.asarray(
            picture.transform((size, size), Image.Transform.AFFINE, affine, resampling)
        )

    def to_frame(self, points: np.ndarray, size: int) -> np.ndarray:
        """Maps [..., 2 or 3] points of a size x size cut into the frame."""
        factor = self.side / size
        offsets = (points[..., :2] - size / 2) * factor
        mapped = self.centre + offsets @ self._axes()
        return np.concatenate([mapped, points[..., 2:] * factor], axis=-1)

    def _axes(self) -> np.ndarray:
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.array([[cos, sin], [-sin, cos]])


@dataclass(frozen=True)
class Gaze:
    """Where the iris sits between the eye's corners, in eye widths, and how open the eye is."""

    x: float
    y: float
    openness: float


def face_crop(box: np.ndarray, right_eye: np.ndarray, left_eye: np.ndarray) -> Crop:
    side = (box[2:] - box[:2]).max() * FACE_MARGIN
    return Crop((box[:2] + box[2:]) / 2, side, _angle(right_eye, left_eye))


def eye_crop(mesh: np.ndarray, corners: tuple[int, int]) -> Crop:
    start, end = mesh[list(corners), :2]
    side = np.linalg.norm(end - start) * EYE_MARGIN
    return Crop((start + end) / 2, side, _angle(start, end))


def mesh_points(outputs: dict[str, np.ndarray]) -> np.ndarray:
    return outputs["landmarks"][0].astype(np.float64).reshape(468, 3)


def presence(outputs: dict[str, np.ndarray]) -> float:
    return float(1 / (1 + np.exp(-outputs["presence"][0, 0].astype(np.float64))))


def head_pose(mesh: np.ndarray) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees from four mesh points. Pitch has a bias per face."""
    across = mesh[LEFT_EYE_CORNERS[1]] - mesh[RIGHT_EYE_CORNERS[0]]
    down = mesh[CHIN] - mesh[FOREHEAD]
    across = across / np.linalg.norm(across)
    away = np.cross(across, down)
    away /= np.linalg.norm(away)
    yaw = np.arctan2(away[0], away[2])
    pitch = np.arcsin(-away[1])
    roll = np.arctan2(across[1], across[0])
    return tuple(float(np.degrees(angle)) for angle in (yaw, pitch, roll))


def gaze(outputs: dict[str, np.ndarray], mirrored: bool = False) -> Gaze:
    """Iris offset of one eye; ``mirrored`` if the eye was flipped for the model."""
    contour = outputs["eye"][0].astype(np.float64).reshape(71, 3)[:, :2]
    iris = outputs["iris"][0].astype(np.float64).reshape(5, 3)[0, :2]
    first, second = contour[list(CONTOUR_CORNERS)]
    width = np.linalg.norm(second - first)
    # The first corner is the outer one, on the image's left before any flip.
    across = (second - first) / width
    down = np.array([-across[1], across[0]])
    offset = (iris - (first + second) / 2) / width
    x = float(offset @ across) * (-1 if mirrored else 1)
    openness = np.linalg.norm(contour[UPPER_LID] - contour[LOWER_LID]) / width
    return Gaze(x, float(offset @ down), float(openness))


def _angle(start: np.ndarray, end: np.ndarray) -> float:
    return float(np.arctan2(end[1] - start[1], end[0] - start[0]))
