"""Decodes BlazeFace and NanoDet: raw outputs to boxes in pixels of the model's input."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vision.boxes import suppress

FACE_SIDE, THING_SIDE = 256, 416
STRIDES = (8, 16, 32)
# Distances that the distribution of a box's side is over.
DISTANCES = np.arange(11, dtype=np.float32)
# As messages name them, in the order of the model's scores.
CLASS_NAMES = ["person", "tv", "laptop", "remote", "phone", "book"]


@dataclass(frozen=True)
class Faces:
    """Found faces as columns: boxes, confidences, and six points of each."""

    boxes: np.ndarray
    conf: np.ndarray
    points: np.ndarray

    def take(self, which: np.ndarray) -> Faces:
        return Faces(self.boxes[which], self.conf[which], self.points[which])

    def with_others(self, others: Faces) -> Faces:
        return Faces(
            np.concatenate([self.boxes, others.boxes]),
            np.concatenate([self.conf, others.conf]),
            np.concatenate([self.points, others.points]),
        )


@dataclass(frozen=True)
class Things:
    """Found persons and objects as columns; `names` are those of messages."""

    boxes: np.ndarray
    conf: np.ndarray
    names: list[str]


def _anchors() -> np.ndarray:
    """Centres of BlazeFace's anchors: cells row by row, each repeated."""
    parts = []
    for cells, per_cell in ((16, 2), (8, 6)):
        rows, columns = np.mgrid[0:cells, 0:cells]
        centres = (np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5) * (FACE_SIDE / cells)
        parts.append(np.repeat(centres, per_cell, axis=0))
    return np.concatenate(parts)


def _centres() -> tuple[np.ndarray, np.ndarray]:
    """Centres and strides of all of NanoDet's cells."""
    centres, strides = [], []
    for stride in STRIDES:
        cells = THING_SIDE // stride
        rows, columns = np.mgrid[0:cells, 0:cells]
        centres.append((np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5) * stride)
        strides.append(np.full((cells * cells, 1), float(stride)))
    return np.concatenate(centres), np.concatenate(strides)


def _sides(outputs: dict[str, np.ndarray], cells: np.ndarray) -> np.ndarray:
    """The outputs for the boxes of some cells, in order; the rest, most of them, is not touched."""
    rows, first = [], 0
    for stride in STRIDES:
        sides = outputs[f"reg_{stride}"][0]
        start, end = np.searchsorted(cells, (first, first + len(sides)))
        rows.append(sides[cells[start:end] - first])
        first += len(sides)
    return np.concatenate(rows)


ANCHORS = _anchors()
CENTRES, CELL_STRIDES = _centres()


def faces(outputs: dict[str, np.ndarray], floor: float) -> Faces:
    """Every face at or above a confidence, doubles included."""
    logits = outputs["scores"][0, :, 0]
    found = np.flatnonzero(logits >= math.log(floor / (1.0 - floor)))
    rows = outputs["boxes"][0, found].astype(np.float64)
    anchors = ANCHORS[found]
    centre, half = rows[:, 0:2] + anchors, rows[:, 2:4] / 2.0
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    points = rows[:, 4:].reshape(-1, 6, 2) + anchors[:, np.newaxis]
    conf = 1.0 / (1.0 + np.exp(-logits[found].astype(np.float64)))
    return Faces(boxes, conf, points)


def things(
    outputs: dict[str, np.ndarray], person_floor: float, object_floor: float, most_overlap: float
) -> Things:
    """Everything wanted that reaches its floor, each thing once."""
    floors = [person_floor if name == "person" else object_floor for name in CLASS_NAMES]
    scores = np.concatenate([outputs[f"cls_{stride}"][0] for stride in STRIDES])
    cells, classes = np.nonzero(scores >= floors)
    logits = _sides(outputs, cells).reshape(-1, 4, len(DISTANCES))
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    reach = (weights @ DISTANCES) / weights.sum(axis=-1) * CELL_STRIDES[cells]
    boxes = np.concatenate([CENTRES[cells] - reach[:, :2], CENTRES[cells] + reach[:, 2:]], axis=1)
    conf = scores[cells, classes].astype(np.float64)
    # Boxes of different classes are moved apart, so that one suppression serves all of them.
    apart = classes[:, np.newaxis] * (4.0 * THING_SIDE)
    kept = suppress(boxes + apart, conf, most_overlap)
    return Things(boxes[kept], conf[kept], [CLASS_NAMES[index] for index in classes[kept]])
