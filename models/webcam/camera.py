"""What a cheap camera and a browser make of a frame: little light, noise, something before the face, VP8.

Responsible for: pixels between the head and the file. Not for: who is in it and how they hold their head.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .head import FRAME, Pose

RATE = 15
# As `tests/media/clips.sh` encodes, which is as browsers do.
ENCODER = "-an -c:v libvpx -deadline realtime -cpu-used 8 -threads 1 -b:v 400k -maxrate 400k".split()
ENCODER += "-bufsize 400k -g 30 -pix_fmt yuv420p -fflags +bitexact -flags:v +bitexact -f webm".split()
GAMMA = 2.2
TO_LINEAR = ((np.arange(256) / 255) ** GAMMA).astype(np.float32)
LEVELS = 4095
FROM_LINEAR = np.rint((np.arange(LEVELS + 1) / LEVELS) ** (1 / GAMMA) * 255).astype(np.uint8)


@dataclass(frozen=True)
class Light:
    """How much of the photograph's light reaches the sensor, and what the camera multiplies that by."""

    share: float
    gain: float


DAYLIGHT = Light(share=1, gain=1)
# About a desk lamp: the camera brightens what it gets, its noise along with it, and it stays darker.
DIM = Light(share=0.05, gain=6)


class Sensor:
    """A noisy one."""

    # Standard deviations, of full scale in linear light: of the electronics, and of the light itself.
    READ_NOISE, SHOT_NOISE = 0.0008, 0.008

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        # Twice the frame: each frame takes another part of it.
        rows, columns = 2 * FRAME[1], 2 * FRAME[0]
        self.noise = random.standard_normal((rows, columns, 3), np.float32)

    def picture(self, frame: np.ndarray, light: Light) -> np.ndarray:
        """A frame as the sensor sees it; both uint8."""
        linear = TO_LINEAR[frame] * light.share
        top, left = self.random.integers(FRAME[1]), self.random.integers(FRAME[0])
        noise = self.noise[top : top + FRAME[1], left : left + FRAME[0]]
        linear += noise * np.sqrt(self.READ_NOISE**2 + self.SHOT_NOISE**2 * linear)
        return FROM_LINEAR[(np.clip(linear * light.gain, 0, 1) * LEVELS).astype(np.int16)]


def cover(frame: np.ndarray, pose: Pose, place: tuple[float, float], colour: tuple) -> np.ndarray:
    """The frame with something of the size of half a hand before the face; ``place`` is in face heights."""
    x, y = (at + part * pose.height for at, part in zip(pose.centre, place))
    width, height = 0.36 * pose.height, 0.24 * pose.height
    share = Image.new("L", FRAME)
    ImageDraw.Draw(share).ellipse((x - width, y - height, x + width, y + height), fill=255)
    share = share.filter(ImageFilter.GaussianBlur(float(pose.height) / 40))
    covering = Image.linear_gradient("L").resize(FRAME)
    shaded = np.asarray(covering, np.float32)[..., None] / 255 * 0.3 + 0.75
    hand = np.clip(shaded * np.array(colour), 0, 255).astype(np.uint8)
    return np.asarray(Image.composite(Image.fromarray(hand), Image.fromarray(frame), share))


def record(frames: Iterable[np.ndarray], path: Path) -> None:
    """Encodes uint8 frames as a browser would; an interrupted run leaves no half of a file."""
    partial = path.with_name(f".{path.name}")
    size = f"{FRAME[0]}x{FRAME[1]}"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", size, "-r", str(RATE), "-i", "-", *ENCODER, str(partial)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        for frame in frames:
            encoder.stdin.write(frame.tobytes())
        encoder.stdin.close()
    if encoder.returncode != 0:
        raise RuntimeError(f"ffmpeg ended with {encoder.returncode} on {path.name}")
    partial.replace(path)
