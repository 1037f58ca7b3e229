"""A photograph whose head can turn to the sides, placed in a frame at a given size.

Responsible for: finding the face, its depth, and the frame's pixels for a pose. Not for: light, noise,
compression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from golden import face
from golden.__main__ import Models, detect

FRAME = (640, 480)
# Depth is smooth: it is computed for so many columns and rows around the head.
DEPTH_GRID = 48
# In face widths from the middle of the face: up to here everything turns with the head, from there nothing.
HEAD, SHOULDERS = 0.75, 1.4
# Pixels over which the edge of a photograph fades into what is behind it.
FADE = 12


@dataclass(frozen=True)
class Pose:
    """Where the head is in a frame, and how it is turned."""

    centre: tuple[float, float]  # of the face, in pixels of the frame
    height: float  # of the face as its detector boxes it, in pixels of the frame
    yaw: float  # degrees, added to what the photograph shows; > 0: the nose goes to the right
    roll: float  # degrees


class Head:
    """A photograph with one face that is meant: the largest."""

    def __init__(self, models: Models, photograph: Image.Image) -> None:
        self.photograph = photograph.convert("RGB")
        picture, margin = _with_margin(self.photograph)
        frame = np.asarray(picture)
        found = detect(models, "blazeface_back", frame)
        if not found:
            raise ValueError("no face was found")
        largest = max(found, key=lambda one: one.box[3] - one.box[1])
        crop = face.face_crop(largest.box, largest.points[0], largest.points[1])
        outputs = models.run("face_landmark", crop.cut(frame, face.MESH_SIZE))
        self.mesh = crop.to_frame(face.mesh_points(outputs), face.MESH_SIZE) - [margin, margin, 0]
        self.yaw = face.head_pose(self.mesh)[0]
        self.height = float(largest.box[3] - largest.box[1])

    def in_frame(self, height: float) -> FramedHead:
        """For frames in which the face is about that high."""
        return FramedHead(self, height)


class FramedHead:
    """The photograph scaled once, with filtering, so that frames only need to interpolate."""

    def __init__(self, head: Head, height: float) -> None:
        self.height = height
        scale = height / head.height
        size = [max(1, round(side * scale)) for side in head.photograph.size]
        scaled = head.photograph.resize(size, Image.Resampling.LANCZOS)
        self.background = _background(scaled)
        mesh = head.mesh * scale
        centre = mesh[:, :2].mean(axis=0)
        # What no pose brings into the frame is left out.
        left, top = (max(0, int(at - side)) for at, side in zip(centre, FRAME))
        scaled = scaled.crop((left, top, min(size[0], left + 1280), min(size[1], top + 960)))
        mesh -= [left, top, 0]
        self.centre = centre - [left, top]
        self.pixels = _fading(scaled)
        self.region, self.across, self.depth = _turning(mesh, self.centre, scaled.size)

    def frame(self, pose: Pose) -> np.ndarray:
        """One frame, uint8 [height, width, 3]."""
        size = pose.height / self.height
        cos, sin = np.cos(np.radians(pose.roll)) / size, np.sin(np.radians(pose.roll)) / size
        x, y = pose.centre
        affine = (cos, sin, self.centre[0] - cos * x - sin * y)
        affine += (-sin, cos, self.centre[1] + sin * x - cos * y)
        bilinear = Image.Resampling.BILINEAR
        turned = Image.fromarray(self._turned(np.radians(pose.yaw)))
        placed = turned.transform(FRAME, Image.Transform.AFFINE, affine, bilinear)
        return np.asarray(Image.alpha_composite(self.background, placed).convert("RGB"))

    def _turned(self, yaw: float) -> np.ndarray:
        """The photograph with the head turned: each pixel is taken from where its point was before."""
        left, top, right, bottom = self.region
        rows, columns = np.mgrid[0 : bottom - top, 0 : right - left]
        moved = self.across * (np.cos(yaw) - 1) - self.depth * np.sin(yaw)
        source = columns - moved
        for _ in range(2):
            nearest = np.clip(np.rint(source).astype(int), 0, right - left - 1)
            source = columns - moved[rows, nearest]
        source = np.clip(source, 0, right - left - 1.001)
        first = source.astype(int)
        part = (source - first)[..., None].astype(np.float32)
        head = self.pixels[top:bottom, left:right].astype(np.float32)
        turned = head[rows, first] * (1 - part) + head[rows, np.minimum(first + 1, right - left - 1)] * part
        picture = self.pixels.copy()
        picture[top:bottom, left:right] = np.rint(turned)
        return picture


def _turning(mesh: np.ndarray, centre: np.ndarray, size: tuple[int, int]):
    """Where the head is, and for each of its pixels how far it is beside and before the axis it turns about,
    both times the share with which it takes part."""
    width = float(np.ptp(mesh[:, 0]))
    reach = SHOULDERS * width
    region = [int(max(0, side)) for side in (*(centre - reach), *(centre + reach))]
    left, top, right, bottom = region = (*region[:2], min(size[0], region[2]), min(size[1], region[3]))
    x = np.linspace(left, right, DEPTH_GRID)
    y = np.linspace(top, bottom, DEPTH_GRID)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    apart = ((points[:, None] - mesh[None, ::3, :2]) ** 2).sum(axis=-1)
    weights = 1 / (apart + (width / 20) ** 2) ** 2
    # The points beside the ears are the farthest back: about where the neck is.
    axis = np.percentile(mesh[:, 2], 95)
    depth = (weights @ mesh[::3, 2]) / weights.sum(axis=1) - axis
    offset = points - centre
    distance = np.hypot(offset[:, 0], offset[:, 1] * 0.8) / width
    share = np.clip((SHOULDERS - distance) / (SHOULDERS - HEAD), 0, 1)
    share = share * share * (3 - 2 * share)
    smooth = (_enlarged(share * values, right - left, bottom - top) for values in (offset[:, 0], depth))
    return region, *smooth


def _enlarged(values: np.ndarray, width: int, height: int) -> np.ndarray:
    grid = Image.fromarray(values.astype(np.float32).reshape(DEPTH_GRID, DEPTH_GRID))
    return np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC))


def _with_margin(picture: Image.Image) -> tuple[Image.Image, int]:
    """The picture amid its own blur: a detector misses a face that fills it."""
    margin = max(picture.size) // 3
    size = [side + 2 * margin for side in picture.size]
    canvas = picture.resize((16, 16)).resize(size, Image.Resampling.BICUBIC)
    canvas.paste(picture, (margin, margin))
    return canvas, margin


def _background(picture: Image.Image) -> Image.Image:
    """What is behind and around the photograph: its own colours, far out of focus."""
    blurred = picture.resize((4, 3)).resize(FRAME, Image.Resampling.BICUBIC)
    return blurred.filter(ImageFilter.GaussianBlur(12)).convert("RGBA")


def _fading(picture: Image.Image) -> np.ndarray:
    """With an edge that is none of the room's, [height, width, RGBA]."""
    width, height = picture.size
    to_edge = np.minimum.outer(*(np.minimum(at, at[::-1]) for at in (np.arange(height), np.arange(width))))
    alpha = np.clip(to_edge / FADE * 255, 0, 255).astype(np.uint8)
    return np.dstack([np.asarray(picture), alpha])
