"""Reads a TensorFlow.js graph model (``model.json`` and its weight files) into a graph.

Responsible for: the JSON topology, packed weights, and naming each operation's layer.
Not for: how a layer is written in ONNX (``layers``). Only the operations of NanoDet and of FaceRes
exist here. NanoDet's file is an ONNX export that went through TensorFlow, so it transposes around
every convolution; ``Tensor.transposed`` makes those free.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import onnx

from .graph import NHWC_STORED_AS_NCHW, Graph, Tensor, row_major
from .layers import Layers

Value = Tensor | np.ndarray

PICTURE_CHANNELS = 3


def read(path: Path, name: str, outputs: dict[str, str]) -> onnx.ModelProto:
    """Converts a model; ``outputs`` maps its output nodes to our names."""
    document = json.loads(path.read_text())
    return _Reader(document, _read_weights(document, path.parent)).convert(name, outputs)


def _read_weights(document: dict, folder: Path) -> dict[str, np.ndarray]:
    """Unpacks the weights, which lie end to end in the manifest's order."""
    weights = {}
    for group in document["weightsManifest"]:
        packed = b"".join((folder / path).read_bytes() for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            stored = np.dtype(entry.get("quantization", entry)["dtype"])
            count = int(np.prod(entry["shape"]))
            array = np.frombuffer(packed, stored, count, offset)
            weights[entry["name"]] = array.reshape(entry["shape"]).astype(entry["dtype"])
            offset += array.nbytes
    return weights


class _Reader:
    def __init__(self, document: dict, weights: dict[str, np.ndarray]) -> None:
        self.nodes = {node["name"]: node for node in document["modelTopology"]["node"]}
        outputs = document["signature"]["outputs"].values()
        self.declared_outputs = {output["name"].partition(":")[0]: output for output in outputs}
        self.weights = weights
        self.graph = Graph()
        self.layers = Layers(self.graph)
        self.values: dict[str, Value | list[Tensor]] = {}

    def convert(self, name: str, outputs: dict[str, str]) -> onnx.ModelProto:
        by_public_name = {}
        for source_name, public_name in outputs.items():
            tensor = self.layers.in_source_order(self._value(source_name))
            declared = self.declared_outputs[source_name]["tensorShape"]["dim"]
            if tensor.shape != tuple(int(size["size"]) for size in declared):
                raise ValueError(f"{source_name}: shape {tensor.shape}, file says {declared}")
            by_public_name[public_name] = tensor
        return self.graph.to_model(name, by_public_name)

    def _value(self, reference: str) -> Value:
        """The value behind ``node`` or ``node:output``, converting what it depends on first."""
        name, _, output = reference.partition(":")
        if name not in self.values:
            self.values[name] = self._convert_node(self.nodes[name])
        value = self.values[name]
        return value[int(output or 0)] if isinstance(value, list) else value

    def _convert_node(self, node: dict) -> Value | list[Tensor]:
        attributes = node.get("attr", {})
        if node["op"] == "Reshape":
            return self._flatten_grid(self._value(node["input"][0]))
        if node["op"] == "Maximum":
            return self._bounded_relu(node)
        inputs = [self._value(reference) for reference in node.get("input", [])]
        match node["op"]:
            case "Const":
                return self.weights[node["name"]]
            case "Placeholder":
                return self._input(attributes)
            case "Identity":
                return inputs[0]
            case "Transpose":
                return inputs[0].transposed(list(inputs[1]))
            case "Conv2D":
                return self._conv(inputs[0], inputs[1], attributes)
            case "DepthwiseConv2dNative":
                return self._depthwise_conv(inputs[0], inputs[1], attributes)
            case "Add" | "AddV2":
                return self.layers.add(*inputs)
            case "Mul":
                return self.layers.multiply(*inputs)
            case "Mean":
                return self.layers.mean_over_picture(*inputs)
            case "Pad":
                return self.layers.pad(*inputs)
            case "PadV2":
                return self.layers.pad(inputs[0], inputs[1], float(inputs[2]))
            case "LeakyRelu":
                return self.layers.leaky_relu(inputs[0], attributes["alpha"]["f"])
            case "Sigmoid":
                return self.layers.sigmoid(inputs[0])
            case "MaxPool":
                kernel = _spatial(attributes, "ksize")
                strides = _spatial(attributes, "strides")
                return self.layers.max_pool(inputs[0], kernel, strides, _is_same(attributes))
            case "ConcatV2":
                return self.layers.concat(inputs[:-1], int(inputs[-1]))
            case "SplitV":
                sizes = [int(size) for size in inputs[1]]
                return self.layers.split(inputs[0], sizes, int(inputs[2]))
            case "ResizeBilinear":
                if not attributes["half_pixel_centers"]["b"]:
                    raise NotImplementedError("TensorFlow.js resize without half-pixel centres")
                height, width = (int(size) for size in inputs[1])
                return self.layers.resize_bilinear(inputs[0], height, width)
            case other:
                raise NotImplementedError(f"TensorFlow.js operation {other}")

    def _input(self, attributes: dict) -> Tensor:
        """The picture, NCHW in what came from PyTorch and NHWC in what is TensorFlow's own."""
        _, *shape = (int(axis["size"]) for axis in attributes["shape"]["shape"]["dim"])
        if shape[-1] == PICTURE_CHANNELS:
            height, width, channels = shape
            self.graph.add_input("input", channels, height, width)
            return Tensor("input", (1, *shape), NHWC_STORED_AS_NCHW)
        self.graph.add_input("input", *shape)
        return row_major("input", (1, *shape))

    def _conv(self, x: Tensor, weights: np.ndarray, attributes: dict) -> Tensor:
        if _spatial(attributes, "dilations") != (1, 1):
            raise NotImplementedError("TensorFlow.js dilated convolution")
        strides = _spatial(attributes, "strides")
        to_oihw = weights.transpose(3, 2, 0, 1)
        return self.layers.conv(x, to_oihw, None, strides, _is_same(attributes))

    def _depthwise_conv(self, x: Tensor, weights: np.ndarray, attributes: dict) -> Tensor:
        """A convolution of each channel by itself; its weights are [height, width, channels, 1]."""
        return self._conv(x, weights.transpose(0, 1, 3, 2), attributes)

    def _bounded_relu(self, maximum: dict) -> Tensor:
        """Relu, Minimum and Maximum, which is how Keras writes a Relu that ends at six."""
        minimum = self.nodes[maximum["input"][0]]
        relu = self.nodes[minimum["input"][0]]
        low, high = (float(self._value(node["input"][1])) for node in (maximum, minimum))
        if (minimum["op"], relu["op"], low) != ("Minimum", "Relu", 0):
            raise NotImplementedError("TensorFlow.js Maximum that bounds no Relu")
        return self.layers.clip(self._value(relu["input"][0]), low, high)

    def _flatten_grid(self, x: Tensor) -> Tensor:
        """[1, C, H, W] to [1, C, H * W].

        The target shape is computed at run time, by operations that a static graph does not
        need. This is the only Reshape of the model; the declared output shapes check it.
        """
        _, channels, height, width = x.shape
        return self.layers.reshape(x, (1, channels, height * width))


def _spatial(attributes: dict, key: str) -> tuple[int, int]:
    """Height and width of a four-element NHWC attribute."""
    _, height, width, _ = (int(value) for value in attributes[key]["list"]["i"])
    return height, width


def _is_same(attributes: dict) -> bool:
    return base64.b64decode(attributes["padding"]["s"]) == b"SAME"
