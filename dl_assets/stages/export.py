"""Write the model as ONNX, and certify that it answers as the trained one does."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dl_assets import progress
from dl_assets.artifacts.report import Report, write_json
from dl_assets.config import Pipeline
from dl_assets.exporting.certificate import CERTIFICATE, certificate
from dl_assets.exporting.checks import is_failed, parity_checks
from dl_assets.exporting.golden import GOLDEN, write_golden
from dl_assets.exporting.graph import MODEL, Front, write_onnx
from dl_assets.exporting.int8 import INT8, Quantized, int8_check, quantize
from dl_assets.exporting.parity import BATCH_SIZES, Comparison, answers, compare, open_session, worst_samples
from dl_assets.exporting.reference import REFERENCE, Reference, refer, write_reference
from dl_assets.exporting.resizing import certify_resize, resize_check
from dl_assets.exporting.signature import SIGNATURE, made_by, properties, signature
from dl_assets.exporting.speed import latencies
from dl_assets.exporting.subject import Subject, read_subject

WORST = "worst.json"


def export(config: Pipeline, *, clean: Path, parts: Path, model: Path, evaluation: Path, out: Path) -> Report:
    """Write model.onnx, its signature and its certificate; the checks compare ONNX with torch on the test part."""
    subject = read_subject(config, clean=clean, parts=parts, model=model, evaluation=evaluation)
    reference = refer(subject)
    _write_model(subject, reference, out / MODEL)
    write_json(out / SIGNATURE, signature(config, subject.fitted, subject.arrays.shape, reference))
    write_reference(subject, reference, out / REFERENCE)
    comparisons = _compare(subject, out / MODEL)
    worst = _find_worst(subject, comparisons, out)
    resized = certify_resize(subject, out / MODEL) if config.export.resize else None
    quantized = quantize(subject, out / MODEL, out / INT8) if config.export.int8 else None
    measured = latencies(_ways(subject, out))
    if quantized and not quantized.is_offered:
        (out / INT8).unlink()
    write_golden(out / GOLDEN, subject.test["id"].to_list(), subject.feed, subject.targets.OUTPUT, subject.expected)
    write_json(
        out / CERTIFICATE,
        certificate(
            out,
            subject.test,
            subject.targets.OUTPUT,
            subject.expected,
            comparisons,
            **({"resize": resized} if resized else {}),
            **({"int8": quantized.as_json()} if quantized else {}),
            latency=measured,
        ),
    )
    return Report(
        counts={"samples": len(subject.test)},
        numbers={"size_bytes": (out / MODEL).stat().st_size, **_numbers(quantized, measured)},
        checks=[*parity_checks(config, comparisons, worst), resize_check(subject, resized), int8_check(subject, quantized)],
    )


def _write_model(subject: Subject, reference: Reference, path: Path) -> None:
    write_onnx(
        subject.answering.network,
        subject.arrays[0],
        subject.config.task.inputs,
        properties(subject.config, subject.card, subject.metrics, subject.calibration),
        path,
        answer=subject.targets.OUTPUT,
        front=_front(subject),
        calibration=subject.answering.calibration,
        embedding=reference.embedding,
    )


def _front(subject: Subject) -> Front | None:
    """Return what makes the model's input of what a user has: the columns of a table, a picture of any size."""
    if hasattr(subject.inputs, "ask"):
        return partial(subject.inputs.ask, fitted=subject.fitted["inputs"])
    if subject.config.export.resize:
        return partial(subject.inputs.any_size.front, stored=subject.arrays.shape, clean=made_by(subject.config))
    return None


def _compare(subject: Subject, path: Path) -> list[Comparison]:
    comparisons: list[Comparison] = []
    for size in BATCH_SIZES:
        comparisons.append(compare(path, subject.targets, subject.expected, subject.feed, size, subject.fitted["targets"]))
        progress.report(done=len(comparisons), total=len(BATCH_SIZES), max_difference=comparisons[-1].max_difference)
    return comparisons


def _find_worst(subject: Subject, comparisons: list[Comparison], out: Path) -> list[dict[str, Any]]:
    """Where the model differs too much, write down for which samples most; it is kept with the result that failed."""
    failed = [one for one in comparisons if is_failed(subject.config, one)]
    if not failed:
        return []
    found = answers(out / MODEL, subject.targets.OUTPUT, subject.feed, len(subject.test), failed[0].batch_size)
    ids, fitted = subject.test["id"].to_list(), subject.fitted["targets"]
    worst = worst_samples(ids, subject.targets, subject.expected, found, fitted)
    write_json(out / WORST, worst)
    return worst


def _ways(subject: Subject, out: Path) -> dict[str, Callable[[int], Callable[[], object]]]:
    files = {"onnxruntime": out / MODEL, "onnxruntime_int8": out / INT8}
    return {"torch": subject.eager, **{name: _way(subject, path) for name, path in files.items() if path.exists()}}


def _way(subject: Subject, path: Path) -> Callable[[int], Callable[[], object]]:
    session = open_session(path)

    def way(batch_size: int) -> Callable[[], object]:
        inputs = subject.feed(np.arange(batch_size) % len(subject.test))
        return lambda: session.run(None, inputs)

    return way


def _numbers(quantized: Quantized | None, measured: dict[str, Any]) -> dict[str, float]:
    found = {"latency_ms": measured["onnxruntime"]["1"]["p50_ms"]}
    if quantized:
        found |= {"int8_size_bytes": quantized.size_bytes, "int8_latency_ms": measured["onnxruntime_int8"]["1"]["p50_ms"]}
    return found
