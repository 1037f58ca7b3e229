"""Makes the raw RGB pictures that golden tests feed to the models.

``python -m golden.pictures ASTRONAUT_PNG FOLDER`` writes ``NAME.rgb``: bytes in the order row,
column, channel, without a header. Rust reads them as they are, so no image library can differ.
The one source is scikit-image's picture of the astronaut Eileen Collins (public domain).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

# Width and height of every picture. A model's picture bears the model's name.
SIZES = {
    "astronaut_640x480": (640, 480),
    "two_faces_640x480": (640, 480),
    "blazeface_back": (256, 256),
    "centerface": (320, 256),
    "face_landmark": (192, 192),
    "iris_landmark": (64, 64),
    "nanodet_g": (416, 416),
}


def make(astronaut: Image.Image) -> dict[str, Image.Image]:
    """Every picture, from the 512 x 512 original."""
    frame = scaled(astronaut, (0, 0, 512, 384), SIZES["astronaut_640x480"])
    return {
        "astronaut_640x480": frame,
        "two_faces_640x480": two_faces(astronaut),
        "blazeface_back": letterboxed(frame, SIZES["blazeface_back"]),
        "centerface": letterboxed(frame, SIZES["centerface"]),
        "face_landmark": scaled(astronaut, (145, 46, 305, 206), SIZES["face_landmark"]),
        "iris_landmark": scaled(astronaut, (179, 78, 225, 124), SIZES["iris_landmark"]),
        "nanodet_g": letterboxed(frame, SIZES["nanodet_g"]),
    }


def two_faces(astronaut: Image.Image) -> Image.Image:
    """The astronaut, and beside her a smaller mirrored copy, as two persons at one desk."""
    canvas = Image.new("RGB", SIZES["two_faces_640x480"], (120, 120, 120))
    left = scaled(astronaut, (60, 0, 380, 420), (350, 460))
    right = scaled(astronaut, (60, 0, 380, 420), (240, 315))
    canvas.paste(left, (0, 20))
    canvas.paste(ImageOps.mirror(right), (400, 165))
    return canvas


def scaled(picture: Image.Image, box: tuple, size: tuple[int, int]) -> Image.Image:
    return picture.resize(size, Image.Resampling.BILINEAR, box=box)


def letterboxed(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The whole picture at its aspect, centred on black."""
    return ImageOps.pad(picture, size, Image.Resampling.BILINEAR, color=(0, 0, 0))


def snug(frame: tuple[int, int], longer_side: int) -> tuple[int, int]:
    """The smallest input in multiples of 32 pixels that a scaled frame fits in."""
    scale = longer_side / max(frame)
    width, height = (-(-round(side * scale) // 32) * 32 for side in frame)
    return width, height


def read(folder: Path, name: str) -> np.ndarray:
    """A picture as the uint8 array [height, width, 3]."""
    width, height = SIZES[name]
    raw = np.fromfile(folder / f"{name}.rgb", np.uint8)
    return raw.reshape(height, width, 3)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in make(Image.open(sys.argv[1]).convert("RGB")).items():
        assert picture.size == SIZES[name], name
        (folder / f"{name}.rgb").write_bytes(picture.tobytes())


if __name__ == "__main__":
    main()
