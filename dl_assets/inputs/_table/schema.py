"""What the columns of a table hold: written by `dl schema NAME --infer`, edited and committed by the user."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import polars as pl

from dl_assets.errors import DataError
from dl_assets.inputs._table.date_formats import tell_day

if TYPE_CHECKING:
    import pandera.polars as pa

Kind = Literal["number", "category", "date", "text", "ignore"]
_PIECE = 50
USED = ("number", "category", "date")  # kinds of which models make use


@dataclass(frozen=True)
class Column:
    """One column. `minimum` and `maximum` of a date are days since 1970-01-01.

    `rename` is applied to the cells first, after spaces around them are cut off: None makes a word a missing value. A date
    is read by the first of its `formats` that fits. `why` says why a column is not used.
    """

    name: str
    kind: Kind
    nullable: bool = True
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] | None = None
    rename: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    formats: tuple[str, ...] = ()
    why: str | None = None

    @property
    def is_used(self) -> bool:
        return self.kind in USED

    def tell(self, value: float) -> str:
        """Return a value as the table would write it."""
        return tell_day(value) if self.kind == "date" else f"{value:.12g}"


@dataclass(frozen=True)
class Schema:
    """All columns of a table but its target, key, group, time and part, in the order in which the table has them."""

    columns: tuple[Column, ...]
    path: Path | None = field(default=None, compare=False)  # of the file that it was read from

    @cached_property
    def used(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.is_used)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def pandera(self) -> "list[pa.DataFrameSchema]":
        """The schema of the typed table in pieces of 50 columns: the time of pandera rises with the square of their number."""
        pieces = (self.used[start : start + _PIECE] for start in range(0, len(self.used), _PIECE))
        return [to_pandera(Schema(piece)) for piece in pieces]


def require_used(schema: Schema) -> Schema:
    """Raise DataError where no column is left to learn from."""
    if schema.used:
        return schema
    reasons = "; ".join(f"{column.name} is {column.kind} ({column.why or 'as the schema says'})" for column in schema.columns)
    raise DataError(
        f"No column of the table can be learnt from: {reasons[:1000] or 'there is none beside the target'}. Add columns to the "
        "table, or say in the schema what they hold (kind: number, category or date)."
    )


def to_pandera(schema: Schema) -> "pa.DataFrameSchema":
    """Return the schema of the typed table: Float64 for numbers and dates (in days), String for categories."""
    import pandera.polars as pa

    return pa.DataFrameSchema({column.name: _pandera_column(column) for column in schema.used})


def _pandera_column(column: Column) -> "pa.Column":
    """Return a column whose checks are named by the rule in words, with which their failures are told."""
    import pandera.polars as pa

    checks = []
    if column.minimum is not None:
        rule = f"is below the minimum {column.tell(column.minimum)}"
        checks.append(pa.Check.ge(column.minimum, error=rule))
    if column.maximum is not None:
        rule = f"is above the maximum {column.tell(column.maximum)}"
        checks.append(pa.Check.le(column.maximum, error=rule))
    if column.allowed is not None:
        checks.append(pa.Check.isin(column.allowed, error=f"is none of the allowed words: {_few(column.allowed)}"))
    return pa.Column(pl.String if column.kind == "category" else pl.Float64, checks, nullable=column.nullable)


def _few(words: tuple[str, ...]) -> str:
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
