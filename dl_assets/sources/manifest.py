"""A table that lists files and what they show, as CSV, TSV, JSON lines or Parquet."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import polars as pl
from pydantic import Field

from dl_assets.artifacts.raw import LABEL_SEPARATOR, RawSample, Source
from dl_assets.errors import ConfigError, DataError
from dl_assets.sources._files.listed import readers
from dl_assets.sources._files.listings import read_listing, require_columns
from dl_assets.sources._files.places import is_url, join, parent, watchable
from dl_assets.sources._files.values import part_of, time_of

T = TypeVar("T")

_KEY = "source.path"


def manifest(
    *,
    path: Annotated[str, Field(description="table of the files: .csv, .tsv, .jsonl or .parquet, or its URL")],
    file: Annotated[str, Field(description="column with the path of each file, relative to root, or its URL")],
    target: Annotated[str, Field(description="column with what is learnt")],
    group: Annotated[str | None, Field(description="column; samples of one group are never in two parts")] = None,
    time: Annotated[str | None, Field(description="column with ISO dates or seconds since 1970")] = None,
    part: Annotated[str | None, Field(description="column with train, val or test")] = None,
    root: Annotated[str | None, Field(description="folder or URL that the files are relative to; else the table's")] = None,
    suffix: Annotated[str, Field(description="what the column leaves out at the end of each file, such as .jpg")] = "",
    separator: Annotated[str, Field(min_length=1, description="what stands between several labels of one file")] | None = None,
    columns: Annotated[
        list[str],
        Field(description="columns that say more of a file, such as camera: the report looks where the model is worse"),
    ] = [],  # noqa: B006 - never changed
    licence: str = "not stated",
) -> Source:
    """Yield the files that a table lists, in its order. An empty target is none; of several labels, the order is sorted.

    A file that is listed and not there is rejected when it is read. Raises ConfigError for a missing column, DataError
    where no file is there, a file is listed twice, or a time or part cannot be understood, with the number of the row.
    """
    listing = read_listing(path, _KEY)
    require_columns(listing, path, {"file": file, "target": target, "group": group, "time": time, "part": part})
    require_columns(listing, path, {f"columns[{number}]": name for number, name in enumerate(columns)})
    files = _files(listing[file], suffix, path)
    targets = _targets(listing[target], separator)
    groups = [None] * len(files) if group is None else [_text(value) for value in listing[group]]
    times = _parsed(listing, time, "time", path, time_of)
    parts = _parsed(listing, part, "part", path, _part)
    places = [join(root or parent(path), name) for name in files]
    rows = zip(files, readers(places, path, _KEY), targets, groups, times, parts, places, strict=True)
    samples = (
        RawSample(name, read, target, group, time, part, version, place)
        for name, (read, version), target, group, time, part, place in rows
    )
    description = {"kind": "manifest", "uri": path, "licence": licence, "num_samples": len(listing), "skipped_files": 0}
    more = pl.DataFrame([pl.Series("origin", files), *(_known(listing[name]) for name in dict.fromkeys(columns))])
    return Source(description, samples, columns=more if columns else None)


def watched(*, path: str, root: str | None = None, **others: Any) -> tuple[str, ...]:
    """Return the table, and the folder of the files; not a folder around data/, in which the results are."""
    place = root or parent(path)
    around = not is_url(place) and Path("data").resolve().is_relative_to(Path(place).resolve())
    return watchable(path) if around else watchable(path, place)


def places(*, path: str, root: str | None = None, **others: Any) -> tuple[str, ...]:
    """Return the table, wherever it is, and what else can be watched: files behind addresses are taken to stay as they are."""
    return tuple(dict.fromkeys((path, *watched(path=path, root=root))))


# ---- columns ---------------------------------------------------------------------------------------------------


def _files(column: pl.Series, suffix: str, path: str) -> list[str]:
    """Return the file of each row; each is the origin of its sample, so none may come twice."""
    rows: dict[str, int] = {}
    for number, value in enumerate(column, 1):
        text = _text(value)
        if text is None:
            raise DataError(f"{_KEY}: row {number} of {path} names no file (column '{column.name}'). Complete or delete it.")
        name = join("", f"{text}{suffix}")
        if name in rows:
            raise DataError(
                f"{_KEY}: rows {rows[name]} and {number} of {path} list the same file '{name}'. Keep one row for a file; "
                "several labels stand in one cell, with source.separator between them."
            )
        rows[name] = number
    return list(rows)


def _text(value: object) -> str | None:
    return None if value is None else str(value).strip() or None


def _targets(column: pl.Series, separator: str | None) -> list[str | None]:
    if separator is not None:
        return [_labels(value, separator) for value in column]
    if isinstance(column.dtype, pl.List):
        raise ConfigError(f"source.target: the column '{column.name}' holds lists. Add a separator, such as separator: '|'.")
    return [_text(value) for value in column]


def _labels(value: object, separator: str) -> str | None:
    """Return several labels in the one way in which RawSample has them."""
    labels = value if isinstance(value, pl.Series) else ("" if value is None else str(value)).split(separator)
    clean = sorted({text for label in labels if (text := _text(label))})
    if separator != LABEL_SEPARATOR and any(LABEL_SEPARATOR in label for label in clean):
        raise DataError(
            f"source.target: the labels {clean} hold a '{LABEL_SEPARATOR}', which stands between labels. Rename them."
        )
    return LABEL_SEPARATOR.join(clean) or None


def _known(column: pl.Series) -> pl.Series:
    """Return numbers where all that is known is a number, else text.

    >>> _known(pl.Series(["2", "", " 3.5"])).to_list(), _known(pl.Series(["A", "2", ""])).to_list()
    ([2.0, None, 3.5], ['A', '2', None])
    """
    text = pl.Series(column.name, [_text(value) for value in column], dtype=pl.String)
    numbers = text.cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == text.null_count() < len(text) else text


def _part(value: object) -> str | None:
    text = _text(value)
    return None if text is None else part_of(text)


def _parsed(
    listing: pl.DataFrame, column: str | None, option: str, path: str, parse: Callable[[object], T | None]
) -> list[T | None]:
    """Parse a column; the error counts the rows that cannot be understood and names the first."""
    if column is None:
        return [None] * len(listing)
    values: list[T | None] = []
    wrong: list[tuple[int, str]] = []
    for number, value in enumerate(listing[column], 1):
        try:
            values.append(parse(value))
        except ValueError as error:
            wrong.append((number, str(error)))
    if wrong:
        raise DataError(
            f"source.{option}: column '{column}' of {path}, row {wrong[0][0]}: {wrong[0][1]}. "
            f"{len(wrong)} of {len(listing)} rows cannot be understood. Correct them, or name another column."
        )
    return values
