"""Write the model as ONNX, and certify that it answers as the trained one does."""

import hashlib
import json
import logging
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
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
from dl_assets.artifacts.rows import read_values
from dl_assets.artifacts.shards import open_arrays
from dl_assets.artifacts.tables import read_parted
from dl_assets.config import Pipeline
from dl_assets.errors import DataError, PipelineError
from dl_assets.inference.network import CARD, PREPROCESSING, Network, load_network
from dl_assets.inference.predict import predict

MODEL = "model.onnx"
OPSET = 20
# Compared are all test samples, but of large ones not more than the values of 2,000 pictures of 64 x 64 px.
MAX_VALUES, LEAST_SAMPLES = 2_000 * 64 * 64 * 3, 2_000
BATCH_SIZES = (1, 64)
NUM_GOLDEN = 5

Feed = Callable[[NDArray[np.int64]], dict[str, NDArray[Any]]]  # indices of samples -> inputs by name


def export(config: Pipeline, *, clean: Path, parts: Path, model: Path, out: Path) -> Report:
    """Write model.onnx, signature.json and certificate.json; the checks compare ONNX with torch on the test part."""
    network, card, fitted = load_network(model), read_json(model / CARD), read_json(model / PREPROCESSING)
    inputs, targets = registry.module("inputs", config.task.inputs), registry.module("targets", config.task.targets)
    samples = _test_samples(clean, parts)
    arrays = open_arrays(clean, samples)
    ask = partial(inputs.ask, fitted=fitted["inputs"]) if hasattr(inputs, "ask") else None
    properties = _properties(config, card)
    write_onnx(network, arrays[0], config.task.inputs, properties, out / MODEL, answer=targets.OUTPUT, ask=ask)
    write_json(out / "signature.json", _signature(config, fitted, arrays.shape))

    expected, feed = predict(network, arrays), _feeder(config, clean, samples, fitted)
    comparisons = []
    for size in BATCH_SIZES:
        found = answers(out / MODEL, targets.OUTPUT, feed, len(samples), size)
        comparisons.append(Comparison(size, *targets.agreement(expected, found, fitted["targets"])))
        progress.report(done=len(comparisons), total=len(BATCH_SIZES), max_difference=comparisons[-1].max_difference)
    write_json(out / "certificate.json", _certificate(out / MODEL, samples, {targets.OUTPUT: expected}, comparisons))
    return Report(
        counts={"samples": len(samples)},
        numbers={"size_bytes": (out / MODEL).stat().st_size},
        checks=_checks(config, comparisons),
    )


def _properties(config: Pipeline, card: dict[str, Any]) -> dict[str, str]:
    classes = {"classes": json.dumps(card["classes"])} if "classes" in card else {}
    return {"format": "dl-assets 1", "pipeline": config.name, "task": card["task"], **classes}


def _feeder(config: Pipeline, clean: Path, samples: pl.DataFrame, fitted: dict[str, Any]) -> Feed:
    """Return what gives ONNX Runtime the inputs of some samples: their arrays, or what a user has in place of these."""
    inputs = registry.module("inputs", config.task.inputs)
    if not hasattr(inputs, "feed"):
        arrays = open_arrays(clean, samples)
        return lambda batch: {config.task.inputs: arrays.batch(batch)}
    values = read_values(clean, samples)
    return lambda batch: inputs.feed(values[batch], fitted["inputs"])


class _Probabilities(nn.Module):
    """The whole answer in one graph: preprocessing, body and activation, so that nobody has to repeat them elsewhere."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, raw: Tensor) -> Tensor:
        return self.network.probabilities(raw)


def write_onnx(
    network: Network,
    sample: NDArray[Any],
    name: str,
    properties: dict[str, str],
    path: Path,
    *,
    answer: str,
    ask: Callable[[onnx.ModelProto], onnx.ModelProto] | None = None,
) -> None:
    """Write one self-contained file: `name` [batch, ...], each like `sample`, -> float32 `answer` [batch, outputs].

    With `ask` the model takes what that makes of its input.
    """
    # Two samples: torch.export takes a size of one for a constant.
    example = torch.from_numpy(np.zeros((2, *sample.shape), sample.dtype))
    with _quiet_exporter():
        program = torch.onnx.export(
            _Probabilities(network).eval(),
            (example,),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=[name],
            output_names=[answer],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    assert program is not None, "the dynamo exporter returns a program"
    model = ask(program.model_proto) if ask else program.model_proto
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


def answers(path: Path, answer: str, feed: Feed, num_samples: int, batch_size: int) -> NDArray[np.float32]:
    """Return the answers [N, outputs] that ONNX Runtime computes on the CPU, `batch_size` samples at a time.

    `feed` returns the inputs for the samples of these indices.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    batches = (np.arange(start, min(start + batch_size, num_samples)) for start in range(0, num_samples, batch_size))
    found: NDArray[np.float32] = np.concatenate([session.run([answer], feed(batch))[0] for batch in batches])
    return found


@dataclass(frozen=True)
class Comparison:
    """How far the exported model's answers are from the trained one's."""

    batch_size: int
    max_difference: float
    agreement: float


def _test_samples(clean: Path, parts: Path) -> pl.DataFrame:
    """Return the samples of the test part; of too many every n-th."""
    test = read_parted(clean, parts).filter(part="test")
    if test.is_empty():
        raise DataError(
            "the test part holds no sample to compare the exported model on. "
            "Add samples to the source, or give split.test a larger share."
        )
    most = max(LEAST_SAMPLES, MAX_VALUES // math.prod(open_arrays(clean, test).shape))
    return test.gather_every(-(-len(test) // most))


def _signature(config: Pipeline, fitted: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """Say how to ask the model and how to read its answer, for a person who has nothing but this file and the model."""
    inputs, targets = registry.module("inputs", config.task.inputs), registry.module("targets", config.task.targets)
    clean = {name: getattr(config.clean, name) for name in registry.options_of(inputs.clean).model_fields}
    return {
        "pipeline": config.name,
        "task": config.task_name,
        "file": MODEL,
        "opset": OPSET,
        "input": {
            "name": config.task.inputs,
            "dtype": inputs.DTYPE,
            "shape": ["batch", *shape],
            "meaning": inputs.describe(shape, clean),
            "made_by": {"clean": clean},
            "fitted": fitted["inputs"],
        },
        "output": {
            "name": targets.OUTPUT,
            "dtype": "float32",
            "shape": ["batch", targets.num_outputs(fitted["targets"])],
            "meaning": targets.describe(),
            "fitted": fitted["targets"],
        },
    }


def _certificate(
    path: Path, samples: pl.DataFrame, expected: dict[str, NDArray[np.float32]], comparisons: list[Comparison]
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
        "golden": [
            {"id": id_, **{name: rows[index].tolist() for name, rows in expected.items()}}
            for index, id_ in enumerate(samples["id"][:NUM_GOLDEN])
        ],
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
