"""``python -m golden FOLDER``: runs every model on the pictures there and writes the JSON files.

Needs onnxruntime (``requirements-dev.txt``). ``make golden`` calls it; run that after a wanted
change of a model, and look at the difference before committing it.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

from packages import MODELS, sha256_of, write_atomically

from . import detectors, face, identity, pictures

SAMPLES_PER_OUTPUT = 64
FRAMES = ("astronaut_640x480", "two_faces_640x480")
# The model whose embedding of a frame's faces is written down.
IDENTITY = "face_resnet"
# Models that see a part of another picture: which, and its left upper corner.
PARTS = {"face_resnet": ("astronaut_640x480", 206, 85), "faceres": ("astronaut_640x480", 169, 45)}
DECODERS = {
    "blazeface_back": detectors.blazeface,
    "centerface": detectors.centerface,
    "nanodet_g": detectors.nanodet_persons,
    "nanodet_g_int8": detectors.nanodet_persons,
}


class Models:
    """The models of the manifest, run one picture at a time."""

    def __init__(self) -> None:
        manifest = tomllib.loads((MODELS / "manifest.toml").read_text())
        self.entries = {model["name"]: model for model in manifest["model"]}
        self.sessions: dict[str, onnxruntime.InferenceSession] = {}

    def run(self, name: str, picture: np.ndarray) -> dict[str, np.ndarray]:
        if name not in self.sessions:
            path = MODELS / self.entries[name]["onnx"]["file"]
            self.sessions[name] = onnxruntime.InferenceSession(
                path, providers=["CPUExecutionProvider"]
            )
        session = self.sessions[name]
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, {"input": picture[np.newaxis]})))

    def thresholds(self, name: str) -> dict[str, float]:
        return self.entries[name]["thresholds"]


def picture_of(model: str) -> str:
    """The picture for a model; both forms of NanoDet see the same."""
    return model.removesuffix("_int8")


def decode(models: Models, name: str, outputs: dict[str, np.ndarray]) -> dict:
    """What the raw outputs of one model mean, in pixels of its input."""
    match name:
        case "face_landmark":
            mesh = face.mesh_points(outputs)
            return {"presence": face.presence(outputs), **pose_fields(mesh)}
        case "face_resnet" | "faceres":
            return {"length": float(np.linalg.norm(outputs["embedding"][0].astype(np.float64)))}
        case "iris_landmark":
            gaze = face.gaze(outputs)
            return {"gaze_yaw": gaze.x, "gaze_pitch": gaze.y, "eye_openness": gaze.openness}
        case detector:
            size = pictures.SIZES[picture_of(detector)]
            found = DECODERS[detector](outputs, size, **models.thresholds(detector))
            return {"detections": [detection_fields(detection) for detection in found]}


def model_golden(models: Models, name: str, folder: Path) -> dict:
    """The expected raw and decoded outputs of one model on its picture."""
    fields, picture = model_input(models, name, folder)
    outputs = models.run(name, picture)
    return {
        "model": name,
        "model_sha256": models.entries[name]["onnx"]["sha256"],
        "input": fields,
        "outputs": {key: output_fields(value) for key, value in outputs.items()},
        "decoded": decode(models, name, outputs),
    }


def model_input(models: Models, name: str, folder: Path) -> tuple[dict, np.ndarray]:
    """The picture for a model, and what is written down of it."""
    if name not in PARTS:
        return input_fields(folder, picture_of(name)), pictures.read(folder, picture_of(name))
    whole, left, top = PARTS[name]
    _, height, width, _ = models.entries[name]["input"]["shape"]
    part = pictures.read(folder, whole)[top : top + height, left : left + width]
    place = {"left": left, "top": top, "width": width, "height": height}
    return {**input_fields(folder, whole), "part": place}, np.ascontiguousarray(part)


def frame_golden(models: Models, name: str, folder: Path) -> dict:
    """The whole path on a frame: faces with pose and gaze, and persons; boxes in 0..1."""
    frame = pictures.read(folder, name)
    faces = [face_fields(models, frame, found) for found in detect(models, "blazeface_back", frame)]
    persons = [
        {"box": relative_box(found.box, frame), "conf": found.score}
        for found in detect(models, "nanodet_g", frame)
    ]
    return {"input": input_fields(folder, name), "faces": faces, "persons": persons}


def detect(models: Models, name: str, frame: np.ndarray) -> list[detectors.Detection]:
    """Detections of a whole frame, in its pixels, without the bars that a square input would have."""
    frame_size = frame.shape[1], frame.shape[0]
    size = pictures.snug(frame_size, max(pictures.SIZES[picture_of(name)]))
    box = detectors.Letterbox(frame_size, size)
    picture = np.asarray(pictures.letterboxed(Image.fromarray(frame), size))
    found = DECODERS[name](models.run(name, picture), size, **models.thresholds(name))
    return [
        detectors.Detection(
            box.to_frame(item.box.reshape(2, 2)).ravel(), item.score, box.to_frame(item.points)
        )
        for item in found
    ]


def face_fields(models: Models, frame: np.ndarray, found: detectors.Detection) -> dict:
    """Mesh, pose and gaze of one face."""
    crop = face.face_crop(found.box, found.points[0], found.points[1])
    outputs = models.run("face_landmark", crop.cut(frame, face.MESH_SIZE))
    mesh = crop.to_frame(face.mesh_points(outputs), face.MESH_SIZE)
    eyes = [
        eye_gaze(models, frame, mesh, face.RIGHT_EYE_CORNERS, mirrored=False),
        eye_gaze(models, frame, mesh, face.LEFT_EYE_CORNERS, mirrored=True),
    ]
    return {
        "box": relative_box(found.box, frame),
        "conf": found.score,
        "points": (found.points / [frame.shape[1], frame.shape[0]]).tolist(),
        "presence": face.presence(outputs),
        **pose_fields(mesh),
        "gaze_yaw": float(np.mean([eye.x for eye in eyes])),
        "gaze_pitch": float(np.mean([eye.y for eye in eyes])),
        "eye_openness": float(np.mean([eye.openness for eye in eyes])),
        "embedding": embedding(models, frame, mesh),
    }


def embedding(models: Models, frame: np.ndarray, mesh: np.ndarray) -> list[float]:
    """What the default model answers for a meshed face."""
    entry = models.entries[IDENTITY]
    crop = identity.crop(mesh, entry["recognition"]["alignment"])
    _, side, _, _ = entry["input"]["shape"]
    return models.run(IDENTITY, crop.cut(frame, side))["embedding"][0].tolist()


def eye_gaze(models: Models, frame, mesh, corners, mirrored: bool) -> face.Gaze:
    picture = face.eye_crop(mesh, corners).cut(frame, face.EYE_SIZE)
    if mirrored:
        picture = np.asarray(ImageOps.mirror(Image.fromarray(picture)))
    return face.gaze(models.run("iris_landmark", picture), mirrored)


def pose_fields(mesh: np.ndarray) -> dict:
    return dict(zip(("yaw", "pitch", "roll"), face.head_pose(mesh)))


def detection_fields(found: detectors.Detection) -> dict:
    return {"box": found.box.tolist(), "score": found.score, "points": found.points.tolist()}


def relative_box(box: np.ndarray, frame: np.ndarray) -> list[float]:
    """x, y, width and height in 0..1, as messages carry them."""
    corners = box.reshape(2, 2) / [frame.shape[1], frame.shape[0]]
    return [*corners[0].tolist(), *(corners[1] - corners[0]).tolist()]


def output_fields(values: np.ndarray) -> dict:
    """Evenly spaced samples of a raw output, by flat index, and its sums."""
    flat = values.ravel().astype(np.float64)
    indices = np.unique(np.linspace(0, flat.size - 1, SAMPLES_PER_OUTPUT).astype(int))
    return {
        "shape": list(values.shape),
        "sum": float(flat.sum()),
        "sum_of_magnitudes": float(np.abs(flat).sum()),
        "samples": [[int(index), float(flat[index])] for index in indices],
    }


def input_fields(folder: Path, name: str) -> dict:
    width, height = pictures.SIZES[name]
    file = f"{name}.rgb"
    return {"file": file, "width": width, "height": height, "sha256": sha256_of(folder / file)}


def rounded(value):
    """Six significant digits: as exact as float32, and quiet in version control."""
    match value:
        case float():
            return float(f"{value:.6g}")
        case dict():
            return {key: rounded(item) for key, item in value.items()}
        case list():
            return [rounded(item) for item in value]
    return value


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    models = Models()
    goldens = {name: model_golden(models, name, folder) for name in models.entries}
    goldens |= {name: frame_golden(models, name, folder) for name in FRAMES}
    for name, golden in goldens.items():
        text = json.dumps(rounded(golden), indent=1)
        write_atomically(MODELS / "golden" / f"{name}.json", (text + "\n").encode())
        print(f"golden: {name}.json, {len(text)} bytes")


if __name__ == "__main__":
    main()
