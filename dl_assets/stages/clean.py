"""Stage 2: decode every sample strictly; what cannot be used goes to `rejected.parquet` with its reason."""

import inspect
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets import progress, registry
from dl_assets.artifacts.rejection import Rejection
from dl_assets.artifacts.report import Check, Report
from dl_assets.artifacts.shards import ArrayWriter, read_payloads
from dl_assets.artifacts.tables import CLEAN_SAMPLES, RAW_SAMPLES, REJECTED, read_table, write_table
from dl_assets.config import Pipeline

A = TypeVar("A")
B = TypeVar("B")
Decoded = tuple[NDArray[np.uint8], dict[str, int]]

_REJECTED_SCHEMA = {"id": pl.String, "origin": pl.String, "reason": pl.String, "detail": pl.String}
_NAMED_ORIGINS = 3


def clean(config: Pipeline, *, raw: Path, out: Path) -> Report:
    """Give every raw sample either pixels in a shard and a row in samples, or a row in rejected."""
    samples = read_table(RAW_SAMPLES, raw)
    decode = registry.module("inputs", config.task.inputs).clean
    options = {name: getattr(config.clean, name) for name in _options_of(decode)}
    usable, unusable = decode_all(samples, raw, out, lambda payload: decode(payload, **options))
    kept, repeated = reject_repeated(usable, keep_duplicates=config.clean.exact_duplicates == "keep")
    rejected = samples.select("id").join(pl.concat([unusable, repeated]), on="id", maintain_order="left")
    write_table(CLEAN_SAMPLES, out, kept)
    write_table(REJECTED, out, rejected)
    return summarise(len(kept), rejected, config.clean.max_rejected)


def _options_of(decode: Callable[..., Decoded]) -> list[str]:
    return [p.name for p in inspect.signature(decode).parameters.values() if p.kind is p.KEYWORD_ONLY]


def decode_all(
    samples: pl.DataFrame, raw: Path, out: Path, decode: Callable[[bytes], Decoded]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Write the pixels; return the samples that have some (with digest, shard, row), and the rejected ones.

    Samples of the same pixels share one place in the shards.
    """
    places: dict[str, tuple[int, int]] = {}
    indices: list[int] = []
    columns: dict[str, list[Any]] = {"digest": [], "shard": [], "row": []}
    unusable: list[tuple[str, str, str, str]] = []
    results = _in_order(lambda payload: _attempt(decode, payload), read_payloads(raw, samples))
    named = enumerate(samples.select("id", "origin", "target").iter_rows())
    with ArrayWriter(out) as pixels:
        for (index, (sample_id, origin, target)), result in progress.track(zip(named, results, strict=True), len(samples)):
            if target is None or not target.strip():
                result = Rejection("no_label", "the source gives it no target")
            if isinstance(result, Rejection):
                unusable.append((sample_id, origin, result.reason, result.detail))
                continue
            array, extra = result
            digest = fingerprint(array)
            if digest not in places:
                places[digest] = pixels.write(array)
            indices.append(index)
            for name, value in {"digest": digest, "shard": places[digest][0], "row": places[digest][1], **extra}.items():
                columns.setdefault(name, []).append(value)
    schema = {name: pl.String if name == "digest" else pl.Int64 for name in columns}
    found = samples.drop("shard", "offset", "size_bytes")[pl.Series(indices, dtype=pl.UInt32)]
    return (found.hstack(pl.DataFrame(columns, schema=schema)), pl.DataFrame(unusable, schema=_REJECTED_SCHEMA, orient="row"))


def _attempt(decode: Callable[[bytes], Decoded], payload: bytes) -> Decoded | Rejection:
    try:
        return decode(payload)
    except Rejection as rejection:
        return Rejection(rejection.reason, rejection.detail)  # anew, because a traceback holds on to the payload


def _in_order(function: Callable[[A], B], items: Iterator[A]) -> Iterator[B]:
    """Apply `function` in threads (decoders let go of the GIL); only a few items are in memory at a time."""
    workers = os.cpu_count() or 1
    running: deque[Future[B]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            running.append(pool.submit(function, item))
            if len(running) > 2 * workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def fingerprint(array: NDArray[np.uint8]) -> str:
    """Name an array by its shape and its values."""
    return blake2b(np.ascontiguousarray(array).data, digest_size=16, key=str(array.shape).encode()).hexdigest()


def reject_repeated(samples: pl.DataFrame, *, keep_duplicates: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split samples into kept and rejected: of the same pixels the first is kept, with two targets none is."""
    several = samples.filter(pl.len().over("digest") > 1)
    rejected: list[tuple[str, str, str, str]] = []
    for _, same in several.group_by("digest", maintain_order=True):
        first = same.row(0, named=True)
        for sample in same.iter_rows(named=True):
            other = same.filter(pl.col("target") != sample["target"])
            if len(other):
                detail = (
                    f"same pixels as {other['origin'][0]}, whose target is {other['target'][0]!r} and not {sample['target']!r}"
                )
                rejected.append((sample["id"], sample["origin"], "label_conflict", detail))
            elif sample["id"] != first["id"] and not keep_duplicates:
                rejected.append((sample["id"], sample["origin"], "exact_duplicate", f"same pixels as {first['origin']}"))
    repeated = pl.DataFrame(rejected, schema=_REJECTED_SCHEMA, orient="row")
    return samples.join(repeated, on="id", how="anti", maintain_order="left"), repeated


def summarise(num_kept: int, rejected: pl.DataFrame, max_rejected: float) -> Report:
    """Count what was rejected for which reason, and check that it is not too much."""
    total = num_kept + len(rejected)
    share = len(rejected) / max(total, 1)
    reasons = {
        reason: rejected.filter(pl.col("reason") == reason)["origin"].to_list()
        for reason in rejected["reason"].unique(maintain_order=True)
    }
    named = "; ".join(f"{len(origins)} {reason} ({_few(origins)})" for reason, origins in reasons.items())
    detail = f"Rejected are {len(rejected)} of {total} samples{': ' + named if named else ''}."
    if share > max_rejected:
        detail += " Mend or remove these files, or raise clean.max_rejected."
    check = Check("rejected_share", passed=share <= max_rejected, value=share, threshold=max_rejected, detail=detail)
    counts = {
        "kept": num_kept,
        "rejected": len(rejected),
        **{f"rejected_{reason}": len(origins) for reason, origins in sorted(reasons.items())},
    }
    return Report(counts=counts, numbers={"rejected_share": share}, checks=[check])


def _few(origins: list[str]) -> str:
    return ", ".join(origins[:_NAMED_ORIGINS]) + (", ..." if len(origins) > _NAMED_ORIGINS else "")
