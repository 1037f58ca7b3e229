"""Quantises a float model to INT8 with ranges measured beforehand.

Responsible for: inserting QuantizeLinear/DequantizeLinear pairs and 8-bit weights. It is plain
arithmetic over the weights and ``nanodet_ranges.json``, so the result does not depend on the
machine. Not for: measuring the ranges (``calibrate``).

Activations are uint8 with a zero point, weights int8 per output channel, biases int32. The layer
that sees the picture stays as it is: with three channels 8-bit products save nothing.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .preprocess import NODE_PREFIX

RANGES_FILE = Path(__file__).with_name("nanodet_ranges.json")
QUANTISED_OPS = {"Conv", "Add", "Concat"}

Ranges = dict[str, tuple[float, float]]


def read_ranges() -> Ranges:
    """Smallest and largest value per tensor, as ``calibrate`` wrote them."""
    return {name: tuple(pair) for name, pair in json.loads(RANGES_FILE.read_text()).items()}


def tensors_to_quantise(graph: onnx.GraphProto) -> list[str]:
    """Activations that enter or leave a quantised operator, in graph order."""
    constants = {tensor.name for tensor in graph.initializer}
    names: dict[str, None] = {}
    for node in graph.node:
        if _is_quantised(node):
            names.update(dict.fromkeys([*node.input, *node.output]))
    return [name for name in names if name not in constants]


def _is_quantised(node: onnx.NodeProto) -> bool:
    return node.op_type in QUANTISED_OPS and not node.input[0].startswith(NODE_PREFIX)


def quantize(model: onnx.ModelProto, ranges: Ranges) -> None:
    """Turns a float model into its INT8 form, in place."""
    _Quantizer(model.graph, ranges).run()


class _Quantizer:
    def __init__(self, graph: onnx.GraphProto, ranges: Ranges) -> None:
        self.graph = graph
        self.ranges = ranges
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.scales: dict[str, np.ndarray] = {}

    def run(self) -> None:
        self._share_range_across_concats()
        activations = tensors_to_quantise(self.graph)
        pairs = {name: self._pair(name) for name in activations}
        rewritten = []
        for node in self.graph.node:
            if node.op_type == "Conv" and _is_quantised(node):
                rewritten += self._quantise_weights(node)
            for position, name in enumerate(node.input):
                if name in pairs:
                    node.input[position] = f"{name}_dequantised"
            rewritten.append(node)
            for name in node.output:
                rewritten += pairs.get(name, [])
        del self.graph.node[:]
        self.graph.node.extend(rewritten)

    def _share_range_across_concats(self) -> None:
        """With equal ranges, which they nearly have, parts are put together by copying bytes."""
        for node in self.graph.node:
            if node.op_type == "Concat":
                lows, highs = zip(*(self.ranges[name] for name in node.input))
                shared = dict.fromkeys([*node.input, *node.output], (min(lows), max(highs)))
                self.ranges.update(shared)

    def _pair(self, name: str) -> list[onnx.NodeProto]:
        """Quantise and dequantise one activation."""
        low, high = self.ranges[name]
        low, high = min(low, 0.0), max(high, 0.0)  # zero, the padding, must be exact
        scale = np.float32((high - low) / 255)
        zero_point = np.uint8(np.clip(np.rint(-low / scale), 0, 255))
        self.scales[name] = scale
        parameters = [
            self._constant(f"{name}_scale", scale),
            self._constant(f"{name}_zero", zero_point),
        ]
        bytes_name, floats_name = f"{name}_quantised", f"{name}_dequantised"
        return [
            helper.make_node("QuantizeLinear", [name, *parameters], [bytes_name], bytes_name),
            helper.make_node(
                "DequantizeLinear", [bytes_name, *parameters], [floats_name], floats_name
            ),
        ]

    def _quantise_weights(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """Replaces a convolution's weights and bias by integers and their dequantisation."""
        weights = numpy_helper.to_array(self.constants[node.input[1]])
        peak = np.abs(weights).max(axis=(1, 2, 3))
        scale = (np.where(peak > 0, peak, 1) / 127).astype(np.float32)
        integers = np.rint(weights / scale.reshape(-1, 1, 1, 1)).astype(np.int8)
        bias = numpy_helper.to_array(self.constants[node.input[2]])
        bias_scale = (self.scales[node.input[0]] * scale).astype(np.float32)
        bias_integers = np.rint(bias / bias_scale).astype(np.int32)
        added = []
        for position, (part, array, scales) in enumerate(
            [("weights", integers, scale), ("bias", bias_integers, bias_scale)], start=1
        ):
            name = f"{node.name}_{part}"
            zeros = np.zeros(len(scales), array.dtype)
            inputs = [
                self._constant(f"{name}_quantised", array),
                self._constant(f"{name}_scale", scales),
                self._constant(f"{name}_zero", zeros),
            ]
            floats = f"{name}_dequantised"
            added.append(helper.make_node("DequantizeLinear", inputs, [floats], floats, axis=0))
            self._forget(node.input[position])
            node.input[position] = floats
        return added

    def _constant(self, name: str, array: np.ndarray) -> str:
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def _forget(self, name: str) -> None:
        """Drops a float constant once nothing else reads it."""
        readers = sum(name in node.input for node in self.graph.node)
        if readers == 1:
            self.graph.initializer.remove(self.constants[name])
