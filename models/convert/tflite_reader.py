"""Reads a TFLite file into a graph.

Responsible for: the flatbuffer, float16 weights, and naming each operator's layer.
Not for: how a layer is written in ONNX (``layers``). Operators that no shipped model uses are
refused by name.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import tflite
from tflite import ActivationFunctionType, BuiltinOperator, Padding, TensorType

from .graph import NHWC_STORED_AS_NCHW, Graph, Tensor
from .layers import Layers

DTYPES = {
    TensorType.FLOAT32: np.float32,
    TensorType.FLOAT16: np.float16,
    TensorType.INT32: np.int32,
}
OPERATOR_NAMES = {
    code: name for name, code in vars(BuiltinOperator).items() if isinstance(code, int)
}


def read(path: Path, name: str, outputs: dict[str, str]) -> onnx.ModelProto:
    """Converts a file; ``outputs`` maps its output names to ours."""
    model = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
    return _Reader(model).convert(name, outputs)


class _Reader:
    def __init__(self, model: tflite.Model) -> None:
        self.model = model
        self.source = model.Subgraphs(0)
        self.graph = Graph()
        self.layers = Layers(self.graph)
        self.values: dict[int, Tensor | np.ndarray] = {}

    def convert(self, name: str, outputs: dict[str, str]) -> onnx.ModelProto:
        self._read_constants()
        self._read_input()
        for position in range(self.source.OperatorsLength()):
            self._read_operator(self.source.Operators(position))
        by_public_name = {}
        for index in self.source.OutputsAsNumpy():
            public_name = outputs[self.source.Tensors(index).Name().decode()]
            by_public_name[public_name] = self._flat_output(self.values[index])
        return self.graph.to_model(name, by_public_name)

    def _read_constants(self) -> None:
        for index in range(self.source.TensorsLength()):
            tensor = self.source.Tensors(index)
            buffer = self.model.Buffers(tensor.Buffer())
            if buffer.DataLength():
                array = np.frombuffer(buffer.DataAsNumpy().tobytes(), DTYPES[tensor.Type()])
                self.values[index] = array.reshape(tensor.ShapeAsNumpy())

    def _read_input(self) -> None:
        index = self.source.InputsAsNumpy()[0]
        _, height, width, channels = shape = self._shape(index)
        self.graph.add_input("input", channels, height, width)
        self.values[index] = Tensor("input", shape, NHWC_STORED_AS_NCHW)

    def _read_operator(self, operator: tflite.Operator) -> None:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        # Files older than 2020 hold the operator in the deprecated 8-bit field only.
        kind = OPERATOR_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs = [self.values[index] for index in operator.InputsAsNumpy()]
        output = operator.Outputs(0)
        match kind:
            case "DEQUANTIZE":  # float16 weights
                result = inputs[0].astype(np.float32)
            case "CONV_2D":
                result = self._conv(operator, inputs, tflite.Conv2DOptions(), (0, 3, 1, 2))
            case "DEPTHWISE_CONV_2D":
                options = tflite.DepthwiseConv2DOptions()
                result = self._conv(operator, inputs, options, (3, 0, 1, 2))
            case "MAX_POOL_2D":
                options = _options(operator, tflite.Pool2DOptions())
                kernel = (options.FilterHeight(), options.FilterWidth())
                strides = (options.StrideH(), options.StrideW())
                same = options.Padding() == Padding.SAME
                result = self.layers.max_pool(inputs[0], kernel, strides, same)
            case "RELU":
                result = self.layers.relu(inputs[0])
            case "PRELU":
                result = self.layers.prelu(*inputs)
            case "ADD":
                result = self.layers.add(*inputs)
                result = self._activation(_options(operator, tflite.AddOptions()), result)
            case "PAD":
                result = self.layers.pad(*inputs)
            case "RESHAPE":
                result = self.layers.reshape(inputs[0], self._shape(output))
            case "CONCATENATION":
                axis = _options(operator, tflite.ConcatenationOptions()).Axis()
                result = self.layers.concat(inputs, axis)
            case _:
                raise NotImplementedError(f"TFLite operator {kind}")
        if tuple(result.shape) != self._shape(output):
            raise ValueError(f"{kind}: shape {result.shape}, file says {self._shape(output)}")
        self.values[output] = result

    def _conv(self, operator, inputs, options, to_oihw: tuple[int, ...]) -> Tensor:
        options = _options(operator, options)
        if (options.DilationHFactor(), options.DilationWFactor()) != (1, 1):
            raise NotImplementedError("TFLite dilated convolution")
        x, weights, bias = inputs
        strides = (options.StrideH(), options.StrideW())
        same = options.Padding() == Padding.SAME
        result = self.layers.conv(x, weights.transpose(to_oihw), bias, strides, same)
        return self._activation(options, result)

    def _activation(self, options, x: Tensor) -> Tensor:
        match options.FusedActivationFunction():
            case ActivationFunctionType.NONE:
                return x
            case ActivationFunctionType.RELU:
                return self.layers.relu(x)
            case other:
                raise NotImplementedError(f"TFLite fused activation {other}")

    def _flat_output(self, x: Tensor) -> Tensor:
        """Outputs of one cell, [1, 1, 1, C], become [1, C]."""
        if len(x.shape) == 4 and x.shape[1:3] == (1, 1):
            return self.layers.reshape(x, (1, x.shape[3]))
        return self.layers.in_source_order(x)

    def _shape(self, index: int) -> tuple[int, ...]:
        return tuple(int(size) for size in self.source.Tensors(index).ShapeAsNumpy())


def _options(operator: tflite.Operator, options):
    """Reads an operator's options through the flatbuffer class of its kind."""
    table = operator.BuiltinOptions()
    options.Init(table.Bytes, table.Pos)
    return options
