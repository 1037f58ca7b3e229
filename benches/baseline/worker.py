#!/usr/bin/env python3
"""A worker on one thread: clips in, observations out, and what a second of video costs.

    python benches/baseline/worker.py FILE... [--observations DIR] [--json FILE] [--fps N]
        [--repeat N]

Processor time is that of the whole process, counted from the opening of a clip to its written
observations; loading and warming up the models, and hashing the clip for its name, are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from errors import BaselineError
from observation import Writer
from settings import Manifest, defaults
from stopwatch import Stopwatch
from video import Video
from vision.look import Looker, Sight


class Worker:
    """Looks at clips, one after the other."""

    def __init__(self, fps: float, observations: Path | None) -> None:
        self._defaults = defaults()
        self._fps, self._interval_ms = fps, round(1000.0 / fps)
        self._observations = observations
        self._manifest = Manifest(self._defaults["infer"]["person_model"])
        self._stopwatch = Stopwatch()
        self._looker = Looker(self._manifest, self._defaults, self._stopwatch)

    def work(self, clip: Path) -> dict[str, Any]:
        """One pass over a clip: seconds of media, pictures looked at, processor time by part."""
        if not clip.is_file():
            raise BaselineError(f"there is no {clip}: `make setup` builds the sample clips")
        writer = Writer(clip, self._manifest, self._defaults, self._fps)
        self._stopwatch.start()
        video = Video(clip, self._stopwatch)
        looked_at: np.ndarray | None = None
        sight: Sight | None = None
        looks = 0
        for sample in video.samples(self._interval_ms, self._defaults["sampling"]["hold_ms"]):
            if sample.picture is not None and sample.picture is not looked_at:
                # A picture that stands for several instants is looked at once.
                looked_at, sight = sample.picture, self._looker.look(sample.picture)
                looks += 1
            writer.add(sample.instant_ms, None if sample.picture is None else sight)
            self._stopwatch.lap("write")
        writer.finish(video.end_ms)
        if self._observations is not None:
            path = self._observations / f"{clip.stem}.jsonl"
            path.write_text("".join(f"{line}\n" for line in writer.lines))
        self._stopwatch.lap("write")
        return {
            "clip": clip.name,
            "media_s": round(video.end_ms / 1000.0, 3),
            "looks": looks,
            "wall_ms": self._stopwatch.elapsed() * 1000.0,
            "cpu_ms": {part: seconds * 1000.0 for part, seconds in self._stopwatch.seconds.items()},
        }


def total(passes: list[dict[str, Any]]) -> dict[str, Any]:
    """Passes over one or several clips, per second of media."""
    media_s = sum(done["media_s"] for done in passes)
    parts: Counter[str] = Counter()
    for done in passes:
        parts.update(done["cpu_ms"])
    per_second = {part: round(spent / media_s, 4) for part, spent in parts.most_common()}
    cost = sum(parts.values()) / media_s
    return {
        "media_s": round(media_s, 3),
        "looks": sum(done["looks"] for done in passes),
        "cpu_ms_per_media_s": round(cost, 4),
        "wall_ms_per_media_s": round(sum(done["wall_ms"] for done in passes) / media_s, 4),
        "by_part": per_second,
        "sessions_per_core": round(1000.0 / cost, 1),
    }


def report(passes: list[list[dict[str, Any]]], fps: float) -> dict[str, Any]:
    done = [one for each in passes for one in each]
    names = dict.fromkeys(one["clip"] for one in done)
    clips = [
        {"clip": name} | total([one for one in done if one["clip"] == name]) for name in names
    ]
    return {
        "fps": fps,
        "passes": [total(each)["cpu_ms_per_media_s"] for each in passes],
        "total": total(done),
        "clips": clips,
    }


def show(told: dict[str, Any]) -> None:
    width = max(len(clip["clip"]) for clip in told["clips"])
    for clip in told["clips"]:
        cost, sessions = clip["cpu_ms_per_media_s"], clip["sessions_per_core"]
        print(f"{clip['clip']:{width}}  {cost:8.2f} ms/s  {sessions:7.1f} sessions per core")
    whole = told["total"]
    print(f"\n{whole['media_s']:.0f} s of media, {whole['looks']} pictures; ms per second:")
    for part, cost in whole["by_part"].items():
        print(f"  {part:16}{cost:8.2f}")
    print(f"  {'all':16}{whole['cpu_ms_per_media_s']:8.2f}")
    print(f"  {'on the wall':16}{whole['wall_ms_per_media_s']:8.2f}")
    print(f"passes: {', '.join(f'{cost:.2f}' for cost in told['passes'])} ms per second")
    print(f"{whole['sessions_per_core']:.1f} sessions per core")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", nargs="+", type=Path, metavar="FILE", help="video files")
    parser.add_argument("--observations", type=Path, metavar="DIR", help="write DIR/<stem>.jsonl")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    parser.add_argument("--fps", type=float, default=1.0, metavar="N", help="samples per second")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="passes over all clips")
    arguments = parser.parse_args()
    interval = round(1000.0 / arguments.fps) if arguments.fps > 0.0 else 0
    if not 0.5 <= arguments.fps <= 5.0 or abs(interval * arguments.fps - 1000.0) >= 0.01:
        parser.error("--fps must be 0.5 to 5, with whole milliseconds between samples")
    if arguments.repeat < 1:
        parser.error("--repeat must be at least 1")
    return arguments


def main() -> int:
    arguments = parse()
    cv2.setNumThreads(1)
    if arguments.observations is not None:
        arguments.observations.mkdir(parents=True, exist_ok=True)
    try:
        worker = Worker(arguments.fps, arguments.observations)
    except BaselineError as error:
        sys.exit(f"baseline: {error}")
    passes: list[list[dict[str, Any]]] = []
    refused: set[Path] = set()
    for _ in range(arguments.repeat):
        done = []
        for clip in arguments.clips:
            if clip in refused:
                continue
            try:
                done.append(worker.work(clip))
            except BaselineError as error:
                refused.add(clip)
                print(f"baseline: {error}", file=sys.stderr)
        passes.append(done)
    if not passes[0]:
        return 1
    told = report(passes, arguments.fps)
    show(told)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(told, indent=2) + "\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
