"""Write the model as ONNX, and certify that it answers as the trained one does."""

import hashlib
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dl_assets import progress, registry
from dl_assets.artifacts.report import Check, Report, read_json, write_json
from dl_assets.artifacts.shards import Arrays, open_arrays
from dl_assets.artifacts.tables import read_parted
from dl_assets.config import Pipeline
from dl_assets.errors import DataError, PipelineError
from dl_assets.inference.network import CARD, PREPROCESSING, Network, load_network
from dl_assets.inference.predict import predict

MODEL = "model.onnx"
OUTPUT = "probabilities"
OPSET = 20
MAX_SAMPLES = 2000
BATCH_SIZES = (1, 64)
NUM_GOLDEN = 5


def export(config: Pipeline, *, clean: Path, parts: Path, model: Path, out: Path) -> Report:
    """Write model.onnx, signature.json and certificate.json; the checks compare ONNX with torch on the test part."""
    network, card, fitted = load_network(model), read_json(model / CARD), read_json(model / PREPROCESSING)
    samples = _test_samples(clean, parts)
    arrays = open_arrays(clean, samples)
    properties = {
        "format": "dl-assets 1",
        "pipeline": config.name,
        "task": card["task"],
        "classes": json.dumps(card["classes"]),
    }
    write_onnx(network, arrays.shape, config.task.inputs, properties, out / MODEL)
    write_json(out / "signature.json", _signature(config, card, fitted, arrays.shape))

    expected = predict(network, arrays)
    comparisons = []
    for size in BATCH_SIZES:
        comparisons.append(compare(expected, answers(out / MODEL, arrays, size), size))
        progress.report(done=len(comparisons), total=len(BATCH_SIZES), max_difference=comparisons[-1].max_difference)
    write_json(out / "certificate.json", _certificate(out / MODEL, samples, expected, comparisons))
    return Report(
        counts={"samples": len(samples)},
        numbers={"size_bytes": (out / MODEL).stat().st_size},
        checks=_checks(config, comparisons),
    )


class _Probabilities(nn.Module):
    """The whole answer in one graph: preprocessing, body and activation, so that nobody has to repeat them elsewhere."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, raw: Tensor) -> Tensor:
        return self.network.probabilities(raw)


def write_onnx(network: Network, shape: tuple[int, ...], name: str, properties: dict[str, str], path: Path) -> None:
    """Write one self-contained file: uint8 `name` [batch, *shape] -> float32 `probabilities` [batch, outputs]."""
    # Two samples: torch.export takes a size of one for a constant.
    example = torch.zeros((2, *shape), dtype=torch.uint8)
    with _quiet_exporter():
        program = torch.onnx.export(
            _Probabilities(network).eval(),
            (example,),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=[name],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    assert program is not None, "the dynamo exporter returns a program"
    model = program.model_proto
    onnx.helper.set_model_props(model, properties)
    onnx.save_model(model, path, save_as_external_data=False)
    try:
        onnx.checker.check_model(path, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise PipelineError(
            f"{path} is not a valid ONNX model ({error}). Choose a model whose operators ONNX has, or report this."
        ) from error


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence what the exporter says of its own insides (torchvision missing, deprecated calls); errors are raised as ever."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(torch|onnxscript|onnx_ir|copyreg)\b.*")
            yield
    finally:
        logger.setLevel(level)


def answers(path: Path, arrays: Arrays, batch_size: int) -> NDArray[np.float32]:
    """Return the probabilities [N, outputs] that ONNX Runtime computes on the CPU, `batch_size` samples at a time."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batches = (np.arange(start, min(start + batch_size, len(arrays))) for start in range(0, len(arrays), batch_size))
    found: NDArray[np.float32] = np.concatenate([session.run([OUTPUT], {name: arrays.batch(batch)})[0] for batch in batches])
    return found


@dataclass(frozen=True)
class Comparison:
    """How far the exported model's answers are from the trained one's."""

    batch_size: int
    max_difference: float
    agreement: float


def compare(expected: NDArray[np.float32], found: NDArray[np.float32], batch_size: int) -> Comparison:
    """Compare probabilities [N, outputs]: the largest difference of any, and the share of samples with the same best class.

    Answers that are not finite differ by 1 and agree with nothing.
    """
    difference = np.where(np.isfinite(found), np.abs(expected.astype(np.float64) - found), 1.0)
    agree = (expected.argmax(axis=1) == found.argmax(axis=1)) & np.isfinite(found).all(axis=1)
    return Comparison(batch_size, float(difference.max()), float(agree.mean()))


def _test_samples(clean: Path, parts: Path) -> pl.DataFrame:
    """Return the samples of the test part; of more than MAX_SAMPLES every n-th."""
    test = read_parted(clean, parts).filter(part="test")
    if test.is_empty():
        raise DataError(
            "the test part holds no sample to compare the exported model on. "
            "Add samples to the source, or give split.test a larger share."
        )
    return test.gather_every(-(-len(test) // MAX_SAMPLES))


def _signature(config: Pipeline, card: dict[str, Any], fitted: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """Say how to ask the model and how to read its answer, for a person who has nothing but this file and the model."""
    inputs = registry.module("inputs", config.task.inputs)
    clean = {name: getattr(config.clean, name) for name in registry.options_of(inputs.clean).model_fields}
    return {
        "pipeline": config.name,
        "task": card["task"],
        "file": MODEL,
        "opset": OPSET,
        "input": {
            "name": config.task.inputs,
            "dtype": "uint8",
            "shape": ["batch", *shape],
            "meaning": inputs.describe(shape, clean),
            "made_by": {"clean": clean},
            "fitted": fitted["inputs"],
        },
        "output": {
            "name": OUTPUT,
            "dtype": "float32",
            "shape": ["batch", len(card["classes"])],
            "meaning": registry.module("targets", config.task.targets).describe(),
        },
        "classes": card["classes"],
    }


def _certificate(
    path: Path, samples: pl.DataFrame, expected: NDArray[np.float32], comparisons: list[Comparison]
) -> dict[str, Any]:
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "num_samples": len(samples),
        "part": "test",
        "max_difference": max(one.max_difference for one in comparisons),
        "agreement": min(one.agreement for one in comparisons),
        "batch_sizes": {
            str(one.batch_size): {"max_difference": one.max_difference, "agreement": one.agreement} for one in comparisons
        },
        "golden": [{"id": id_, OUTPUT: row.tolist()} for id_, row in zip(samples["id"][:NUM_GOLDEN], expected, strict=False)],
        "versions": {"torch": torch.__version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
    }


def _checks(config: Pipeline, comparisons: list[Comparison]) -> list[Check]:
    difference = max(one.max_difference for one in comparisons)
    agreement = min(one.agreement for one in comparisons)
    detail = "ONNX Runtime against torch on the test part."
    return [
        Check(
            "max_difference",
            difference <= config.export.max_difference,
            difference,
            config.export.max_difference,
            detail=f"{detail} At most this difference of a probability is allowed.",
        ),
        Check(
            "agreement",
            agreement >= config.export.min_agreement,
            agreement,
            config.export.min_agreement,
            detail=f"{detail} At least this share of equal predictions is needed.",
        ),
    ]
