"""What there is to say of the columns of a table: which need a decision, and which give the target away."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from dl_assets.artifacts.report import Check
from dl_assets.inputs._table.date_formats import choose_formats, tell_day
from dl_assets.inputs._table.inference import SURE, variants
from dl_assets.inputs._table.leakage import PERFECT, leaks
from dl_assets.inputs._table.schema import Column, Schema
from dl_assets.inputs._table.survey import MAX_WORDS, Facts, Words

_SHOWN = 8
_FEW = 3
_READ_AT_ONCE = 20  # columns

Shape = tuple[float | None, str, str]  # of a column: the share that is missing, how many values are different, their spread
COLUMN_TABLE = {
    "name": pl.String,
    "kind": pl.String,
    "missing": pl.Float64,  # share
    "different": pl.String,
    "spread": pl.String,  # least, median and greatest, or the commonest words
    "remark": pl.String,
}


def column_checks(schema: Schema, typed: pl.LazyFrame | Path, targets: pl.Series, facts: Sequence[Facts] = ()) -> list[Check]:
    """Return the warnings `columns` and `leakage`.

    `typed` are the used columns of the kept rows, and `targets` theirs in the same order: Float64, or words. `facts` are the
    `survey` of the cells, from which most of what needs a decision is seen. What somebody wrote into a schema file is decided,
    and so is what is ignored or text: that is told, and no warning.
    """
    values = pl.scan_parquet(typed) if isinstance(typed, Path) else typed
    values = values.select(column.name for column in schema.used)
    open_questions = questions(schema, facts) | _lifeless(schema, values)
    return [_columns(schema, open_questions, facts), _leakage(leaks(values, targets))]


def questions(schema: Schema, facts: Sequence[Facts]) -> dict[str, str]:
    """Return what somebody should decide, by column."""
    known = {column.name: column for column in schema.columns}
    asked: dict[str, str] = {}
    for fact in facts:
        column = known.get(fact.name)
        question = _new(schema) if column is None else _question(column, fact, is_given=schema.path is not None)
        if question:
            asked[fact.name] = question
    return asked


def remarks(schema: Schema, facts: Sequence[Facts]) -> dict[str, str]:
    """Return what is worth knowing of the columns, by column: what is asked, why one is not used, what was changed in it."""
    asked = questions(schema, facts)
    of = {fact.name: fact for fact in facts}
    told = {column.name: [*_remarks(column, of.get(column.name))] for column in schema.columns}
    names = [*told, *(name for name in asked if name not in told)]
    said = {name: [*([asked[name]] if name in asked else []), *told.get(name, [])] for name in names}
    return {name: "; ".join(parts) for name, parts in said.items() if parts}


def column_table(schema: Schema, values: pl.LazyFrame | Path, facts: Sequence[Facts] = ()) -> pl.DataFrame:
    """Return a row for each column of the schema, as COLUMN_TABLE has it, for people to read."""
    lazy = pl.scan_parquet(values) if isinstance(values, Path) else values
    of, said = {fact.name: fact for fact in facts}, remarks(schema, facts)
    shapes = _used_shapes(schema.used, lazy)
    rows = [
        (column.name, column.kind, *(shapes.get(column.name) or _unused_shape(of.get(column.name))), said.get(column.name, ""))
        for column in schema.columns
    ]
    return pl.DataFrame(rows, schema=COLUMN_TABLE, orient="row")


# ---- what needs a decision ---------------------------------------------------------------------------------------


def _new(schema: Schema) -> str:
    return f"is not in {schema.path or 'the schema'} and is left out: add it there, with `kind: ignore` where that is meant"


def _question(column: Column, fact: Facts, *, is_given: bool) -> str | None:
    """Say what is doubtful in the cells of a column; what the schema file says of its kind is not."""
    if column.kind == "number" and fact.odd != {}:
        odd = {word: count for word, count in (fact.odd or {}).items() if word not in column.rename}
        if odd or fact.odd is None:
            word = next(iter(odd), "...")
            return (
                f"has {_counts(odd)} among its numbers: `rename: {{'{word}': null}}` makes it missing, else rows are rejected"
            )
    if column.kind == "category" and not is_given and fact.numbers > (1 - SURE) * fact.known:
        return f"has numbers ({fact.numbers:,}) and words ({fact.known - fact.numbers:,}): is it a category, or a number?"
    if column.kind == "date" and not is_given and choose_formats(fact.formats)[1]:
        return f"may have days or months first, and was read as {column.formats[0]}: write its `formats`"
    if column.kind == "category":
        loose = {word: to for word, to in variants(fact.words or {}).items() if word not in column.rename}
        if loose:
            return f"has words that differ in case or spaces only: `rename: {_mapping(loose)}`"
    return None


def _lifeless(schema: Schema, values: pl.LazyFrame) -> dict[str, str]:
    """Find used columns from which nothing can be learnt: empty, or the same in every row."""
    if not schema.used:
        return {}
    names = [column.name for column in schema.used]
    row = values.select(
        pl.len().alias("rows"),
        *(pl.col(name).null_count().alias(f"missing {place}") for place, name in enumerate(names)),
        *((pl.col(name).min() == pl.col(name).max()).alias(f"same {place}") for place, name in enumerate(names)),
    ).collect().row(0, named=True)  # fmt: skip
    found = {}
    for place, name in enumerate(names):
        missing = row[f"missing {place}"]
        if row["rows"] and missing == row["rows"]:
            found[name] = "is missing in every row: `kind: ignore`"
        elif row[f"same {place}"] and not missing:
            found[name] = "is the same in every row: `kind: ignore`"
    return found


# ---- checks ------------------------------------------------------------------------------------------------------


def _columns(schema: Schema, asked: dict[str, str], facts: Sequence[Facts]) -> Check:
    parts = [f"{name} {question}" for name, question in list(asked.items())[:_SHOWN]]
    parts += [f"and {len(asked) - _SHOWN} columns more"] if len(asked) > _SHOWN else []
    detail = [f"To decide: {'; '.join(parts)}."] if asked else []
    unused = [column for column in schema.columns if not column.is_used]
    if unused:
        detail.append(f"{len(schema.used)} of {len(schema.columns)} columns are used, not {_named(unused)}.")
    stray = [f"{fact.name} ({fact.stray:,} cells)" for fact in facts if fact.stray]
    if stray:
        detail.append(f"Spaces were cut off in {_few(stray)}.")
    return Check("columns", not asked, len(asked), 0, "warning", " ".join(detail))


def _leakage(found: list[tuple[str, float]]) -> Check:
    told = _few([f"{name} ({score:.3f})" for name, score in found])
    detail = (
        f"By itself predicts the target: {told}. If it is known only once the target is, `kind: ignore` in the schema; "
        "else the model promises what it will not keep."
        if found
        else ""
    )
    return Check("leakage", not found, found[0][1] if found else 0.0, PERFECT, "warning", detail)


# ---- words -------------------------------------------------------------------------------------------------------


def _remarks(column: Column, fact: Facts | None) -> Iterator[str]:
    if column.why:
        yield column.why
    if fact is not None and fact.stray:
        yield f"spaces cut off in {fact.stray:,} cells"
    if column.rename:
        yield f"renamed {_mapping(column.rename)}"
    if column.formats and column.formats != ("YYYY-MM-DD",):
        yield f"read as {' or '.join(column.formats)}"


def _used_shapes(columns: Sequence[Column], values: pl.LazyFrame) -> dict[str, Shape]:
    """Return the shape of each column; few of them are in memory at a time."""
    shapes: dict[str, Shape] = {}
    for start in range(0, len(columns), _READ_AT_ONCE):
        few = columns[start : start + _READ_AT_ONCE]
        read = values.select(column.name for column in few).collect()
        shapes |= {column.name: _used_shape(column, read[column.name]) for column in few}
    return shapes


def _used_shape(column: Column, cells: pl.Series) -> Shape:
    missing, different = cells.null_count() / max(len(cells), 1), f"{cells.drop_nulls().n_unique():,}"
    if column.kind == "category":
        counts = cells.drop_nulls().alias("word").value_counts().sort("count", "word", descending=[True, False]).head(_FEW)
        return missing, different, _counts(dict(counts.rows()))
    bounds = [cells.min(), cells.median(), cells.max()]
    tell = tell_day if column.kind == "date" else "{:,.6g}".format
    return missing, different, " … ".join(tell(bound) for bound in bounds if isinstance(bound, float))


def _unused_shape(fact: Facts | None) -> Shape:
    if fact is None:
        return None, "", ""
    different = f"over {MAX_WORDS:,}" if fact.words is None else f"{len(fact.words):,}"
    return fact.missing_share, different, _counts(dict(list((fact.words or {}).items())[:_FEW]))


def _counts(words: Words) -> str:
    """Name the commonest words with their numbers.

    >>> _counts({"unknown": 3, "x": 1})
    "'unknown' (3), 'x' (1)"
    """
    return _few([f"'{_short(word)}' ({count:,})" for word, count in words.items()], _FEW) or "many words"


def _mapping(renamed: Mapping[str, str | None]) -> str:
    pairs = [f"{word}: {'null' if to is None else to}" for word, to in renamed.items()]
    return f"{{{_few(pairs, _FEW)}}}"


def _named(columns: Sequence[Column]) -> str:
    return _few([f"{column.name} ({column.kind}: {column.why or 'as the schema says'})" for column in columns])


def _short(word: str) -> str:
    return word if len(word) <= 30 else f"{word[:27]}..."


def _few(words: Sequence[str], most: int = _SHOWN) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")
