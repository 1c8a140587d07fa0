"""What the cells of a table look like, column by column, in one pass and little memory."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from dl_assets.errors import DataError
from dl_assets.inputs._table.date_formats import count_formats

MAX_WORDS = 2_000  # different ones that are counted; of more, only that there are more
_MAX_HASHES = 4_000_000  # by which repetitions are found: 32 MB for a column of codes, and no more
_PORTION = 49_152  # rows: three row groups of Parquet as this program writes it
_EXAMPLES, _EXAMPLE_ROWS = 3, 100
_EVERY = pl.all()
_STRIPPED = _EVERY.str.strip_chars().replace("", None)

Frames = Iterable[pl.DataFrame] | pl.LazyFrame
Words = dict[str, int]  # word -> number of cells, commonest first


@dataclass(frozen=True)
class Facts:
    """What was counted of one column. Cells are taken without the spaces around them; an empty one is missing."""

    name: str
    rows: int
    missing: int
    stray: int  # cells with spaces around them
    numbers: int  # cells that are finite numbers
    is_whole: bool  # all numbers are whole, and there is one
    least: float | None
    greatest: float | None
    is_rising: bool  # all cells are numbers, each above the one before it
    repeats: bool  # some cell is there twice; not looked for among numbers that are not whole
    spaced: int  # cells of several words
    words: Words | None  # of all cells, where they are at most MAX_WORDS different ones
    odd: Words | None  # of cells that are no numbers, likewise
    formats: dict[str, int] = field(default_factory=dict)  # format of a date -> number of cells that it fits
    examples: tuple[str, ...] = ()  # the first different cells

    @property
    def known(self) -> int:
        return self.rows - self.missing

    @property
    def missing_share(self) -> float:
        return self.missing / max(self.rows, 1)


def survey(frames: Frames) -> list[Facts]:
    """Read all cells (pl.String, missing is null) once and return what each column is like."""
    columns: dict[str, _Count] = {}
    for frame in _portions(frames):
        _add(columns, frame)
    if not columns or not next(iter(columns.values())).rows:
        raise DataError("The table has no rows, or no column beside its target. Look at the file that the source names.")
    return [count.facts() for count in columns.values()]


def strip_all(cells: pl.DataFrame) -> pl.DataFrame:
    """Cut off the spaces around every cell; what is empty then is missing."""
    return cells.select(_STRIPPED)


def as_numbers(texts: pl.Series) -> pl.Series:
    """Return finite numbers as Float64, null for everything else."""
    return _as_numbers(texts.to_frame()).to_series()


def _as_numbers(texts: pl.DataFrame) -> pl.DataFrame:
    return texts.select(_EVERY.cast(pl.Float64, strict=False)).select(pl.when(_EVERY.is_finite()).then(_EVERY))


def _portions(frames: Frames) -> Iterator[pl.DataFrame]:
    if not isinstance(frames, pl.LazyFrame):
        yield from frames
        return
    num_rows = int(frames.select(pl.len()).collect().item())
    for start in range(0, num_rows, _PORTION):
        yield frames.slice(start, _PORTION).collect()


def _add(columns: dict[str, "_Count"], frame: pl.DataFrame) -> None:
    """Count a portion, all columns in one query where that can be: of 10,000 columns one by one, each would take seconds."""
    if not frame.width or not len(frame):
        return
    texts = strip_all(frame)
    numbers = _as_numbers(texts)
    counted = {
        "missing": texts.null_count(),
        "stray": frame.select((_EVERY.str.strip_chars() != _EVERY).sum()),
        "numbers": numbers.select(_EVERY.is_not_null().sum()),
        "least": numbers.min(),
        "greatest": numbers.max(),
        "first": numbers.head(1),
        "last": numbers.tail(1),
        "is_whole": numbers.select((_EVERY.floor() == _EVERY).all()),
        "is_rising": numbers.select((_EVERY.diff() > 0).all()),
    }
    for name, *values in zip(frame.columns, *(table.row(0) for table in counted.values()), strict=True):
        count = columns.setdefault(name, _Count(name))
        count.add(texts[name], numbers[name], dict(zip(counted, values, strict=True)))


class _Count:
    """The running count of one column."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = self.missing = self.stray = self.numbers = self.spaced = 0
        self.is_whole = self.is_rising = True
        self.least, self.greatest, self.last = math.inf, -math.inf, -math.inf
        self.words, self.odd = _Tally(), _Tally()
        self.formats: dict[str, int] = {}
        self.repeats = _Repeats()
        self.examples: tuple[str, ...] = ()

    def add(self, texts: pl.Series, numbers: pl.Series, counted: dict[str, Any]) -> None:
        """Add a portion of which all but its words was counted."""
        self.rows += len(texts)
        self.missing += counted["missing"]
        self.stray += counted["stray"]
        self.numbers += counted["numbers"]
        if counted["numbers"]:
            self.least, self.greatest = min(self.least, counted["least"]), max(self.greatest, counted["greatest"])
        self.is_whole = self.is_whole and counted["is_whole"]
        self.is_rising = (
            self.is_rising and counted["numbers"] == len(texts) and counted["is_rising"] and counted["first"] > self.last
        )
        self.last = counted["last"] if self.is_rising else math.inf
        if len(self.examples) < _EXAMPLES:
            self.examples = _first_different(self.examples, texts)
        known = len(texts) - counted["missing"]
        num_different = self.words.add(texts)
        if counted["numbers"] < known:
            self._add_odd(texts.filter(numbers.is_null() & texts.is_not_null()))
        if self.is_whole:
            self.repeats.add(texts, num_different)

    def _add_odd(self, odd: pl.Series) -> None:
        self.odd.add(odd)
        self.spaced += int(odd.str.contains(" ", literal=True).sum())
        for name, count in count_formats(odd).items():
            self.formats[name] = self.formats.get(name, 0) + count

    def facts(self) -> Facts:
        return Facts(
            name=self.name,
            rows=self.rows,
            missing=self.missing,
            stray=self.stray,
            numbers=self.numbers,
            is_whole=self.is_whole and self.numbers > 0,
            least=self.least if self.numbers else None,
            greatest=self.greatest if self.numbers else None,
            is_rising=self.is_rising,
            repeats=self.is_whole and not self.is_rising and self.repeats.any(),
            spaced=self.spaced,
            words=self.words.counts(),
            odd=self.odd.counts(),
            formats=self.formats,
            examples=self.examples,
        )


