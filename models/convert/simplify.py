"""Folds paddings, factors and biases into the layers they belong to, and activates after pooling.

Responsible for: a graph in which a convolution or pool is one node, so that INT8 quantisation
sees whole layers. Not for: other layers of float models, which ONNX Runtime folds by itself.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

# What an operator's own padding stands for.
IMPLICIT_PADDING = {"Conv": 0.0, "MaxPool": -np.inf}


def fold_into_layers(model: onnx.ModelProto) -> None:
    """Removes Pads before, constant Muls and Adds after the layers that can absorb them, in place."""
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in list(graph.node):
        consumers = [other for other in graph.node if node.output[0] in other.input]
        if node.op_type == "Pad" and _can_absorb_pad(consumers, node, constants):
            _fold_pad(graph, node, consumers, constants[node.input[1]])
        elif node.op_type == "Conv":
            if _can_absorb("Mul", node, consumers, constants):
                scale = consumers[0]
                _fold_scale(graph, node, scale, constants[node.input[1]], constants[scale.input[1]])
                consumers = [other for other in graph.node if node.output[0] in other.input]
            if _can_absorb("Add", node, consumers, constants):
                _fold_bias(graph, node, consumers[0], constants[consumers[0].input[1]])
    drop_unused_constants(graph)


def pool_before_activation(model: onnx.ModelProto) -> None:
    """Lets a maximum be taken before a LeakyRelu instead of after it, in place.

    Both keep the order of values, so that the result is the same; there is less left to activate.
    """
    graph = model.graph
    producers = {node.output[0]: node for node in graph.node}
    for pool in [node for node in graph.node if node.op_type == "MaxPool"]:
        activation = producers[pool.input[0]]
        if activation.op_type != "LeakyRelu":
            continue
        result, pooled = pool.output[0], f"{activation.input[0]}_pooled"
        pool.input[0], pool.output[0] = activation.input[0], pooled
        activation.input[0], activation.output[0] = pooled, result
        moved = onnx.NodeProto()
        moved.CopyFrom(activation)
        graph.node.remove(activation)
        graph.node.insert(list(graph.node).index(pool) + 1, moved)


def _can_absorb_pad(consumers, pad: onnx.NodeProto, constants: dict[str, np.ndarray]) -> bool:
    amounts, value = (constants[name] for name in pad.input[1:])
    batch_and_channels = amounts.reshape(2, -1)[:, :2]
    return not batch_and_channels.any() and all(
        IMPLICIT_PADDING.get(consumer.op_type) == value for consumer in consumers
    )


def _can_absorb(operation: str, convolution: onnx.NodeProto, consumers, constants) -> bool:
    """True if its only reader does this with a constant, and it has no bias of its own."""
    return (
        len(convolution.input) == 2
        and [consumer.op_type for consumer in consumers] == [operation]
        and consumers[0].input[1] in constants
    )


def _fold_pad(graph, pad: onnx.NodeProto, consumers, amounts: np.ndarray) -> None:
    top_left_bottom_right = amounts.reshape(2, -1)[:, 2:].reshape(-1)
    for consumer in consumers:
        consumer.input[0] = pad.input[0]
        pads = next(entry for entry in consumer.attribute if entry.name == "pads")
        folded = [int(old + extra) for old, extra in zip(pads.ints, top_left_bottom_right)]
        pads.CopyFrom(helper.make_attribute("pads", folded))
    graph.node.remove(pad)


def _fold_scale(graph, convolution: onnx.NodeProto, scale: onnx.NodeProto, weights, factors) -> None:
    name = f"{convolution.name}_weights"
    scaled = weights * factors.reshape(-1, 1, 1, 1)
    graph.initializer.append(numpy_helper.from_array(scaled.astype(np.float32), name))
    convolution.input[1] = name
    convolution.output[0] = scale.output[0]
    graph.node.remove(scale)


def _fold_bias(graph, convolution: onnx.NodeProto, add: onnx.NodeProto, bias) -> None:
    name = f"{convolution.name}_bias"
    graph.initializer.append(numpy_helper.from_array(bias.reshape(-1), name))
    convolution.input.append(name)
    convolution.output[0] = add.output[0]
    graph.node.remove(add)


def drop_unused_constants(graph: onnx.GraphProto) -> None:
    """Removes constants that no node reads."""
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
