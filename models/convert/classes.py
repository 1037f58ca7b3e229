"""Leaves only those classes in a detector that somebody looks for.

Responsible for: heads that are one convolution, split into class scores and distances. Not for:
which classes those are, or what the numbers mean.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper


def keep_classes(model: onnx.ModelProto, classes: list[int], known: int) -> None:
    """Keeps these of so many ``known`` classes in every head, in the order given, in place."""
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    arrays = {name: numpy_helper.to_array(tensor) for name, tensor in constants.items()}
    heads = {output: node for node in graph.node for output in node.output}
    replaced = {}
    for split in (node for node in graph.node if node.op_type == "Split"):
        scores, distances = arrays[split.input[1]]
        assert scores == known, f"{split.name} has {scores} classes"
        kept = [*classes, *range(known, known + distances)]
        for name in heads[split.input[0]].input[1:]:
            replaced[name] = arrays[name][kept]
        replaced[split.input[1]] = np.array([len(classes), distances], np.int64)
    for reshape in (node for node in graph.node if node.op_type == "Reshape"):
        target = arrays[reshape.input[1]]
        replaced[reshape.input[1]] = np.where(target == known, len(classes), target)
    for name, array in replaced.items():
        constants[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), name))
    for output in graph.output:
        values = output.type.tensor_type.shape.dim[-1]
        if values.dim_value == known:
            values.dim_value = len(classes)
