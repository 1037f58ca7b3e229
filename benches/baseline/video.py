"""Video through OpenCV: every frame is grabbed, only those that stand for an instant are retrieved.

The frame that is displayed at an instant stands for it: the last one not after it. Which frame is
the last shows only when the next one has been grabbed, and then it is too late to retrieve it; so a
frame is retrieved when the next one is expected to come too late. Where a pause could not be
expected, the nearer one of what was retrieved and what was just grabbed stands for the instant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from errors import BaselineError
from stopwatch import Stopwatch

# Time stamps in containers are rounded to milliseconds.
SLACK_MS = 1.0
# How long a frame stands that none follows within the hold, as in the product.
BEFORE_A_HOLE_MS = 500.0
# How much of the longest recent distance of frames is still expected one frame later.
FORGETTING = 0.98


@dataclass(frozen=True)
class Sample:
    """A planned instant and the picture that stands for it, BGR; samples may share one."""

    instant_ms: int
    picture: np.ndarray | None


class Video:
    """One clip, decoded on one thread."""

    def __init__(self, path: Path, stopwatch: Stopwatch) -> None:
        options = [cv2.CAP_PROP_N_THREADS, 1]
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, options)
        if not self._capture.isOpened():
            raise BaselineError(f"{path} cannot be opened as video")
        self._path = path
        self._stopwatch = stopwatch
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._nominal_ms = 1000.0 / rate if rate > 0.0 else 40.0
        self.end_ms = 0.0

    def samples(self, interval_ms: int, hold_ms: float) -> Iterator[Sample]:
        """Every instant of the clip, in order. `end_ms` is right once the last one was taken."""
        instant = 0
        first: float | None = None
        previous, step, longest = 0.0, self._nominal_ms, self._nominal_ms
        picture: np.ndarray | None = None
        taken_at = 0.0
        while self._grab():
            position = self._capture.get(cv2.CAP_PROP_POS_MSEC)
            first = position if first is None else first
            at = position - first
            if at > previous:
                step = at - previous
                longest = max(step, longest * FORGETTING)
            while instant + SLACK_MS < at:
                if at - previous > hold_ms and instant > previous + BEFORE_A_HOLE_MS:
                    yield Sample(instant, None)
                else:
                    if taken_at < previous and at - instant < instant - taken_at:
                        picture, taken_at = self._retrieve(), at
                    yield Sample(instant, picture)
                instant += interval_ms
            if at + longest > instant + SLACK_MS and (picture is None or taken_at < at):
                picture, taken_at = self._retrieve(), at
            previous = at
        if first is None:
            raise BaselineError(f"{self._path} has no picture that can be decoded")
        self.end_ms = previous + step
        while instant < self.end_ms:
            yield Sample(instant, picture)
            instant += interval_ms

    def _grab(self) -> bool:
        grabbed = self._capture.grab()
        self._stopwatch.lap("grab")
        return grabbed

    def _retrieve(self) -> np.ndarray:
        retrieved, picture = self._capture.retrieve()
        self._stopwatch.lap("retrieve")
        if not retrieved:
            raise BaselineError(f"{self._path}: a decoded frame could not be converted")
        return picture
