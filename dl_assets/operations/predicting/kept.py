"""What is finished of an output that is not: a hidden folder beside it, from which the same command goes on after a kill."""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars as pl

from dl_assets.errors import ConfigError, DataError
from dl_assets.files import remove, replaced
from dl_assets.operations.predicting.piece import Piece
from dl_assets.runner import writable


@dataclass(frozen=True)
class Kept:
    """Finished pieces of the model that `key` names, each as a Parquet file; a piece whose inputs changed has another name."""

    folder: Path
    key: str

    def place(self, piece: Piece) -> Path:
        told = json.dumps([self.key, *piece.identity])
        return self.folder / f"{hashlib.sha256(told.encode('utf-8', 'surrogatepass')).hexdigest()}.parquet"

    def finish(self, piece: Piece, tell: Callable[[int], None]) -> Path:
        """Ask the model about a piece, and keep the answers whole; tell how many are there now and then."""
        batches: list[pl.DataFrame] = []
        for rows in piece.answers():
            batches.append(rows)
            tell(sum(map(len, batches)))
        answers = pl.concat(batches) if batches else pl.DataFrame()
        if len(answers) != piece.num_inputs:
            raise DataError(f"{len(answers)} of {piece.num_inputs} inputs were found: an archive was changed. Run it again.")
        with replaced(self.place(piece)) as temporary:
            answers.write_parquet(temporary, compression="lz4")
        return self.place(piece)


@contextmanager
def kept_beside(out: Path, key: str) -> Iterator[Kept]:
    """Hold the folder beside `out`; it stays where the block fails and a piece is in it.

    Raises ConfigError where another process holds it.
    """
    folder = out.with_name(f".{out.name}.pieces")
    with writable(out.parent), _held(folder, out):
        try:
            yield Kept(folder, key)
            remove(folder)
        finally:
            if not any(folder.glob("*.parquet")):
                remove(folder)


def _held(folder: Path, out: Path) -> IO[str]:
    """Lock the folder; the kernel drops the lock when this process dies, however it dies."""
    while True:
        folder.mkdir(exist_ok=True)
        try:
            file = (folder / "lock").open("w")
        except FileNotFoundError:  # it was removed in this instant, for the output is complete
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise ConfigError(
                f"{out} is being written by another `dl predict`. Wait for its end, or choose another file: --out FILE"
            ) from None
        if _is_there(file, folder / "lock"):
            return file
        file.close()


def _is_there(file: IO[str], path: Path) -> bool:
    return path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))
