"""The model in whole numbers of 8 bits: smaller and faster, and offered only where it answers about as well."""

import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import polars as pl
from numpy.typing import NDArray

from dl_assets.artifacts.report import Check
from dl_assets.errors import ConfigError
from dl_assets.exporting.parity import Feed, answers
from dl_assets.exporting.subject import Subject

INT8 = "model.int8.onnx"
NUM_CALIBRATION, _BATCH = 200, 8
_LAYERS = ("Conv", "Gemm", "MatMul")


@dataclass(frozen=True)
class Quantized:
    """How good the model is on the test part with 32 and with 8 bits, by accuracy or R2."""

    full: float
    int8: float
    size_bytes: int
    max_drop: float

    @property
    def drop(self) -> float:
        return self.full - self.int8

    @property
    def is_offered(self) -> bool:
        return self.drop <= self.max_drop

    def as_json(self) -> dict[str, Any]:
        reason = f"it loses {self.drop:.4g} on the test part; max_drop is {self.max_drop:g}"
        told = {"float32": self.full, "int8": self.int8, "drop": self.drop, "max_drop": self.max_drop}
        return {"offered": self.is_offered, "reason": reason, **told, "size_bytes": self.size_bytes}


def quantize(subject: Subject, model: Path, path: Path) -> Quantized:
    """Write `path`, calibrated on train samples, and measure it on the test part."""
    try:
        samples = _calibration_samples(subject)
        write_int8(model, path, subject.feed_of(samples), len(samples))
    except Exception as error:
        raise ConfigError(
            f"{subject.config.path}: export.int8 is true, but ONNX Runtime cannot write this model with 8 bits "
            f"({type(error).__name__}: {error}). Set it to false, or choose another model."
        ) from error
    fitted, targets = subject.fitted["targets"], subject.test["target"]
    found = answers(path, subject.targets.OUTPUT, subject.feed, len(subject.test), _BATCH)
    return Quantized(
        full=subject.targets.goodness(subject.expected, targets, fitted),
        int8=subject.targets.goodness(found, targets, fitted),
        size_bytes=path.stat().st_size,
        max_drop=subject.config.export.max_drop,
    )


def _calibration_samples(subject: Subject) -> pl.DataFrame:
    """Draw train samples by the seed of the training."""
    number = min(NUM_CALIBRATION, len(subject.train))
    return subject.train.sample(number, seed=int(subject.card.get("seed", 0)), shuffle=True)


def write_int8(model: Path, path: Path, feed: Feed, num_samples: int) -> None:
    """Write `path`, whose ranges are those of what `feed` gives for the first samples."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    batches = (np.arange(start, min(start + _BATCH, num_samples)) for start in range(0, num_samples, _BATCH))
    with tempfile.TemporaryDirectory() as folder:
        asked, prepared = Path(folder, "asked.onnx"), Path(folder, model.name)
        onnx.save_model(_answer_alone(onnx.load(model)), asked)
        quant_pre_process(asked, prepared, skip_symbolic_shape=True)  # `write_onnx` has inferred the shapes
        # Weights of 7 bits: a processor without VNNI adds two products in 16 bits, where those of 8 bits may be cut off.
        quantize_static(
            prepared,
            path,
            _reader(map(feed, batches)),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=_before_the_first_layer(onnx.load(prepared)),
        )


def _answer_alone(model: onnx.ModelProto) -> onnx.ModelProto:
    """Leave the embedding out: by the components that vary least it would be one of rounding."""
    from onnxscript.optimizer import remove_unused_nodes

    del model.graph.output[1:]
    remove_unused_nodes(model)
    return model


def _before_the_first_layer(model: onnx.ModelProto) -> list[str]:
    """Return the names of the nodes that prepare the input: with 8 bits they would be slower, and what they lose is lost."""
    before = itertools.takewhile(lambda node: node.op_type not in _LAYERS, model.graph.node)
    return [node.name for node in before if node.name]


def _reader(batches: Iterator[dict[str, NDArray[Any]]]) -> Any:
    """Return the batches in the form that the quantiser asks for."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, NDArray[Any]] | None:
            return next(batches, None)

    return Reader()


def int8_check(subject: Subject, found: Quantized | None) -> Check:
    """Warn where the model of 8 bits is worse than allowed; the other one is exported all the same."""
    most = subject.config.export.max_drop
    if found is None:
        return Check("int8_drop", True, 0, most, "warning", f"{INT8} was not asked for (export.int8).")
    kept = f"{INT8} is offered." if found.is_offered else f"{INT8} is left out: raise export.max_drop to have it all the same."
    detail = f"With 8 bits the model has {found.int8:.4f} on the test part, with 32 bits {found.full:.4f}. {kept}"
    return Check("int8_drop", found.is_offered, found.drop, most, "warning", detail)
