"""What came out of a prediction: how many rows, which answers, and what could not be answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets.errors import DataError

NAMED, _MOST_SHARES = 5, 50


@dataclass(frozen=True)
class Result:
    """`rows` are not read before they are asked for; `named` are the first inputs without an answer, and why.

    `shares` has the answers that are given, the most frequent ones first, and how often of 1; nothing for numbers.
    """

    rows: pl.LazyFrame
    num_rows: int
    num_problems: int
    num_kept: int
    shares: dict[str, float]
    named: list[str]

    def told(self) -> dict[str, Any]:
        return {"rows": self.num_rows, "problems": self.num_problems, "kept": self.num_kept, "shares": self.shares}


def read_result(pieces: list[Path], num_answers: int, num_kept: int) -> Result:
    """Read finished pieces, whose last columns are so many answers and the problem."""
    rows = pl.scan_parquet(pieces, glob=False)
    columns = rows.collect_schema().names()
    prediction, problem = columns[-1 - num_answers], columns[-1]
    num_rows, num_problems = rows.select(pl.len(), pl.col(problem).count()).collect().row(0)
    lost = rows.select(columns[0], problem).filter(pl.col(problem).is_not_null()).head(NAMED).collect()
    return Result(rows, num_rows, num_problems, num_kept, _shares(rows.select(prediction)), named_problems(lost))


def _shares(predictions: pl.LazyFrame) -> dict[str, float]:
    (name,), (kind,) = predictions.collect_schema().names(), predictions.collect_schema().dtypes()
    if kind != pl.String:
        return {}
    counts = predictions.drop_nulls().group_by(name).len("count").sort(["count", name], descending=[True, False]).collect()
    return {str(answer): count / counts["count"].sum() for answer, count in counts.head(_MOST_SHARES).iter_rows()}


def named_problems(rows: pl.DataFrame) -> list[str]:
    """Return some of the inputs that have no answer, with the reason."""
    lost = rows.filter(rows[:, -1].is_not_null()).head(NAMED)
    return [f"{name} ({problem})" for name, problem in zip(lost[:, 0], lost[:, -1], strict=True)]


def tell_problems(what: str, num_rows: int, num_problems: int, named: Sequence[str]) -> None:
    """Raise DataError where an input has no answer."""
    if num_problems and what == "files":
        raise DataError(
            f"{num_problems:,} of {num_rows:,} files could not be read: {'; '.join(named)}"
            f"{'; ...' if num_problems > NAMED else ''}. Their rows say so in the column `problem`; the others are predicted."
        )
    if num_problems:
        raise DataError(
            f"{num_problems:,} of {num_rows:,} rows do not fit the schema of the table that the model learnt from. "
            "They say why in the column `problem`; the others are predicted."
        )
