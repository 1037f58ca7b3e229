"""Picture quality, measured on luma before any model runs, and what it allows the models to do.

Follows `pipeline/domain/src/observe/quality.rs`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

# Width and height of the shrunk luma on which structure is measured.
SMALL = (160, 120)
LEVELS = np.arange(256, dtype=np.int64)


@dataclass(frozen=True)
class Quality:
    """As messages have it."""

    luma_p10: int
    luma_p90: int
    contrast: int
    sharpness: int
    phash: str
    grid: str
    grid_range: int


@dataclass(frozen=True)
class Light:
    """What the light allows: `unseen` says why no model can see anything."""

    unseen: str | None
    dim: bool = False


def measure(picture: np.ndarray) -> Quality:
    """Measures a BGR picture."""
    luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(luma, SMALL, interpolation=cv2.INTER_AREA)
    counts = cv2.calcHist([small], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    below = counts.cumsum()
    total, mass = int(below[-1]), int(counts @ LEVELS)
    variance = (total * int(counts @ (LEVELS * LEVELS)) - mass * mass) // (total * total)
    response = cv2.Laplacian(small, cv2.CV_16S, ksize=1)[1:-1, 1:-1]
    # The grid's cells are whole pixels of the small picture: the same means as of the large one.
    grid = cv2.resize(small, (8, 8), interpolation=cv2.INTER_AREA)
    cells = cv2.resize(small, (9, 8), interpolation=cv2.INTER_AREA)
    return Quality(
        luma_p10=int(np.searchsorted(below, total * 10 // 100, side="right")),
        luma_p90=int(np.searchsorted(below, total * 90 // 100, side="right")),
        contrast=math.isqrt(variance),
        sharpness=int(cv2.norm(response, cv2.NORM_L1)) * 10 // response.size,
        phash=np.packbits(cells[:, :-1] > cells[:, 1:]).tobytes().hex(),
        grid=grid.tobytes().hex(),
        grid_range=int(grid.max()) - int(grid.min()),
    )


def light_of(quality: Quality, gate: dict[str, int]) -> Light:
    """What a picture of this quality allows."""
    if (
        quality.grid_range <= gate["uniform_grid_range"]
        and quality.sharpness < gate["uniform_sharpness"]
    ):
        return Light("obstructed")
    if quality.luma_p90 < gate["dark_luma_p90"]:
        return Light("dark")
    if quality.sharpness < gate["blur_sharpness"]:
        return Light("blur")
    return Light(None, dim=quality.luma_p90 < gate["dim_luma_p90"])
