"""From a face's mesh to the input of a model that tells persons apart, as ``manifest.toml`` aligns it.

Points are pixels, x to the right and y down. "Right" and "left" are the person's own.
"""

from __future__ import annotations

import numpy as np

from . import face

MESH_POINTS = {
    "right_eye_outer": [33],
    "right_eye_inner": [133],
    "left_eye_inner": [362],
    "left_eye_outer": [263],
    "right_eye": [33, 133],
    "left_eye": [362, 263],
    "nose_tip": [1],
    "nose_base": [2],
    "mouth_right": [61],
    "mouth_left": [291],
}


def crop(mesh: np.ndarray, alignment: dict) -> face.Crop:
    """The turned square that a model sees of a face."""
    if "square" in alignment:
        return _level_square(mesh[:, :2], alignment["square"])
    names = list(alignment["points"])
    points = np.array([mesh[MESH_POINTS[name], :2].mean(axis=0) for name in names])
    return _fitted(np.array([alignment["points"][name] for name in names]), points)


def _level_square(points: np.ndarray, side: float) -> face.Crop:
    across = points[263] - points[33]
    angle = float(np.arctan2(across[1], across[0]))
    cos, sin = np.cos(angle), np.sin(angle)
    level = points @ np.array([[cos, -sin], [sin, cos]])
    low, high = level.min(axis=0), level.max(axis=0)
    centre = (low + high) / 2 @ np.array([[cos, sin], [-sin, cos]])
    return face.Crop(centre, float((high - low).max()) * side, angle)


def _fitted(places: np.ndarray, points: np.ndarray) -> face.Crop:
    """The square in which the points lie nearest to their places, which are fractions of its side."""
    # Places as complex numbers: one factor scales and turns.
    seen, wanted = (values @ np.array([1, 1j]) for values in (points, places))
    offsets = wanted - wanted.mean()
    factor = (np.conj(offsets) @ (seen - seen.mean())) / (np.conj(offsets) @ offsets)
    centre = seen.mean() + factor * (0.5 + 0.5j - wanted.mean())
    return face.Crop(np.array([centre.real, centre.imag]), abs(factor), float(np.angle(factor)))
