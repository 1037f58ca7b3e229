"""``python -m golden.quality CLIPS``: the quality figures that the model cards quote.

Looks at one frame per second of the labelled sample clips: how often a face detector counts the
faces right (alone, and with boxes dropped in which the mesh finds no face), and how often the
INT8 person model finds what the fp32 one finds. It measures the models alone;
``invigilator eval`` measures the product.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from . import detectors
from .__main__ import Models, detect, face_fields

FRAME = (640, 480)
# Seconds in which nobody could say how many faces there are.
UNCLEAR_STATES = {"entering", "leaving", "nearly black", "camera covered", "gap"}


def labelled_frames(clips: Path) -> Iterator[tuple[np.ndarray, str]]:
    """The middle of every labelled second with its face count, a number or a range."""
    with (clips / "labels.csv").open() as file:
        spans = [row for row in csv.DictReader(file) if row["state"] not in UNCLEAR_STATES]
    for span in spans:
        start, end = int(span["from_s"]), int(span["to_s"])
        for frame in frames(clips / span["clip"], start + 0.5, end - start):
            yield frame, span["faces"]


def frames(path: Path, start: float, count: int) -> Iterator[np.ndarray]:
    """One frame per second of media time from ``start`` on."""
    width, height = FRAME
    one_a_second = "select='isnan(prev_selected_t)+gte(t-prev_selected_t,0.999)'"
    command = ["ffmpeg", "-v", "error", "-ss", str(start), "-i", str(path), "-frames:v", str(count)]
    command += ["-vf", f"{one_a_second},scale={width}:{height}", "-fps_mode", "passthrough"]
    command += ["-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    yield from np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def in_range(count: int, label: str) -> bool:
    low, _, high = label.partition("-")
    return int(low) <= count <= int(high or low)


def best_match(box: np.ndarray, others: list[detectors.Detection]) -> detectors.Detection | None:
    matches = [other for other in others if detectors.overlap(box, other.box) >= 0.5]
    return max(matches, key=lambda other: detectors.overlap(box, other.box), default=None)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    models = Models()
    right = {"blazeface_back": 0, "blazeface_back with face_landmark": 0, "centerface": 0}
    seconds = persons = 0
    overlaps, score_changes = [], []
    for frame, label in labelled_frames(Path(sys.argv[1])):
        seconds += 1
        boxes = detect(models, "blazeface_back", frame)
        meshed = [box for box in boxes if face_fields(models, frame, box)["presence"] >= 0.5]
        found = (boxes, meshed, detect(models, "centerface", frame))
        for name, faces in zip(right, found):
            right[name] += in_range(len(faces), label)
        int8 = detect(models, "nanodet_g_int8", frame)
        for person in detect(models, "nanodet_g", frame):
            if person.score < 0.4:  # near the threshold of 0.35 either side may drop it
                continue
            persons += 1
            if match := best_match(person.box, int8):
                overlaps.append(detectors.overlap(person.box, match.box))
                score_changes.append(match.score - person.score)
    for name, count in right.items():
        print(f"{name}: faces counted right in {count} of {seconds} seconds")
    print(
        f"nanodet_g_int8: {len(overlaps)} of {persons} persons of nanodet_g matched, "
        f"mean overlap {np.mean(overlaps):.3f}, score change mean {np.mean(score_changes):+.3f}, "
        f"largest {np.abs(score_changes).max():.3f}"
    )


if __name__ == "__main__":
    main()
