"""Turns what was seen in the samples of a clip into `invigilator.observation.v1` messages.

Follows `pipeline/domain/src/observe/`: each face once, numbers rounded to what models can really
tell, every planned instant present.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from quality import Quality
from settings import Manifest
from vision.boxes import overlaps, shares_inside
from vision.look import SeenFace, Sight

# Boxes that overlap more than this, or of which this much lies within the other, show one face.
SAME_BOX_IOU, SAME_BOX_INSIDE = 0.4, 0.7
MOST_OF_A_KIND = 16

Frame = dict[str, Any]


class Writer:
    """Makes the observations of one clip, one per segment."""

    def __init__(
        self, clip: Path, manifest: Manifest, defaults: dict[str, Any], fps: float
    ) -> None:
        with clip.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        used = {"fps": fps} | {part: defaults[part] for part in ("sampling", "quality", "observe")}
        config = json.dumps(used, sort_keys=True).encode()
        self._segment_ms: int = defaults["sampling"]["segment_ms"]
        self._reporting: dict[str, float] = defaults["observe"]
        self._frames: list[Frame] = []
        self._sequence = 0
        self._common = {
            "session": f"local/files/{sha256[:16]}",
            "tenant": "local",
            "exam": "files",
            "stream": {"kind": "webcam", "epoch": 0, "init_sha256": sha256},
            "attempt": 0,
            "status": "observed",
            "dead_letter": None,
            "plan": {
                "fps": fps,
                "keyframes_only": False,
                "reason": "default",
                "escalated": False,
                "shed": 0,
            },
            "models": manifest.references(),
            "pipeline": {
                "version": "baseline",
                "config_hash": hashlib.sha256(config).hexdigest(),
            },
        }
        self.lines: list[str] = []

    def add(self, instant_ms: int, sight: Sight | None) -> None:
        """The next sample; without a sight there was no picture."""
        while instant_ms >= (self._sequence + 1) * self._segment_ms:
            self._close((self._sequence + 1) * self._segment_ms)
        self._frames.append(frame(instant_ms, sight, self._reporting))

    def finish(self, end_ms: float) -> None:
        """The clip is over: the last segment ends with it."""
        if self._frames:
            end = max(round(end_ms), self._frames[-1]["media_ms"] + 1)
            self._close(min(end, (self._sequence + 1) * self._segment_ms))

    def _close(self, end_ms: int) -> None:
        observation = self._common | {
            "sequence": self._sequence,
            "start_ms": self._sequence * self._segment_ms,
            "end_ms": end_ms,
            "frames": self._frames,
        }
        self.lines.append(json.dumps(observation, separators=(",", ":")))
        self._frames = []
        self._sequence += 1


def frame(instant_ms: int, sight: Sight | None, reporting: dict[str, float]) -> Frame:
    """What is reported of a planned instant."""
    if sight is None:
        return unseen(instant_ms, "gap", None)
    if sight.things is None:
        return unseen(instant_ms, sight.light.unseen, sight.quality)
    faces = [face(seen) for seen in distinct(sight.faces, reporting)]
    found = [
        {"class": name, "box": box(corners), "conf": rounded(float(conf), 1000.0)}
        for corners, conf, name in zip(sight.things.boxes, sight.things.conf, sight.things.names)
    ]
    found.sort(key=lambda thing: (-thing["conf"], thing["box"][0], thing["box"][1]))
    persons = [
        {"box": thing["box"], "conf": thing["conf"]}
        for thing in found
        if thing["class"] == "person" and thing["conf"] >= reporting["person_conf"]
    ]
    objects = [
        thing
        for thing in found
        if thing["class"] != "person" and thing["conf"] >= reporting["object_conf"]
    ]
    if sight.light.dim and not faces and not persons:
        # Who is not found in the dark may be there all the same.
        return unseen(instant_ms, "dark", sight.quality)
    return {
        "media_ms": instant_ms,
        "status": "seen",
        "reason": None,
        "quality": quality(sight.quality),
        "faces": faces,
        "persons": persons[:MOST_OF_A_KIND],
        "objects": objects[:MOST_OF_A_KIND],
    }


def unseen(instant_ms: int, reason: str | None, measured: Quality | None) -> Frame:
    return {
        "media_ms": instant_ms,
        "status": "not_seen",
        "reason": reason,
        "quality": None if measured is None else quality(measured),
        "faces": [],
        "persons": [],
        "objects": [],
    }


def quality(measured: Quality) -> dict[str, int | str]:
    return {
        "luma_p10": measured.luma_p10,
        "luma_p90": measured.luma_p90,
        "contrast": measured.contrast,
        "sharpness": measured.sharpness,
        "phash": measured.phash,
        "grid": measured.grid,
    }


def distinct(faces: list[SeenFace], reporting: dict[str, float]) -> list[SeenFace]:
    """The most confident detection of each face, largest first."""
    credible = [seen for seen in faces if seen.conf >= reporting["face_conf"]]
    if len(credible) > 1:
        credible.sort(key=lambda seen: (-seen.conf, seen.box[0]))
        boxes = np.stack([seen.box for seen in credible])
        inside = shares_inside(boxes, boxes)
        same = (overlaps(boxes, boxes) > SAME_BOX_IOU) | (
            np.maximum(inside, inside.T) > SAME_BOX_INSIDE
        )
        kept: list[int] = []
        for index, seen in enumerate(credible):
            if not any(
                same[have, index]
                or meshes_coincide(credible[have], seen, reporting["same_face_widths"])
                for have in kept
            ):
                kept.append(index)
        credible = [credible[index] for index in kept]
        credible.sort(key=lambda seen: (-area(seen.box), seen.box[0]))
    return credible[:MOST_OF_A_KIND]


def meshes_coincide(one: SeenFace, other: SeenFace, widths: float) -> bool:
    if one.measured is None or other.measured is None:
        return False
    box_one, box_other = one.measured.box, other.measured.box
    apart = (box_one[:2] + box_one[2:] - box_other[:2] - box_other[2:]) / 2.0
    least = np.minimum(box_one[2:] - box_one[:2], box_other[2:] - box_other[:2])
    return math.hypot(*(apart / least)) < widths


def area(corners: np.ndarray) -> float:
    return float(np.clip(corners[2:] - corners[:2], 0.0, None).prod())


def face(seen: SeenFace) -> dict[str, Any]:
    measured = seen.measured
    eyes = None if measured is None else measured.eyes
    return {
        "box": box(seen.box),
        "conf": rounded(seen.conf, 1000.0),
        "points": [[rounded(x, 10_000.0), rounded(y, 10_000.0)] for x, y in seen.points.tolist()],
        "yaw": None if measured is None else rounded(measured.yaw, 10.0),
        "pitch": None if measured is None else rounded(measured.pitch, 10.0),
        "roll": None if measured is None else rounded(measured.roll, 10.0),
        "gaze_yaw": None if eyes is None else rounded(eyes.x, 1000.0),
        # Messages measure upwards like pitch.
        "gaze_pitch": None if eyes is None else rounded(-eyes.y, 1000.0),
        "eye_openness": None if eyes is None else rounded(eyes.openness, 1000.0),
        "match": None,
    }


def box(corners: np.ndarray) -> list[float]:
    left, top, right, lower = corners.tolist()
    return [rounded(value, 10_000.0) for value in (left, top, right - left, lower - top)]


def rounded(value: float, per_unit: float) -> float:
    """Half away from zero; adding zero turns -0 into 0."""
    return math.copysign(math.floor(abs(value) * per_unit + 0.5), value) / per_unit + 0.0
