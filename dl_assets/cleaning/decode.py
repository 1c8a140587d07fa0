"""From payloads to stored arrays, in threads; what was decoded before, by the same code and options, is not decoded again."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets import progress, registry
from dl_assets.artifacts.memo import Recalled, is_worn, take_back
from dl_assets.artifacts.packs import read_payloads
from dl_assets.artifacts.rejection import Rejection
from dl_assets.artifacts.shards import WRITERS
from dl_assets.artifacts.tables import Rows
from dl_assets.sections import CleanPictures

Payload = bytes | Rejection
Outcome = tuple[NDArray[np.uint8], str, dict[str, Any]] | Rejection  # array, digest, what was measured

_OUTCOME = {
    "content": pl.String,
    "reason": pl.String,
    "detail": pl.String,
    "digest": pl.String,
    "shard": pl.Int64,
    "row": pl.Int64,
}
# Files whose change means that everything must be decoded again, beside those of the kind of input.
_CODE = ("format.txt", "cleaning/decode.py", "artifacts/shards.py")
_PORTION, _PORTION_BYTES = 32, 256 * 1024


def key_of(kind: str, options: CleanPictures) -> dict[str, Any]:
    """Return all that what is decoded and compared depends on, beside the payloads: a memo of another key is of no use."""
    inputs = registry.module("inputs", kind)
    made_by = {"code": _hash_of_code(kind), **{name: version(name) for name in inputs.LIBRARIES}}
    return {**made_by, **_chosen(inputs, options), "store": options.store, "jpeg_quality": options.jpeg_quality}


def decode_all(
    samples: pl.DataFrame, raw: Path, out: Path, last: Recalled | None, kind: str, options: CleanPictures
) -> pl.DataFrame:
    """Store the array of every sample that has one.

    Return a table for the memo to keep, with one row for each content: reason and detail where it cannot be used, else
    digest (equal arrays have equal ones), shard, row, and the columns that `inputs/<kind>.py` measures. Samples of one
    content share its row.
    """
    inputs = registry.module("inputs", kind)
    chosen = _chosen(inputs, options)
    schema = {**_OUTCOME, **inputs.MEASURED}
    wanted = samples.filter(pl.col("problem").is_null()).unique("content", keep="first", maintain_order=True)

    def decode_unknown(known: pl.DataFrame, first_shard: int) -> pl.DataFrame:
        unknown = wanted.join(known.select("content"), on="content", how="anti", maintain_order="left")
        rows = Rows(schema)
        outcomes = _in_order(lambda payload: _attempt(inputs.clean, payload, chosen), read_payloads(raw, unknown))
        quality = {"quality": options.jpeg_quality} if options.store == "jpeg" else {}
        with WRITERS[options.store](out, first_shard, **quality) as arrays:
            for content, outcome in zip(unknown["content"], progress.track(outcomes, len(unknown)), strict=True):
                if isinstance(outcome, Rejection):
                    rows.add((content, outcome.reason, outcome.detail, *[None] * (len(schema) - 3)))
                else:
                    array, digest, measured = outcome
                    rows.add((content, None, None, digest, *arrays.write(array), *(measured[name] for name in inputs.MEASURED)))
        return pl.concat([known, rows.table()])

    nothing = pl.DataFrame(schema=schema)
    if last is None:
        return decode_unknown(nothing, 0)
    elsewhere = samples.drop_nulls("location")["content"]  # what is read where it lies may have come back since it was missing
    has_come_back = pl.col("reason").is_not_null() & pl.col("content").is_in(elsewhere.implode())
    decoded = decode_unknown(last.tables["decoded"].filter(~has_come_back), last.bring(out))
    if is_worn(len(decoded) - len(wanted), decoded):
        take_back(out)
        return decode_unknown(nothing, 0)
    return decoded


def _chosen(inputs: ModuleType, options: CleanPictures) -> dict[str, Any]:
    return {name: getattr(options, name) for name in registry.options_of(inputs.clean).model_fields}


def _attempt(
    clean: Callable[..., tuple[NDArray[np.uint8], dict[str, Any]]], payload: Payload, options: dict[str, Any]
) -> Outcome:
    if isinstance(payload, Rejection):
        return payload
    try:
        array, measured = clean(payload, **options)
    except Rejection as rejection:
        return Rejection(rejection.reason, rejection.detail)  # anew, because a traceback holds on to the payload
    return array, fingerprint(array), measured


def fingerprint(array: NDArray[np.uint8]) -> str:
    """Name an array by its shape and its values."""
    return blake2b(np.ascontiguousarray(array).data, digest_size=16, key=str(array.shape).encode()).hexdigest()


def _in_order(function: Callable[[Payload], Outcome], payloads: Iterator[Payload]) -> Iterator[Outcome]:
    """Apply `function` in threads (decoders let go of the GIL); only a few payloads are in memory at a time."""
    workers = os.cpu_count() or 1
    running: deque[Future[list[Outcome]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for portion in _portions(payloads):
            running.append(pool.submit(lambda portion: [function(payload) for payload in portion], portion))
            if len(running) > 2 * workers:
                yield from running.popleft().result()
        while running:
            yield from running.popleft().result()


def _portions(payloads: Iterator[Payload]) -> Iterator[list[Payload]]:
    """Put small payloads together: to hand one over to a thread takes as long as to decode a thumbnail."""
    portion: list[Payload] = []
    size = 0
    for payload in payloads:
        portion.append(payload)
        size += len(payload) if isinstance(payload, bytes) else 0
        if size >= _PORTION_BYTES or len(portion) == _PORTION:
            yield portion
            portion, size = [], 0
    yield portion


def _hash_of_code(kind: str) -> str:
    inputs = registry.PACKAGE / "inputs"
    files = [*(registry.PACKAGE / name for name in _CODE), inputs / f"{kind}.py", *sorted((inputs / f"_{kind}").glob("*.py"))]
    return blake2b(b"\0".join(file.read_bytes() for file in files), digest_size=16).hexdigest()
