"""`certificate.json`: the proof that the exported model answers as the trained one does, and how fast it is."""

import hashlib
import platform
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import polars as pl
import torch

from dl_assets.exporting.golden import NUM_GOLDEN
from dl_assets.exporting.graph import MODEL
from dl_assets.exporting.parity import Answers, Comparison

CERTIFICATE = "certificate.json"


def certificate(
    folder: Path, samples: pl.DataFrame, name: str, expected: Answers, comparisons: list[Comparison], **found: Any
) -> dict[str, Any]:
    """Describe what lies in the folder; `found` is what else was measured, such as latency."""
    hashes = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    return {
        "sha256": hashes[MODEL],
        "files": hashes,
        "num_samples": len(samples),
        "part": "test",
        "max_difference": max(one.max_difference for one in comparisons),
        "agreement": min(one.agreement for one in comparisons),
        "batch_sizes": {
            str(one.batch_size): {"max_difference": one.max_difference, "agreement": one.agreement} for one in comparisons
        },
        "golden": [
            {"id": id_, name: answer.tolist()} for id_, answer in zip(samples["id"][:NUM_GOLDEN], expected, strict=False)
        ],
        **found,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": str(torch.__version__),
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
        "hardware": {"machine": platform.machine(), "processor": _processor(), "threads": torch.get_num_threads()},
    }


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _processor() -> str:
    """Return the name of the processor; the platform's own word is often empty on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
