"""Reads the face recognition network of face-api: weights in a file, and a network that only code describes.

Responsible for: unpacking the weights, and the layers they belong to. The network is the one that dlib
publishes as ``dlib_face_recognition_resnet_model_v1``: 29 convolutions, residual blocks of two, of which five
halve the picture. Not for: how a layer is written in ONNX (``layers``).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx

from .graph import NHWC_STORED_AS_NCHW, Graph, Tensor
from .layers import Layers

SIDE = 150
# Blocks in their order; those that halve the picture end in "down" or "out".
BLOCKS = (
    *("conv32_1", "conv32_2", "conv32_3"),
    *("conv64_down", "conv64_1", "conv64_2", "conv64_3"),
    *("conv128_down", "conv128_1", "conv128_2"),
    *("conv256_down", "conv256_1", "conv256_2", "conv256_down_out"),
)


def read(path: Path, name: str) -> onnx.ModelProto:
    """Converts the network whose weights a manifest lists; they lie beside it."""
    network = _Network(_read_weights(path))
    return network.graph.to_model(name, {"embedding": network.embedding()})


def _read_weights(path: Path) -> dict[str, np.ndarray]:
    """Unpacks the weights, which lie end to end; most are bytes with a scale and an offset."""
    (group,) = json.loads(path.read_text())
    packed = b"".join((path.parent / file).read_bytes() for file in group["paths"])
    weights, offset = {}, 0
    for entry in group["weights"]:
        quantization = entry.get("quantization", {"dtype": entry["dtype"], "scale": 1, "min": 0})
        count = int(np.prod(entry["shape"]))
        stored = np.frombuffer(packed, quantization["dtype"], count, offset)
        offset += stored.nbytes
        values = stored.astype(np.float64) * quantization["scale"] + quantization["min"]
        weights[entry["name"]] = values.reshape(entry["shape"])
    return weights


class _Network:
    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.weights = weights
        self.graph = Graph()
        self.layers = Layers(self.graph)

    def embedding(self) -> Tensor:
        self.graph.add_input("input", 3, SIDE, SIDE)
        x = Tensor("input", (1, SIDE, SIDE, 3), NHWC_STORED_AS_NCHW)
        x = self.layers.relu(self._conv(x, "conv32_down", stride=2))
        x = self.layers.max_pool(x, (3, 3), (2, 2), same=False)
        for block in BLOCKS:
            halves = block.endswith(("down", "out"))
            x = self._halving_block(x, block) if halves else self._block(x, block)
        x = self.layers.mean_over_picture(x, np.array([1, 2]))
        return self.layers.matrix_product(x, self.weights["fc"].astype(np.float32))

    def _block(self, x: Tensor, name: str) -> Tensor:
        inner = self.layers.relu(self._conv(x, f"{name}/conv1"))
        return self.layers.relu(self.layers.add(self._conv(inner, f"{name}/conv2"), x))

    def _halving_block(self, x: Tensor, name: str) -> Tensor:
        """What goes around the convolutions is averaged, and filled up with empty channels; where it is larger
        than what comes out of them, that is filled up with zeros below and to the right."""
        inner = self.layers.relu(self._conv(x, f"{name}/conv1", stride=2))
        inner = self._conv(inner, f"{name}/conv2")
        around = self.layers.average_pool(x, (2, 2), (2, 2))
        _, height, width, channels = (
            wanted - has for wanted, has in zip(around.shape, inner.shape)
        )
        if height or width:
            inner = self.layers.pad(inner, np.array([(0, 0), (0, height), (0, width), (0, 0)]))
        if channels:
            around = self.layers.pad(around, np.array([(0, 0), (0, 0), (0, 0), (0, -channels)]))
        return self.layers.relu(self.layers.add(inner, around))

    def _conv(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        """A convolution and the scale that follows it, as one."""
        scale = self.weights[f"{name}/scale/weights"]
        weights = self.weights[f"{name}/conv/filters"].transpose(3, 2, 0, 1)
        weights = weights * scale.reshape(-1, 1, 1, 1)
        bias = self.weights[f"{name}/conv/bias"] * scale + self.weights[f"{name}/scale/biases"]
        weights, bias = weights.astype(np.float32), bias.astype(np.float32)
        return self.layers.conv(x, weights, bias, (stride, stride), same=stride == 1)
