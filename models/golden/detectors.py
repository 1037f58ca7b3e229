"""Decodes the three detectors: raw outputs to boxes, by the recipes of their publishers.

Everything is in pixels of the model's input. ``Letterbox`` maps from and to a whole frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PERSON = 0  # of the classes that the conversion leaves


@dataclass(frozen=True)
class Detection:
    """A box with its corners, a score, and the points that the detector gives."""

    box: np.ndarray  # x1, y1, x2, y2
    score: float
    points: np.ndarray  # [count, 2]


@dataclass(frozen=True)
class Letterbox:
    """A frame scaled by one factor and centred in a model's input."""

    frame: tuple[int, int]  # width, height
    input: tuple[int, int]

    @property
    def scale(self) -> float:
        return min(to / size for to, size in zip(self.input, self.frame))

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Maps [..., 2] points of the input into the frame."""
        border = (np.array(self.input) - np.array(self.frame) * self.scale) / 2
        return (points - border) / self.scale


Size = tuple[int, int]  # width, height


def blazeface(outputs: dict[str, np.ndarray], size: Size, score: float, nms_iou: float):
    """MediaPipe's BlazeFace for back cameras: anchors of unit size, in cells of 16 and 32 pixels."""
    raw = outputs["boxes"][0].astype(np.float64)
    scores = 1 / (1 + np.exp(-np.clip(outputs["scores"][0, :, 0].astype(np.float64), -100, 100)))
    anchors = np.concatenate([_anchors(size, 16, per_cell=2), _anchors(size, 32, per_cell=6)])
    centre = raw[:, 0:2] + anchors
    half = raw[:, 2:4] / 2
    points = raw[:, 4:].reshape(-1, 6, 2) + anchors[:, None]
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    return suppress(boxes, scores, points, score, nms_iou)


def _anchors(size: Size, stride: int, per_cell: int) -> np.ndarray:
    """Cell centres in pixels, row by row, each repeated."""
    return np.repeat(_centres(size, stride), per_cell, axis=0)


def _centres(size: Size, stride: int) -> np.ndarray:
    rows, columns = np.mgrid[0 : size[1] // stride, 0 : size[0] // stride]
    return (np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5) * stride


def centerface(outputs: dict[str, np.ndarray], _size: Size, score: float, nms_iou: float):
    """CenterFace: one candidate per cell of four pixels; height comes before width."""
    cell = 4
    scores = outputs["heat"][0, 0].astype(np.float64)
    rows, columns = np.mgrid[0 : scores.shape[0], 0 : scores.shape[1]]
    height, width = np.exp(outputs["scale"][0].astype(np.float64)) * cell
    down, right = outputs["offset"][0].astype(np.float64)
    left = (columns + right + 0.5) * cell - width / 2
    top = (rows + down + 0.5) * cell - height / 2
    boxes = np.stack([left, top, left + width, top + height], axis=-1)
    relative = outputs["landmarks"][0].astype(np.float64)  # y and x per point, in box sizes
    points = np.stack([relative[1::2] * width + left, relative[0::2] * height + top], axis=-1)
    points = np.moveaxis(points, 0, 2)
    return suppress(boxes.reshape(-1, 4), scores.ravel(), points.reshape(-1, 5, 2), score, nms_iou)


def nanodet_persons(outputs: dict[str, np.ndarray], size: Size, score: float, nms_iou: float):
    """NanoDet: per cell and side a distribution over eleven distances in strides."""
    boxes, scores = [], []
    for stride in (8, 16, 32):
        centres = _centres(size, stride)
        logits = outputs[f"reg_{stride}"][0].astype(np.float64).reshape(-1, 4, 11)
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        distances = (weights @ np.arange(11)) / weights.sum(axis=-1) * stride
        boxes.append(np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], 1))
        scores.append(outputs[f"cls_{stride}"][0, :, PERSON].astype(np.float64))
    boxes, scores = np.concatenate(boxes), np.concatenate(scores)
    return suppress(boxes, scores, np.zeros((len(boxes), 0, 2)), score, nms_iou)


def suppress(boxes, scores, points, score: float, nms_iou: float) -> list[Detection]:
    """Greedy non-maximum suppression over everything at or above a score, best first."""
    kept: list[Detection] = []
    for index in np.argsort(-scores, kind="stable"):
        if scores[index] < score:
            break
        if all(overlap(boxes[index], other.box) <= nms_iou for other in kept):
            kept.append(Detection(boxes[index], float(scores[index]), points[index]))
    return kept


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union."""
    common = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    areas = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod()
    return float(common / (areas - common))
