"""Repairs the CenterFace ONNX file, which was exported by an old PyTorch.

Responsible for: weights that the file also lists as inputs (ONNX Runtime then cannot fold batch
normalisation and runs at half speed), the fixed batch of ten 32x32 pictures, and numeric names.
"""

from __future__ import annotations

from pathlib import Path

import onnx

from .simplify import drop_unused_constants

CELL = 4  # pixels per output cell


def read(path: Path, name: str, outputs: dict[str, str], height: int, width: int):
    """The network for pictures of ``height`` x ``width``; ``outputs`` maps its names to ours."""
    model = onnx.load(path)
    graph = model.graph
    graph.name = name
    weights = {tensor.name for tensor in graph.initializer}
    (picture,) = (value for value in graph.input if value.name not in weights)
    _rename(graph, {picture.name: "input", **outputs})
    picture.name = "input"
    _set_shape(picture, height, width)
    del graph.input[:]
    graph.input.append(picture)
    drop_unused_constants(graph)  # counters from training
    for value in graph.output:
        value.name = outputs[value.name]
        _set_shape(value, height // CELL, width // CELL)
    return model


def _rename(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        for references in (node.input, node.output):
            for position, name in enumerate(references):
                references[position] = names.get(name, name)


def _set_shape(value: onnx.ValueInfoProto, height: int, width: int) -> None:
    batch, _channels, rows, columns = value.type.tensor_type.shape.dim
    batch.dim_param = "N"
    rows.dim_value = height
    columns.dim_value = width
