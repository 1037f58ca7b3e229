"""``python -m webcam PAIRS_CSV FOLDER``: photographs and webcam-like videos of the same persons.

Responsible for: who is in which file, and which videos are made. PAIRS_CSV has the columns a, b,
same_or_different, source: two pictures relative to it, and the person's name, or NAME/NAME where they
differ. FOLDER gets ``identities.csv`` for ``invigilator eval --pairs``, the photographs and the videos.
Needs onnxruntime (``requirements-dev.txt``) and ffmpeg. The same input gives the same pixels.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from golden.__main__ import Models

from . import camera
from .head import FRAME, FramedHead, Head, Pose

SECONDS = 6
# No head turns farther than this, in degrees, whatever the photograph shows.
MOST_YAW = 25


@dataclass(frozen=True)
class Condition:
    """What is hard about a video."""

    heights: tuple[float, float] = (84, 120)  # of the face, in pixels
    sway: float = 4  # degrees to both sides
    light: camera.Light = camera.DAYLIGHT
    is_covered: bool = False


CONDITIONS = {
    "plain": Condition(),
    "small": Condition(heights=(60, 84)),
    "dim": Condition(light=camera.DIM),
    "turned": Condition(sway=MOST_YAW),
    "covered": Condition(is_covered=True),
    "dim_turned": Condition(sway=MOST_YAW, light=camera.DIM),
}
# Chin and mouth, a cheek, the other one, the forehead; in face heights from the middle of the face.
COVERED_PLACES = ((0, 0.36), (-0.36, 0.16), (0.36, 0.16), (0, -0.42))
# A hand, lighter or darker, a sleeve, a cup.
COVER_COLOURS = ((198, 152, 128), (121, 82, 62), (52, 54, 66), (214, 212, 206))


def persons(pairs: Path) -> dict[str, str]:
    """The person on each picture."""
    found: dict[str, str] = {}
    with pairs.open() as file:
        for row in csv.DictReader(file):
            first, _, second = row["source"].partition("/")
            found[row["a"]] = first
            found[row["b"]] = second or first
    return dict(sorted(found.items()))


def poses(condition: Condition, head: Head, random: np.random.Generator) -> Iterator[Pose]:
    """How somebody sits for some seconds: movements whose periods never meet."""
    height = random.uniform(*condition.heights)
    centre = np.array(FRAME) / 2 + random.uniform((-60, -50), (60, 30))
    phases = random.uniform(0, 2 * np.pi, 5)
    for index in range(SECONDS * camera.RATE):
        time = index / camera.RATE
        rates = np.array([1.3, 0.9, 0.5, 1.7, 0.7])
        x, y, near, lean, turn = np.sin(time * rates + phases)
        wanted = np.clip(head.yaw + condition.sway * turn, -MOST_YAW, MOST_YAW)
        yield Pose(
            centre=(centre[0] + 6 * x, centre[1] + 4 * y),
            height=height * (1 + 0.03 * near),
            yaw=float(wanted - np.clip(head.yaw, -MOST_YAW, MOST_YAW)),
            roll=3 * lean,
        )


def frames(
    condition: Condition, head: Head, random: np.random.Generator
) -> Iterator[np.ndarray]:
    way = list(poses(condition, head, random))
    framed: FramedHead = head.in_frame(way[0].height)
    place = COVERED_PLACES[random.integers(len(COVERED_PLACES))]
    colour = COVER_COLOURS[random.integers(len(COVER_COLOURS))]
    sensor = camera.Sensor(random)
    for pose in way:
        frame = framed.frame(pose)
        if condition.is_covered:
            frame = camera.cover(frame, pose, place, colour)
        yield sensor.picture(frame, condition.light)


def seed_of(*words: str) -> int:
    """The same for the same words, on every machine."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:8], "big")


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    pairs, folder = Path(sys.argv[1]), Path(sys.argv[2])
    models = Models()
    for name in ("photographs", "videos"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rows = []
    for name, person in persons(pairs).items():
        source = pairs.parent / name
        photograph = f"photographs/{source.name}"
        try:
            head = Head(models, Image.open(source))
        except ValueError as error:
            print(f"webcam: {name}: {error}", file=sys.stderr)
            continue
        shutil.copyfile(source, folder / photograph)
        rows.append((photograph, person, "", ""))
        for label, condition in CONDITIONS.items():
            video = f"videos/{source.stem}_{label}.webm"
            if not (folder / video).exists():
                random = np.random.default_rng(seed_of(source.name, label))
                camera.record(frames(condition, head, random), folder / video)
            rows.append((video, person, photograph, label))
        print(f"webcam: {name}", file=sys.stderr, flush=True)
    with (folder / "identities.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "person", "made_from", "condition"))
        writer.writerows(rows)


if __name__ == "__main__":
    main()
