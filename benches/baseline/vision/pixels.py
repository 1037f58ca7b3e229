"""From BGR pictures to the small RGB pictures that models take, and the way back for positions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

# From this many picture pixels per crop pixel on a picture is averaged down before it is sampled.
LONGEST_STEP = 1.5


@dataclass(frozen=True)
class Region:
    """An upright part of a picture, in whole pixels."""

    x: int
    y: int
    width: int
    height: int

    @staticmethod
    def whole(picture: np.ndarray) -> Region:
        return Region(0, 0, picture.shape[1], picture.shape[0])

    @staticmethod
    def around(
        left: float, top: float, right: float, lower: float, picture: np.ndarray
    ) -> Region | None:
        """The smallest region around a box; nothing if the box lies outside the picture."""
        height, width = picture.shape[:2]
        x, y = max(math.floor(left), 0), max(math.floor(top), 0)
        end_x, end_y = min(math.ceil(right), width), min(math.ceil(lower), height)
        return Region(x, y, end_x - x, end_y - y) if x < end_x and y < end_y else None

    def of(self, picture: np.ndarray) -> np.ndarray:
        return picture[self.y : self.y + self.height, self.x : self.x + self.width]


class Letterbox:
    """A region scaled by one factor and centred in a square, the rest black."""

    def __init__(self, region: Region, side: int) -> None:
        factor = side / max(region.width, region.height)
        self._region, self._side = region, side
        self._width = min(max(round(region.width * factor), 1), side)
        self._height = min(max(round(region.height * factor), 1), side)
        self._left = (side - self._width) // 2
        self._top = (side - self._height) // 2
        self._scale = np.array([region.width / self._width, region.height / self._height])
        self._start = np.array([region.x, region.y]) - [self._left, self._top] * self._scale

    def fill(self, picture: np.ndarray) -> np.ndarray:
        """The input of a model, a batch of one."""
        scaled = scale(self._region.of(picture), self._width, self._height)
        rgb = cv2.cvtColor(scaled, cv2.COLOR_BGR2RGB)
        right, lower = self._side - self._width - self._left, self._side - self._height - self._top
        filled = cv2.copyMakeBorder(
            rgb, self._top, lower, self._left, right, cv2.BORDER_CONSTANT, value=(0, 0, 0)
        )
        return filled[np.newaxis]

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Maps [..., 2] points of the input into the picture."""
        return points * self._scale + self._start


class Crop:
    """A square of a picture, turned so that its content is level, and mirrored if asked."""

    def __init__(
        self, centre: np.ndarray, side: float, angle: float, size: int, mirrored: bool = False
    ) -> None:
        self._centre, self._side, self._size = centre, side, size
        cos, sin = math.cos(angle), math.sin(angle)
        across = -1.0 if mirrored else 1.0
        self._step = side / size
        # From a point of the crop, counted from its middle, into the picture.
        self._turn = np.array([[cos * across, -sin], [sin * across, cos]]) * self._step

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """The crop as size x size RGB; black beyond the picture."""
        shape = (self._size, self._size, 3)
        region, factor = Region.whole(picture), np.ones(2)
        if self._step > LONGEST_STEP:
            reach = self._side / math.sqrt(2.0) + self._step
            (left, top), (right, lower) = self._centre - reach, self._centre + reach
            around = Region.around(left, top, right, lower, picture)
            if around is None:
                return np.zeros(shape, np.uint8)
            region = around
            width = max(round(region.width / self._step), 1)
            height = max(round(region.height / self._step), 1)
            factor = np.array([width / region.width, height / region.height])
            picture = scale(region.of(picture), width, height)
        # Pixel centres lie at halves on both sides.
        middle = self._turn @ np.full(2, 0.5 - self._size / 2)
        start = (self._centre + middle - [region.x, region.y]) * factor - 0.5
        matrix = np.column_stack([self._turn * factor[:, np.newaxis], start])
        warped = cv2.warpAffine(
            picture, matrix, shape[:2], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        return cv2.cvtColor(warped, cv2.COLOR_BGR2RGB)

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Maps [..., 2 or 3] points of the crop into the picture; depth is scaled alike."""
        mapped = self._centre + (points[..., :2] - self._size / 2) @ self._turn.T
        return np.concatenate([mapped, points[..., 2:] * self._step], axis=-1)


def scale(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Averages what becomes smaller, by halves as far as that goes: halving is many times faster."""
    if width > picture.shape[1] or height > picture.shape[0]:
        # The area method would repeat pixels of what grows.
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    while picture.shape[1] >= 2 * width and picture.shape[0] >= 2 * height:
        half = (picture.shape[1] // 2, picture.shape[0] // 2)
        picture = cv2.resize(picture, half, interpolation=cv2.INTER_AREA)
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
