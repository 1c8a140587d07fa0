"""Rows of a table that are asked about: values by column, typed by the schema of the table that the model learnt from."""

import json
import math
from collections.abc import Sequence
from typing import Any

import polars as pl

from dl_assets.artifacts.rejection import Rejection
from dl_assets.inputs._table.schema_file import schema_of
from dl_assets.operations.predict import Exported
from dl_assets.operations.serving.prepared import Prepared
from dl_assets.registry import did_you_mean

_PREFIX = "input_"  # of their columns in the log, which has columns of its own

Cells = dict[str, str | None]


class Rows:
    """How a model is asked about rows."""

    given = "rows"  # what a request calls them
    together = 1_000  # many are typed in the time of one

    def __init__(self, exported: Exported) -> None:
        self._exported, self._fitted = exported, exported.asked["fitted"]
        self._schema = schema_of(self._fitted["schema"])
        self._names = [column.name for column in self._schema.used]
        self.logged = {_PREFIX + name: "String" for name in self._names}
        self.described = {
            "columns": [
                {"name": column.name, "kind": column.kind, "nullable": column.nullable, "allowed": column.allowed}
                for column in self._schema.used
            ]
        }

    def prepare(self, given: Sequence[Any]) -> list[Prepared | Rejection]:
        """Type rows; a Rejection says why one does not fit the schema."""
        read = [self._cells(row) for row in given]
        rows = [cells for cells in read if not isinstance(cells, Rejection)]
        typed = iter(self._typed(rows) if rows else ())
        return [cells if isinstance(cells, Rejection) else next(typed) for cells in read]

    def _typed(self, rows: list[Cells]) -> list[Prepared | Rejection]:
        cells = pl.DataFrame({name: pl.Series([row[name] for row in rows], dtype=pl.String) for name in self._names})
        values, violations = self._exported.inputs.clean(cells, self._schema, **self._exported.decoding)
        problems: dict[int, list[str]] = {}
        for place, column, rule in violations.select("row", "column", "rule").iter_rows():
            problems.setdefault(place, []).append(f"{column}: {rule}")
        inputs = self._exported.inputs.feed(values, self._fitted)  # [N, 1] by column
        return [
            Rejection("schema", "; ".join(problems[place]))
            if place in problems
            else Prepared(
                {name: column[place : place + 1] for name, column in inputs.items()},
                {_PREFIX + name: cell for name, cell in row.items()},
            )
            for place, row in enumerate(rows)
        ]

    def _cells(self, row: Any) -> Cells | Rejection:
        """Return the text of each cell that is used, as a file of the table would have it."""
        if not isinstance(row, dict):
            return Rejection("schema", f"a row must be an object of values by column, but it is {_shown(row)}")
        unknown = [name for name in row if name not in self._schema.names]
        if unknown:
            like = did_you_mean(unknown[0], self._schema.names) or f"; columns are {', '.join(self._names[:10])}"
            return Rejection("schema", f"unknown column {_shown(unknown[0])}{like}")
        lost = [name for name in self._names if name not in row]
        if lost:
            return Rejection("schema", f"column {_shown(lost[0])} is not given. Where its value is not known, give null")
        try:
            return {name: _text(name, row[name]) for name in self._names}
        except Rejection as rejection:
            return rejection

    def probe(self) -> Prepared:
        """Return a row of which nothing is known, with which a model shows that it works."""
        kinds = zip(self._fitted["names"], self._fitted["kinds"], strict=True)
        types = {name: pl.String if kind == "category" else pl.Float64 for name, kind in kinds}
        nothing = pl.DataFrame({name: [None] for name in types}, schema=types)
        return Prepared(self._exported.inputs.feed(nothing, self._fitted), {})


def is_text(value: Any) -> bool:
    """Whether it is a text that can be stored: JSON can also write halves of characters."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _text(name: str, value: Any) -> str | None:
    if is_text(value):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return None if value is None else str(value)
    raise Rejection("schema", f"{name}: {_shown(value)} is neither a text nor a number, true, false or null")


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
