"""Fills layers up with empty channels, to the blocks in which ONNX Runtime keeps them.

Responsible for: networks whose layers have channels that do not fill whole blocks. A convolution
computes whole blocks anyway; a pool or a sum of others would have to unpack them first. Not for:
what a network sees, which stays the same: the weights of the added channels are zero.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

BLOCK = 16  # channels, with AVX-512; 8 or 4 with less


def fill_blocks(model: onnx.ModelProto, channels: int) -> None:
    """Gives every layer of so many channels as many as fill whole blocks, in place."""
    missing = -channels % BLOCK
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    for name in {name for node in convolutions for name in node.input[1:]}:
        array = numpy_helper.to_array(constants[name])
        outputs_and_inputs = [(0, missing if size == channels else 0) for size in array.shape[:2]]
        filled = np.pad(array, outputs_and_inputs + [(0, 0)] * len(array.shape[2:]))
        constants[name].CopyFrom(numpy_helper.from_array(filled, name))
    for node in convolutions:
        for attribute in node.attribute:
            if attribute.name == "group" and attribute.i == channels:
                attribute.i += missing