class _Tally:
    """Counts different words until there are too many of them."""

    def __init__(self) -> None:
        self._found: pl.DataFrame | None = None
        self._is_over = False

    def add(self, texts: pl.Series) -> int | None:
        """Count these words; return how many different ones are among them where that was found out."""
        if self._is_over or self._is_hopeless(texts):
            self._is_over, self._found = True, None
            return None
        new = texts.drop_nulls().alias("word").value_counts()
        both = new if self._found is None else pl.concat([self._found, new]).group_by("word").agg(pl.col("count").sum())
        self._is_over = len(both) > MAX_WORDS
        self._found = None if self._is_over else both
        return len(new)

    @staticmethod
    def _is_hopeless(texts: pl.Series) -> bool:
        """Whether the first cells alone are too many different ones: counting them all would take most of the time."""
        first = texts.head(2 * MAX_WORDS)
        return len(texts) > len(first) and first.n_unique() > MAX_WORDS + 1

    def counts(self) -> Words | None:
        if self._is_over:
            return None
        rows = [] if self._found is None else self._found.rows()
        return dict(sorted(rows, key=lambda row: (-row[1], row[0])))


class _Repeats:
    """Finds out whether some cell is there twice, by hashes of the cells seen so far."""

    def __init__(self) -> None:
        self._hashes: list[pl.Series] = []
        self._num = 0
        self._found = False

    def add(self, texts: pl.Series, num_different: int | None) -> None:
        """Look at more cells, of which perhaps it is known how many different ones there are."""
        if self._found or self._num > _MAX_HASHES:
            return
        known = texts.drop_nulls()
        self._found = (known.n_unique() if num_different is None else num_different) < len(known)
        self._hashes = [] if self._found else [*self._hashes, known.hash()]
        self._num += len(known)

    def any(self) -> bool:
        if self._found or len(self._hashes) < 2:
            return self._found
        hashes = pl.concat(self._hashes)
        return hashes.n_unique() < len(hashes)


def _first_different(known: tuple[str, ...], texts: pl.Series) -> tuple[str, ...]:
    new = (text for text in texts.head(_EXAMPLE_ROWS).to_list() if text is not None)
    return tuple(dict.fromkeys([*known, *new]))[:_EXAMPLES]
