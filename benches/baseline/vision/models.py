"""ONNX Runtime on one thread: the product's models, fed RGB bytes."""

from __future__ import annotations

import numpy as np
import onnxruntime

from errors import BaselineError
from settings import Manifest
from stopwatch import Stopwatch

WARM_UP_RUNS = 3
ANY_SIDE = 256  # of inputs whose sides are free: a multiple of 32


class Model:
    """A loaded model; its runs are charged to its name."""

    def __init__(self, manifest: Manifest, task: str, stopwatch: Stopwatch) -> None:
        if onnxruntime.__version__ != manifest.runtime:
            raise BaselineError(
                f"onnxruntime {onnxruntime.__version__} is installed, the product uses "
                f"{manifest.runtime}: pip install -r benches/baseline/requirements.txt"
            )
        entry = manifest.entries[task]
        self._name: str = entry["name"]
        self._stopwatch = stopwatch
        self._outputs = [output["name"] for output in entry["output"]]
        self._session = onnxruntime.InferenceSession(
            manifest.content(task), one_thread(), providers=["CPUExecutionProvider"]
        )
        free = {"N": 1, "H": ANY_SIDE, "W": ANY_SIDE}
        shape = [free.get(length, length) for length in entry["input"]["shape"]]
        for _ in range(WARM_UP_RUNS):
            self.run(np.zeros(shape, np.uint8))

    def run(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs by name of a batch, [count, height, width, 3]; the time before it made it."""
        self._stopwatch.lap("input")
        outputs = self._session.run(self._outputs, {"input": pictures})
        self._stopwatch.lap(self._name)
        return dict(zip(self._outputs, outputs))


def one_thread() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options
