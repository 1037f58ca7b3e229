"""Gives a network the input that every Invigilator model has: uint8 RGB [N, H, W, 3].

Responsible for: layout, scale, mean and channel order, as nodes of the graph. The caller then
hands over pixels as its scaler wrote them, a quarter of the bytes of floats, and cannot
normalise wrongly. Not for: scaling and letterboxing,
which need the picture's size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PUBLIC_INPUT = "input"
NODE_PREFIX = "pixels_"
NETWORK_INPUT = NODE_PREFIX + "normalised"


@dataclass(frozen=True)
class Normalisation:
    """``(pixel - mean) / divisor``, per channel of RGB; ``None`` keeps 0..255."""

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    divisor: tuple[float, float, float] = (1.0, 1.0, 1.0)
    network_wants_bgr: bool = False


def attach(model: onnx.ModelProto, normalisation: Normalisation) -> None:
    """Puts the picture input before a network whose float NCHW input is named ``input``."""
    graph = model.graph
    if normalisation.network_wants_bgr:
        _swap_first_weights(graph)
    _insert(graph, _nodes(graph, normalisation))


def attach_bytes(model: onnx.ModelProto, normalisation: Normalisation) -> None:
    """Puts the picture input before a network whose first convolution takes the step of a byte as 1.

    It normalises by weights and bias, which costs nothing. Beyond the picture's edge it sees one grey
    instead of the mean of each channel, which differs by less than a fifth of a deviation.
    """
    graph = model.graph
    if normalisation.network_wants_bgr:
        _swap_first_weights(graph)
    mean, divisor = np.array(normalisation.mean), np.array(normalisation.divisor)
    grey = np.rint(mean.mean())
    weights, bias = _first_convolution(graph)
    scaled = numpy_helper.to_array(weights) / divisor.reshape(1, 3, 1, 1)
    offset = (scaled * (grey - mean).reshape(1, 3, 1, 1)).sum(axis=(1, 2, 3))
    _replace(bias, numpy_helper.to_array(bias) + offset)
    _replace(weights, scaled)
    step = _constant(graph, "pixel_step", np.array(1, np.float32))
    zero = _constant(graph, "pixel_zero", np.array(grey, np.uint8))
    nchw = helper.make_node("Transpose", [PUBLIC_INPUT], [NODE_PREFIX + "nchw"], perm=(0, 3, 1, 2))
    floats = helper.make_node("DequantizeLinear", [*nchw.output, step, zero], [NETWORK_INPUT])
    nchw.name, floats.name = nchw.output[0], floats.output[0]
    _insert(graph, [nchw, floats])


def _insert(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    """Puts nodes between the public input, which becomes a picture, and the network."""
    _, channels, height, width = (
        axis.dim_value for axis in graph.input[0].type.tensor_type.shape.dim
    )
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name == PUBLIC_INPUT:
                node.input[position] = NETWORK_INPUT
    for position, node in enumerate(nodes):
        graph.node.insert(position, node)
    shape = ["N", height, width, channels]
    picture = helper.make_tensor_value_info(PUBLIC_INPUT, TensorProto.UINT8, shape)
    graph.input[0].CopyFrom(picture)


def _nodes(graph: onnx.GraphProto, normalisation: Normalisation) -> list[onnx.NodeProto]:
    divisor = np.array(normalisation.divisor)
    scale = _per_channel(1 / divisor)
    offset = _per_channel(-np.array(normalisation.mean) / divisor)
    steps = [("Transpose", None), ("Cast", None)]
    if (scale != 1).any():
        steps.append(("Mul", _constant(graph, "pixel_scale", scale)))
    if (offset != 0).any():
        steps.append(("Add", _constant(graph, "pixel_offset", offset)))
    attributes = {"Transpose": {"perm": (0, 3, 1, 2)}, "Cast": {"to": TensorProto.FLOAT}}
    nodes, value = [], PUBLIC_INPUT
    for op, operand in steps:
        output = NETWORK_INPUT if op == steps[-1][0] else NODE_PREFIX + op.lower()
        inputs = [value, operand] if operand else [value]
        nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes.get(op, {})))
        value = output
    return nodes


def _per_channel(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32).reshape(1, 3, 1, 1)


def _constant(graph: onnx.GraphProto, name: str, array: np.ndarray) -> str:
    graph.initializer.append(numpy_helper.from_array(array, name))
    return name


def _swap_first_weights(graph: onnx.GraphProto) -> None:
    """Lets a BGR network take RGB: reverses the input channels of its first convolution."""
    weights, _ = _first_convolution(graph)
    _replace(weights, numpy_helper.to_array(weights)[:, ::-1])


def _first_convolution(graph: onnx.GraphProto) -> tuple[onnx.TensorProto, onnx.TensorProto]:
    """Weights and bias of the layer that sees the picture."""
    (first,) = (node for node in graph.node if PUBLIC_INPUT in node.input)
    constants = {tensor.name: tensor for tensor in graph.initializer}
    return constants[first.input[1]], constants[first.input[2]]


def _replace(tensor: onnx.TensorProto, array: np.ndarray) -> None:
    tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float32, order="C"), tensor.name))
