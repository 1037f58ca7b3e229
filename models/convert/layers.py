"""Writes TensorFlow-style layers as ONNX nodes.

Responsible for: SAME padding, axis numbers of tensors that are stored NCHW, and the fast forms
of PRelu and of added channels. Not for: file formats (the readers) or the picture input
(``preprocess``). Only the layers that the shipped models use exist here.
"""

from __future__ import annotations

import numpy as np

from .graph import NHWC_STORED_AS_NCHW, Graph, Tensor, row_major

Pair = tuple[int, int]


def same_padding(size: int, kernel: int, stride: int) -> Pair:
    """TensorFlow's SAME: zeros before and after one axis; the odd one goes after."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Layers:
    """Adds layers to a graph. Pictures come and go as NHWC tensors stored NCHW."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def conv(
        self,
        x: Tensor,
        weights: np.ndarray,
        bias: np.ndarray | None,
        strides: Pair,
        same: bool,
    ) -> Tensor:
        """Convolution with ``weights`` [out, in / groups, height, width]."""
        kernel = weights.shape[2:]
        inputs = [x.name, self.graph.constant(weights)]
        if bias is not None:
            inputs.append(self.graph.constant(bias))
        pads, (height, width) = _window(x, kernel, strides, same)
        name = self.graph.node(
            "Conv",
            inputs,
            kernel_shape=kernel,
            strides=strides,
            pads=pads,
            group=x.shape[3] // weights.shape[1],
        )
        return Tensor(name, (1, height, width, weights.shape[0]), NHWC_STORED_AS_NCHW)

    def max_pool(self, x: Tensor, kernel: Pair, strides: Pair, same: bool) -> Tensor:
        pads, (height, width) = _window(x, kernel, strides, same)
        name = self.graph.node("MaxPool", [x.name], kernel_shape=kernel, strides=strides, pads=pads)
        return Tensor(name, (1, height, width, x.shape[3]), x.axes)

    def average_pool(self, x: Tensor, kernel: Pair, strides: Pair) -> Tensor:
        """Means of whole windows; what is left at the end is not looked at."""
        _, (height, width) = _window(x, kernel, strides, same=False)
        name = self.graph.node("AveragePool", [x.name], kernel_shape=kernel, strides=strides)
        return Tensor(name, (1, height, width, x.shape[3]), x.axes)

    def matrix_product(self, x: Tensor, weights: np.ndarray) -> Tensor:
        """[1, I] times [I, O]."""
        name = self.graph.node("MatMul", [x.name, self.graph.constant(weights)])
        return row_major(name, (1, weights.shape[1]))

    def relu(self, x: Tensor) -> Tensor:
        return x.with_name(self.graph.node("Relu", [x.name]))

    def clip(self, x: Tensor, low: float, high: float) -> Tensor:
        bounds = [self.graph.constant(np.float32(bound)) for bound in (low, high)]
        return x.with_name(self.graph.node("Clip", [x.name, *bounds]))

    def leaky_relu(self, x: Tensor, alpha: float) -> Tensor:
        return x.with_name(self.graph.node("LeakyRelu", [x.name], alpha=alpha))

    def sigmoid(self, x: Tensor) -> Tensor:
        return x.with_name(self.graph.node("Sigmoid", [x.name]))

    def prelu(self, x: Tensor, slopes: np.ndarray) -> Tensor:
        """PRelu as ``slope * x + (1 - slope) * relu(x)``, the products being convolutions.

        ONNX Runtime unpacks its blocks of channels before a PRelu or a Mul and packs them again
        behind it; these it leaves packed, and runs as two. Most of a whole model's time is saved.
        """
        slopes = slopes.reshape(-1)
        if (slopes <= 1).all():  # then Relu may come second, which is fused
            bent = self.relu(self._scale(x, 1 - slopes))
        else:
            bent = self._scale(self.relu(x), 1 - slopes)
        return self.add(self._scale(x, slopes), bent)

    def _scale(self, x: Tensor, factors: np.ndarray) -> Tensor:
        """Each channel times its factor."""
        return self.conv(x, factors.reshape(-1, 1, 1, 1), None, (1, 1), same=False)

    def add(self, x: Tensor, y: Tensor | np.ndarray) -> Tensor:
        """Sum of two equally shaped tensors, or of a tensor and a constant that broadcasts."""
        if isinstance(y, Tensor):
            _require(x.shape == y.shape and x.axes == y.axes, "add: operands differ")
            other = y.name
        else:
            other = self._broadcast(y, x)
        return x.with_name(self.graph.node("Add", [x.name, other]))

    def multiply(self, x: Tensor, factors: np.ndarray) -> Tensor:
        """Product of a tensor and a constant that broadcasts."""
        return x.with_name(self.graph.node("Mul", [x.name, self._broadcast(factors, x)]))

    def _broadcast(self, constant: np.ndarray, x: Tensor) -> str:
        """A constant with all axes of a tensor, in the order in which they are stored."""
        full_rank = constant.reshape((1,) * (len(x.shape) - constant.ndim) + constant.shape)
        return self.graph.constant(full_rank.transpose(np.argsort(x.axes)))

    def mean_over_picture(self, x: Tensor, axes: np.ndarray) -> Tensor:
        """One value per channel: [1, H, W, C] becomes [1, C]."""
        _require(x.axes == NHWC_STORED_AS_NCHW and sorted(axes) == [1, 2], "mean: not over a picture")
        pooled = self.graph.node("GlobalAveragePool", [x.name])
        return row_major(self.graph.node("Flatten", [pooled], axis=1), (1, x.shape[3]))

    def pad(self, x: Tensor, paddings: np.ndarray, value: float = 0.0) -> Tensor:
        """Pads with a constant; ``paddings`` holds (before, after) per source axis."""
        (*_, (_, appended)) = paddings
        if value == 0 and appended == paddings.sum() and x.axes == NHWC_STORED_AS_NCHW:
            return self._append_channels(x, appended)
        stored = np.zeros((len(x.shape), 2), np.int64)
        stored[list(x.axes)] = paddings
        name = self.graph.node(
            "Pad",
            [
                x.name,
                self.graph.constant(stored.T.reshape(-1)),
                self.graph.constant(np.float32(value)),
            ],
        )
        shape = tuple(int(size + sum(pad)) for size, pad in zip(x.shape, paddings))
        return Tensor(name, shape, x.axes)

    def _append_channels(self, x: Tensor, count: int) -> Tensor:
        """Appends empty channels by a convolution: for a Pad, too, blocks would be unpacked."""
        copying = np.eye(x.shape[3] + count, x.shape[3], dtype=np.float32)
        return self.conv(x, copying.reshape(*copying.shape, 1, 1), None, (1, 1), same=False)

    def concat(self, parts: list[Tensor], axis: int) -> Tensor:
        first = parts[0]
        _require(all(part.axes == first.axes for part in parts), "concat: layouts differ")
        axis %= len(first.shape)
        name = self.graph.node("Concat", [part.name for part in parts], axis=first.axes[axis])
        joined = sum(part.shape[axis] for part in parts)
        return Tensor(name, _replaced(first.shape, axis, joined), first.axes)

    def split(self, x: Tensor, sizes: list[int], axis: int) -> list[Tensor]:
        axis %= len(x.shape)
        names = self.graph.split_node(
            "Split",
            [x.name, self.graph.constant(np.array(sizes, np.int64))],
            len(sizes),
            axis=x.axes[axis],
        )
        return [
            Tensor(name, _replaced(x.shape, axis, size), x.axes) for name, size in zip(names, sizes)
        ]

    def resize_bilinear(self, x: Tensor, height: int, width: int) -> Tensor:
        """Bilinear scaling with half-pixel centres."""
        _require(x.axes == NHWC_STORED_AS_NCHW, "resize: not a picture tensor")
        scales = np.array([1, 1, height / x.shape[1], width / x.shape[2]], np.float32)
        name = self.graph.node(
            "Resize",
            [x.name, "", self.graph.constant(scales)],
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        )
        return Tensor(name, (1, height, width, x.shape[3]), x.axes)

    def reshape(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Reshapes in source order and keeps the batch; the result has no picture layout."""
        _require(np.prod(x.shape) == np.prod(shape), f"reshape: {x.shape} to {shape}")
        target = np.array([0, *shape[1:]], np.int64)  # 0: keep this axis, the batch
        name = self.graph.node(
            "Reshape", [self.in_source_order(x).name, self.graph.constant(target)]
        )
        return row_major(name, shape)

    def in_source_order(self, x: Tensor) -> Tensor:
        """The tensor stored in the order of its source, through a Transpose where needed."""
        if x.axes == tuple(range(len(x.shape))):
            return x
        return row_major(self.graph.node("Transpose", [x.name], perm=x.axes), x.shape)


def _window(x: Tensor, kernel: Pair, strides: Pair, same: bool) -> tuple[list[int], Pair]:
    """ONNX pads [top, left, bottom, right] and the output size of a sliding window."""
    _require(x.axes == NHWC_STORED_AS_NCHW, "window: not a picture tensor")
    before, after, sizes = [], [], []
    for size, extent, stride in zip(x.shape[1:3], kernel, strides):
        start, end = same_padding(size, extent, stride) if same else (0, 0)
        before.append(start)
        after.append(end)
        sizes.append((size + start + end - extent) // stride + 1)
    return before + after, (sizes[0], sizes[1])


def _replaced(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    return shape[:axis] + (size,) + shape[axis + 1 :]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
