"""Measures found faces: mesh, head pose, and where both irises are.

Positions are pixels of the picture; "right" and "left" are the person's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stopwatch import Stopwatch
from vision.models import Model
from vision.pixels import Crop

MESH_SIDE, EYE_SIDE = 192, 64
# Sides of the crops, in sides of the face's box and in distances of the eye's corners.
FACE_MARGIN, EYE_MARGIN = 1.5, 2.3
FOREHEAD, CHIN = 10, 152
# Corners of the eyes, from the picture's left to its right.
RIGHT_EYE, LEFT_EYE = (33, 133), (362, 263)
# Of the eye model's contour.
OUTER_CORNER, LOWER_LID, INNER_CORNER, UPPER_LID = 0, 4, 8, 12
# Corners of an eye closer than this, in pixels, show too little of an iris to place it.
SMALLEST_EYE = 12.0
# Lids closer than this, in eye widths, hide the iris.
LEAST_OPENNESS = 0.1


@dataclass(frozen=True)
class Eyes:
    """Where irises are, to the picture's right and down, and the lids' distance, in eye widths."""

    x: float
    y: float
    openness: float


@dataclass(frozen=True)
class Measured:
    """What the mesh says about a face; angles in degrees."""

    box: np.ndarray
    yaw: float
    pitch: float
    roll: float
    eyes: Eyes | None


class FaceMeasure:
    """The models that measure faces."""

    def __init__(
        self, mesh: Model, iris: Model, least_presence: float, stopwatch: Stopwatch
    ) -> None:
        self._mesh, self._iris, self._least_presence = mesh, iris, least_presence
        self._stopwatch = stopwatch

    def measure(
        self, picture: np.ndarray, box: np.ndarray, points: np.ndarray
    ) -> tuple[float, Measured | None]:
        """The probability that there is a face, and the measurement if there is."""
        side = float((box[2:] - box[:2]).max()) * FACE_MARGIN
        angle = angle_of(points[0], points[1])
        crop = Crop((box[:2] + box[2:]) / 2.0, side, angle, MESH_SIDE)
        outputs = self._mesh.run(crop.cut(picture)[np.newaxis])
        presence = 1.0 / (1.0 + math.exp(-float(outputs["presence"][0, 0])))
        if presence < self._least_presence:
            return presence, None
        mesh = crop.to_picture(outputs["landmarks"][0].reshape(-1, 3))
        yaw, pitch, roll = pose(mesh)
        corners = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])
        self._stopwatch.lap("post-processing")
        return presence, Measured(corners, yaw, pitch, roll, self._eyes(picture, mesh))

    def _eyes(self, picture: np.ndarray, mesh: np.ndarray) -> Eyes | None:
        """Both eyes in one run; nothing unless both can be measured."""
        cuts = []
        for corners in (RIGHT_EYE, LEFT_EYE):
            start, end = mesh[corners[0], :2], mesh[corners[1], :2]
            width = math.dist(start, end)
            if width < SMALLEST_EYE:
                return None
            # The model knows right eyes; a left one is mirrored for it.
            mirrored = corners is LEFT_EYE
            crop = Crop(
                (start + end) / 2.0, width * EYE_MARGIN, angle_of(start, end), EYE_SIDE, mirrored
            )
            cuts.append(crop.cut(picture))
        outputs = self._iris.run(np.stack(cuts))
        contours = outputs["eye"].reshape(2, 71, 3)[:, :, :2].tolist()
        irises = outputs["iris"].reshape(2, 5, 3)[:, 0, :2].tolist()
        right, left = (gaze(contour, iris) for contour, iris in zip(contours, irises))
        if min(right.openness, left.openness) < LEAST_OPENNESS:
            return None
        openness = (right.openness + left.openness) / 2.0
        return Eyes((right.x - left.x) / 2.0, (right.y + left.y) / 2.0, openness)


def angle_of(start: np.ndarray, end: np.ndarray) -> float:
    return math.atan2(end[1] - start[1], end[0] - start[0])


def gaze(contour: list[list[float]], iris: list[float]) -> Eyes:
    """Where the iris of one eye lies, along and across its corners, as the model sees it."""
    outer, inner = contour[OUTER_CORNER], contour[INNER_CORNER]
    width = math.dist(outer, inner)
    across = ((inner[0] - outer[0]) / width, (inner[1] - outer[1]) / width)
    x = (iris[0] - (outer[0] + inner[0]) / 2.0) / width
    y = (iris[1] - (outer[1] + inner[1]) / 2.0) / width
    openness = math.dist(contour[LOWER_LID], contour[UPPER_LID]) / width
    return Eyes(x * across[0] + y * across[1], y * across[0] - x * across[1], openness)


def pose(mesh: np.ndarray) -> tuple[float, float, float]:
    """Yaw, pitch and roll: the eyes give the head's x axis, forehead and chin its y axis."""
    ends = mesh[[RIGHT_EYE[0], LEFT_EYE[1], FOREHEAD, CHIN]]
    ax, ay, az = unit(*(ends[1] - ends[0]).tolist())
    dx, dy, dz = (ends[3] - ends[2]).tolist()
    back_x, back_y, back_z = unit(ay * dz - az * dy, az * dx - ax * dz, ax * dy - ay * dx)
    yaw = math.atan2(-back_x, back_z)
    pitch = math.asin(min(max(back_y, -1.0), 1.0))
    return math.degrees(yaw), math.degrees(pitch), math.degrees(math.atan2(ay, ax))


def unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    length = math.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length
