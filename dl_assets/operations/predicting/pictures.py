"""Answers of a model for pictures: one row a file, whether it can be read or not."""

import hashlib
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.artifacts.raw import RawSample
from dl_assets.artifacts.rejection import Rejection
from dl_assets.errors import DataError
from dl_assets.operations.predict import BATCH_SIZE, Exported
from dl_assets.operations.predicting.inputs import Inputs
from dl_assets.operations.predicting.piece import Piece, free_names

PIECE_SIZE = 1024  # small files take seconds, photos of many megapixels a minute or two: what a kill may cost

T = TypeVar("T")
_Read = Callable[[], bytes]
_Decoded = NDArray[np.uint8] | Rejection


def pieces_of(exported: Exported, inputs: Inputs) -> Iterator[Piece]:
    """Cut the inputs into pieces; what a manifest says of a file stands between its name and the answers."""
    for start in range(0, len(inputs.names), PIECE_SIZE):
        part = slice(start, start + PIECE_SIZE)
        names, kept = inputs.names[part], None if inputs.kept is None else inputs.kept[part]
        samples = itertools.islice(inputs.samples, len(names))
        identity = [f"{name}: {version}" for name, version in zip(names, inputs.versions[part], strict=True)]
        if kept is not None:
            identity.append(_hash(kept))
        yield Piece(identity, len(names), lambda samples=samples, kept=kept: _answers(exported, samples, kept))  # type: ignore[misc]
        deque(samples, maxlen=0)  # what was not asked for, is passed over unread


def _hash(kept: pl.DataFrame) -> str:
    content = BytesIO()
    kept.write_ipc(content)
    return hashlib.sha256(content.getvalue()).hexdigest()


def _answers(exported: Exported, samples: Iterable[RawSample], kept: pl.DataFrame | None) -> Iterator[pl.DataFrame]:
    done = 0
    for rows in predict(exported, samples):
        yield rows if kept is None else _beside(rows, kept[done : done + len(rows)])
        done += len(rows)


def _beside(rows: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    own = rows.rename(free_names(rows.columns, kept.columns))
    return own[:, :1].hstack(kept).hstack(own[:, 1:])


def predict(exported: Exported, samples: Iterable[RawSample]) -> Iterator[pl.DataFrame]:
    """Yield file, prediction, confidence, probability_<class> and problem, a batch of rows at a time, in the given order.

    Where a file cannot be read, `problem` says why, and everything but `file` is null.
    """
    for names, results in _decoded(exported, iter(samples)):
        yield _rows(exported, names, list(results))


def _decoded(exported: Exported, samples: Iterator[RawSample]) -> Iterator[tuple[list[str], Iterable[_Decoded]]]:
    """Yield names and pixels by batches; while the model works on one, threads decode the next."""

    def decode(read: _Read) -> _Decoded:
        return _try(lambda: exported.inputs.clean(read(), **exported.decoding)[0])

    waiting: deque[tuple[list[str], Iterable[_Decoded]]] = deque()
    with ThreadPoolExecutor() as pool:  # decoders let go of the GIL
        while batch := [(sample.origin, _reader(sample)) for sample in itertools.islice(samples, BATCH_SIZE)]:
            waiting.append(([name for name, _ in batch], pool.map(decode, [read for _, read in batch])))
            if len(waiting) > 1:
                yield waiting.popleft()
        yield from waiting


def _reader(sample: RawSample) -> _Read:
    """Return what reads a file, in any thread; of what streams, such as an archive, it is read here and now."""
    if sample.location is not None:
        return sample.read
    payload = _try(sample.read)

    def read() -> bytes:
        if isinstance(payload, Rejection):
            raise payload
        return payload

    return read


def _try(function: Callable[[], T]) -> T | Rejection:
    """Return what the function returns, or the Rejection that says why it cannot."""
    try:
        return function()
    except Rejection as rejection:
        return rejection
    except DataError as error:
        return Rejection("unreadable", str(error))


def _rows(exported: Exported, names: list[str], results: list[_Decoded]) -> pl.DataFrame:
    arrays = [result for result in results if not isinstance(result, Rejection)]
    answers = exported.answer({exported.asked["name"]: np.stack(arrays)} if arrays else {}, len(arrays))
    problems = [str(result) if isinstance(result, Rejection) else None for result in results]
    files = pl.DataFrame({"file": names, "problem": problems}, schema={"file": pl.String, "problem": pl.String})
    answered = files.filter(pl.col("problem").is_null()).select("file").hstack(answers)
    unanswered = files.filter(pl.col("problem").is_not_null())
    # In the given order again: the place of each file is where it stands in `names`.
    place = np.argsort([problem is not None for problem in problems], kind="stable")
    return pl.concat([answered, unanswered], how="diagonal")[np.argsort(place)]
