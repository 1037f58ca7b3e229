"""Collects ONNX nodes and constants and serialises them reproducibly.

Responsible for: names, shared constants, tensors that remember where their axes are stored,
and bytes that are the same on every run. Not for: what a layer means (see ``layers``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
NHWC_STORED_AS_NCHW = (0, 2, 3, 1)


@dataclass(frozen=True)
class Tensor:
    """A value computed by the graph.

    ``shape`` is in the order of the source framework and has batch 1. The ONNX value may store
    its axes in another order: ``axes[i]`` is the stored axis that holds source axis ``i``.
    A source-side transpose is therefore only bookkeeping and costs no node.
    """

    name: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]

    def transposed(self, permutation: list[int]) -> Tensor:
        return Tensor(
            self.name,
            tuple(self.shape[axis] for axis in permutation),
            tuple(self.axes[axis] for axis in permutation),
        )

    def with_name(self, name: str) -> Tensor:
        return Tensor(name, self.shape, self.axes)


def row_major(name: str, shape: tuple[int, ...]) -> Tensor:
    """A tensor stored in the order of its source."""
    return Tensor(name, shape, tuple(range(len(shape))))


@dataclass
class Graph:
    """An ONNX graph under construction."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    _constant_names: dict[tuple, str] = field(default_factory=dict)

    def add_input(self, name: str, channels: int, height: int, width: int) -> None:
        """Declares a float input, stored NCHW with any batch size."""
        shape = ["N", channels, height, width]
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def constant(self, array: np.ndarray) -> str:
        """The name of a constant; equal constants share one."""
        array = np.asarray(array, order="C")
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constant_names:
            name = f"constant_{len(self._constant_names)}"
            self._constant_names[key] = name
            self.constants[name] = array
        return self._constant_names[key]

    def node(self, op: str, inputs: list[str], **attributes) -> str:
        """Adds a node with one output and returns the name of that output."""
        return self.split_node(op, inputs, 1, **attributes)[0]

    def split_node(self, op: str, inputs: list[str], count: int, **attributes) -> list[str]:
        """Adds a node with several outputs and returns their names."""
        stem = f"{op.lower()}_{len(self.nodes)}"
        outputs = [stem] if count == 1 else [f"{stem}_{part}" for part in range(count)]
        self.nodes.append(helper.make_node(op, inputs, outputs, name=stem, **attributes))
        return outputs

    def rename(self, old: str, new: str) -> None:
        """Renames a value everywhere."""
        for node in self.nodes:
            for names in (node.input, node.output):
                for position, name in enumerate(names):
                    if name == old:
                        names[position] = new

    def to_model(self, name: str, outputs: dict[str, Tensor]) -> onnx.ModelProto:
        """Closes the graph: ``outputs`` maps public output names to stored-as-declared tensors."""
        declared = []
        for public_name, tensor in outputs.items():
            self.rename(tensor.name, public_name)
            shape = ["N", *tensor.shape[1:]]
            declared.append(helper.make_tensor_value_info(public_name, TensorProto.FLOAT, shape))
        used = {name for node in self.nodes for name in node.input}
        constants = [
            numpy_helper.from_array(array, constant_name)
            for constant_name, array in self.constants.items()
            if constant_name in used
        ]
        graph = helper.make_graph(self.nodes, name, self.inputs, declared, constants)
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            producer_name="invigilator",
            ir_version=IR_VERSION,
        )


def serialise(model: onnx.ModelProto) -> bytes:
    """The checked model as bytes that are equal on every run."""
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)
