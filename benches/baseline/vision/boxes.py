"""Boxes as rows of left, top, right, lower, and what overlaps."""

from __future__ import annotations

import numpy as np


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each box with each other one."""
    common = shared(boxes, others)
    union = areas(boxes)[:, np.newaxis] + areas(others) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0.0)


def shares_inside(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How much of each box lies inside each other one."""
    common, area = shared(boxes, others), areas(boxes)[:, np.newaxis]
    return np.divide(common, area, out=np.zeros_like(common), where=area > 0.0)


def shared(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    start = np.maximum(boxes[:, np.newaxis, :2], others[:, :2])
    end = np.minimum(boxes[:, np.newaxis, 2:], others[:, 2:])
    return np.clip(end - start, 0.0, None).prod(axis=-1)


def areas(boxes: np.ndarray) -> np.ndarray:
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None).prod(axis=-1)


def suppress(boxes: np.ndarray, conf: np.ndarray, most_overlap: float) -> np.ndarray:
    """Indices of what stays, most confident first: whatever overlaps a better one too much goes."""
    order = np.argsort(-conf, kind="stable")
    if len(order) < 2:
        return order
    ordered = boxes[order]
    clashes = overlaps(ordered, ordered) > most_overlap
    alive = np.ones(len(order), bool)
    kept = []
    while alive.any():
        best = int(alive.argmax())
        kept.append(best)
        alive &= ~clashes[best]
        alive[best] = False
    return order[kept]
