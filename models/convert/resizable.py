"""Lets a network take pictures of other sizes than the one that its file states.

Responsible for: height and width left free, and reshapes that count cells instead of knowing how
many there are. Only for networks that are convolutions throughout, which find the same things at
any size. Not for: which sizes make sense; a multiple of the largest stride does.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

FROM_THE_REST = -1  # a Reshape's word for: as long as what is left


def free_size(model: onnx.ModelProto) -> None:
    """Frees height and width of a finished model whose outputs are [N, cells, values], in place."""
    graph = model.graph
    _, height, width, _ = graph.input[0].type.tensor_type.shape.dim
    height.dim_param, width.dim_param = "H", "W"
    for output in graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = f"{output.name}_cells"
    targets = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for tensor in graph.initializer:
        if tensor.name in targets:
            sizes = numpy_helper.to_array(tensor).copy()
            sizes[sizes.argmax()] = FROM_THE_REST  # there are more cells than values in one
            tensor.CopyFrom(numpy_helper.from_array(sizes.astype(np.int64), tensor.name))
