"""How long a model takes for one sample on this machine."""

import time
from pathlib import Path

import numpy as np

from dl_assets.operations.predict import open_model
from dl_assets.operations.promotion.feeding import feeder
from dl_assets.operations.promotion.folder import Folder
from dl_assets.operations.promotion.samples import TestSet

_RUNS, _WARM_UP = 50, 5


def latency_ms(model: Folder, way: str, folder: Path, test: TestSet) -> float:
    """Return the median time for one sample: the certificate's, else as measured now."""
    told = model.certificate.get("latency", {}).get("onnxruntime", {}).get("1", {}).get("p50_ms")
    return float(told) if told is not None else _measure(model, way, folder, test)


def _measure(model: Folder, way: str, folder: Path, test: TestSet) -> float:
    exported = open_model(model.path, "The model cannot be asked.")
    inputs = feeder(way, exported, folder, test.samples)(np.array([0]))
    seconds = []
    for _ in range(_WARM_UP + _RUNS):
        started = time.perf_counter()
        exported.ask(inputs)
        seconds.append(time.perf_counter() - started)
    return 1000 * float(np.median(seconds[_WARM_UP:]))
