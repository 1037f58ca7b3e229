"""One picture from start to end: quality, persons and things, faces, their pose and gaze."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from quality import Light, Quality, light_of, measure
from settings import Manifest
from stopwatch import Stopwatch
from vision import detectors
from vision.boxes import suppress
from vision.detectors import FACE_SIDE, THING_SIDE, Faces, Things
from vision.face import FaceMeasure, Measured
from vision.models import Model
from vision.pixels import Letterbox, Region

# The product's floors (`pipeline/infer/src/settings.rs`).
FACE_FLOOR, PERSON_FLOOR, OBJECT_FLOOR = 0.5, 0.3, 0.25
# Faces outside these parts of the picture's shorter and longer side are none.
SMALLEST_FACE, LARGEST_FACE = 0.05, 2.0

# Where to look again (`pipeline/infer/src/second_look.rs`): side of the part in the shorter side of
# the person's box, how much of it lies above the box, where a face is looked for, which persons are
# too small, which faces are sure, and how much larger a face must become.
LOOK_SIDE, LOOK_ABOVE = 1.6, 0.15
UPPER_PART, SMALLEST_PERSON = 0.6, 0.15
SURE, LEAST_GAIN = 0.75, 1.3

# Whether detector and mesh together make a face (`pipeline/infer/src/credibility.rs`).
DETECTOR_WEIGHT, ENOUGH = 4.0, 4.5
SMALL_FACE, SMALL_FACE_LEAST = 32.0, -0.3


@dataclass(frozen=True)
class SeenFace:
    """A credible face; boxes as left, top, right, lower, all in fractions of the picture."""

    box: np.ndarray
    conf: float
    points: np.ndarray
    measured: Measured | None


@dataclass(frozen=True)
class Sight:
    """What was seen in one picture."""

    quality: Quality
    light: Light
    faces: list[SeenFace]
    things: Things | None


class Looker:
    """Everything that is needed to look at pictures."""

    def __init__(self, manifest: Manifest, defaults: dict, stopwatch: Stopwatch) -> None:
        entries = manifest.entries
        self._gate = defaults["quality"]
        self._max_second_looks: int = defaults["infer"]["max_second_looks"]
        self._max_measured: int = defaults["infer"]["max_measured_faces"]
        self._face_overlap: float = entries["face"]["thresholds"]["nms_iou"]
        self._thing_overlap: float = entries["person"]["thresholds"]["nms_iou"]
        self._stopwatch = stopwatch
        self._face, self._person, mesh, iris = (
            Model(manifest, task, stopwatch) for task in ("face", "person", "mesh", "iris")
        )
        self._measure = FaceMeasure(
            mesh, iris, entries["mesh"]["thresholds"]["score"], stopwatch
        )

    def look(self, picture: np.ndarray) -> Sight:
        quality = measure(picture)
        light = light_of(quality, self._gate)
        self._stopwatch.lap("quality")
        if light.unseen is not None:
            return Sight(quality, light, [], None)
        things = self._find_things(picture)
        persons = [box for box, name in zip(things.boxes, things.names) if name == "person"]
        faces = self._find_faces(picture, persons)
        size = np.array([picture.shape[1], picture.shape[0]] * 2, np.float64)
        seen = self._measure_faces(picture, faces, size)
        return Sight(quality, light, seen, Things(things.boxes / size, things.conf, things.names))

    def _find_things(self, picture: np.ndarray) -> Things:
        letterbox = Letterbox(Region.whole(picture), THING_SIDE)
        outputs = self._person.run(letterbox.fill(picture))
        found = detectors.things(outputs, PERSON_FLOOR, OBJECT_FLOOR, self._thing_overlap)
        boxes = letterbox.to_picture(found.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
        self._stopwatch.lap("post-processing")
        return Things(boxes, found.conf, found.names)

    def _find_faces(self, picture: np.ndarray, persons: list[np.ndarray]) -> Faces:
        """A look at the whole, then at parts in which a face may be too small in the whole."""
        found = self._look_at(picture, Region.whole(picture))
        looks_left = self._max_second_looks
        for person in persons:
            region = second_look(person, found, picture)
            if region is None:
                continue
            if looks_left == 0:
                break
            looks_left -= 1
            both = found.with_others(self._look_at(picture, region))
            found = both.take(suppress(both.boxes, both.conf, self._face_overlap))
        width, height = (found.boxes[:, 2:] - found.boxes[:, :2]).T
        smallest = SMALLEST_FACE * min(picture.shape[:2])
        largest = LARGEST_FACE * max(picture.shape[:2])
        found = found.take((height >= smallest) & (height <= largest) & (width <= largest))
        self._stopwatch.lap("post-processing")
        return found

    def _look_at(self, picture: np.ndarray, region: Region) -> Faces:
        letterbox = Letterbox(region, FACE_SIDE)
        found = detectors.faces(self._face.run(letterbox.fill(picture)), FACE_FLOOR)
        found = found.take(suppress(found.boxes, found.conf, self._face_overlap))
        boxes = letterbox.to_picture(found.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
        faces = Faces(boxes, found.conf, letterbox.to_picture(found.points))
        self._stopwatch.lap("post-processing")
        return faces

    def _measure_faces(
        self, picture: np.ndarray, faces: Faces, size: np.ndarray
    ) -> list[SeenFace]:
        """Credible faces; the largest are measured."""
        height = faces.boxes[:, 3] - faces.boxes[:, 1]
        area = (faces.boxes[:, 2] - faces.boxes[:, 0]) * height
        seen = []
        for rank, index in enumerate(np.argsort(-area, kind="stable")):
            box, points, conf = faces.boxes[index], faces.points[index], float(faces.conf[index])
            presence, measured = None, None
            if rank < self._max_measured:
                presence, measured = self._measure.measure(picture, box, points)
            if is_face(conf, presence, float(height[index])):
                if measured is not None:
                    measured = Measured(
                        measured.box / size,
                        measured.yaw,
                        measured.pitch,
                        measured.roll,
                        measured.eyes,
                    )
                seen.append(SeenFace(box / size, conf, points / size[:2], measured))
            self._stopwatch.lap("post-processing")
        return seen


def second_look(person: np.ndarray, faces: Faces, picture: np.ndarray) -> Region | None:
    """The part of a picture to look at again for a person's face; nothing if that cannot help."""
    left, top, right, lower = person.tolist()
    width, height = right - left, lower - top
    if height < SMALLEST_PERSON * picture.shape[0]:
        return None
    x, y = ((faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2.0).T
    inside = (x >= left) & (x < right) & (y >= top) & (y < top + height * UPPER_PART)
    if (inside & (faces.conf >= SURE)).any():
        return None
    side = LOOK_SIDE * min(width, height)
    if side * LEAST_GAIN > max(picture.shape[:2]):
        return None
    start_x, start_y = (left + right - side) / 2.0, top - LOOK_ABOVE * side
    return Region.around(start_x, start_y, start_x + side, start_y + side, picture)


def is_face(conf: float, presence: float | None, height: float) -> bool:
    """Whether the log-odds of detector and mesh add up to a face; `height` in pixels."""
    mesh = 0.0 if presence is None else log_odds(presence)
    if height < SMALL_FACE:
        mesh = max(mesh, SMALL_FACE_LEAST)
    return DETECTOR_WEIGHT * log_odds(conf) + mesh >= ENOUGH


def log_odds(probability: float) -> float:
    probability = min(max(probability, 1e-6), 1.0 - 1e-6)
    return math.log(probability / (1.0 - probability))
