"""`reference.parquet`: what the model answers to samples that it has not learnt from, and what these are like.

It has the columns that the server logs of a prediction, so that what is asked later can be held against it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from dl_assets.artifacts.rows import read_values
from dl_assets.artifacts.shards import open_arrays
from dl_assets.artifacts.tables import RAW_SAMPLES, read_table, write_parquet
from dl_assets.exporting.embedding import EMBEDDING, Embedding, Tap, find_tap, fit_embedding
from dl_assets.exporting.parity import Answers
from dl_assets.exporting.subject import RAW, Subject

REFERENCE = "reference.parquet"
_MEASURED = ("width", "height", "brightness")  # of a picture, as the server logs them
_COLUMN = "input_"  # before the name of a table's column there
_BATCH = 64


@dataclass(frozen=True)
class Reference:
    """`embedding` is fitted on these samples, of which it makes `embedded`, [N, K]; else `reason` says why there is none."""

    samples: pl.DataFrame
    answers: Answers
    embedding: Embedding | None = None
    embedded: NDArray[np.float32] | None = None
    reason: str | None = None


def refer(subject: Subject) -> Reference:
    """Ask the trained model about the reference samples, a batch at a time."""
    if subject.is_table:
        return Reference(subject.reference, _ask(subject, None)[0], reason="the columns of a table say what its rows are like")
    one = open_arrays(subject.clean, subject.reference).batch(np.arange(1))
    tap = find_tap(subject.answering.network, torch.from_numpy(one))
    if tap is None:
        return Reference(subject.reference, _ask(subject, None)[0], reason="the network does not end in a linear layer")
    answers, features = _ask(subject, tap)
    embedding = fit_embedding(tap, features)
    if embedding is None:
        return Reference(subject.reference, answers, reason="the last layer is given the same for all samples of val and test")
    embedded = embedding(torch.from_numpy(features)).numpy()
    return Reference(subject.reference, answers, embedding, embedded)


@torch.inference_mode()
def _ask(subject: Subject, tap: Tap | None) -> tuple[Answers, NDArray[np.float32]]:
    """Return the answers [N, outputs], and what the layer at the tap is given, [N, F]; nothing, [N, 0], without one."""
    arrays = open_arrays(subject.clean, subject.reference)
    found: list[tuple[Any, Any]] = []
    for batch in _batches(len(arrays)):
        raw = torch.from_numpy(arrays.batch(batch))
        network, answer = subject.answering.network, subject.answering
        found.append(tap.ask(network, answer, raw) if tap else (answer(raw), torch.zeros(len(raw), 0)))
    answers, features = (torch.cat(parts).numpy() for parts in zip(*found, strict=True))
    return answers, features


def _batches(number: int) -> Iterator[NDArray[np.int64]]:
    return (np.arange(start, min(start + _BATCH, number)) for start in range(0, number, _BATCH))


def write_reference(subject: Subject, reference: Reference, path: Path) -> None:
    """Write one row a sample: what the log has of a prediction but for id, time, model and latency, then target and part."""
    answered = subject.targets.predictions(reference.answers, subject.fitted["targets"])
    like = _cells(subject, reference.samples) if subject.is_table else reference.samples.select(_MEASURED)
    embedded = (
        {} if reference.embedded is None else {EMBEDDING: pl.Series(reference.embedded.tolist(), dtype=pl.List(pl.Float32))}
    )
    known = reference.samples.select("target", "part")
    write_parquet(path, pl.concat([answered, like, pl.DataFrame(embedded), known], how="horizontal"))


def _cells(subject: Subject, samples: pl.DataFrame) -> pl.DataFrame:
    """Return the text of the columns that the model uses, as the source has it but for spaces around it.

    What the source marks as missing in a way of its own is null, as who asks the server is told to give it.
    """
    raw = subject.clean.with_name(RAW)
    places = read_table(RAW_SAMPLES, raw).select("id", "shard", row="offset")
    cells = read_values(raw, samples.select("id").join(places, on="id", how="inner", maintain_order="left"))
    values = read_values(subject.clean, samples)
    names: list[str] = subject.fitted["inputs"]["names"]
    return cells.select(
        pl.when(values[name].is_not_null()).then(pl.col(name).str.strip_chars()).alias(_COLUMN + name) for name in names
    )
