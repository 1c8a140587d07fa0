"""`dl schema NAME --infer`: works out what the columns of a pipeline's table hold, and writes it for the user to edit."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dl_assets import registry
from dl_assets.artifacts.raw import Source
from dl_assets.config import SCHEMAS, Pipeline, load_pipeline
from dl_assets.errors import ConfigError
from dl_assets.inputs._table.findings import questions, remarks
from dl_assets.inputs._table.inference import decide
from dl_assets.inputs._table.schema import Schema
from dl_assets.inputs._table.schema_file import write_schema
from dl_assets.inputs._table.survey import Facts, survey

_MAX_SHOWN, _EXAMPLES = 100, 3


def infer_schema(name: str, root: Path = Path(), *, out: Path | None = None, force: bool = False) -> Path:
    """Read the source of a pipeline, write the schema of its columns, print it, and return the file.

    Raises ConfigError where the pipeline has no table, or where the file is there already and `force` is not given.
    """
    path = root / (out or SCHEMAS / f"{name}.yaml")
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    config = load_pipeline(name, root)
    if config.task.inputs != "table":
        raise ConfigError(f"{config.path}: the task '{config.task_name}' has no table, and so no columns to infer.")
    if path.exists() and not force:
        raise ConfigError(f"{shown} exists already and is not overwritten. Add --force to write it anew, or --out PATH.")
    facts = survey(_cells(config))
    schema = decide(facts)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_schema(path, schema)
    print_schema(schema, facts, shown)
    return path


def print_schema(schema: Schema, facts: Sequence[Facts], path: Path) -> None:
    """Print the columns, what to do with the file, and warnings about what somebody should decide."""
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(_table(schema, facts))
    hidden = len(schema.columns) - _MAX_SHOWN
    if hidden > 0:
        print(f"and {hidden:,} columns more")
    print(f"\nWrote {path}. Read it, mend it, and put it into the pipeline file:\n\n  clean: {{schema: {path}}}\n")
    for name, question in questions(schema, facts).items():
        print(f"WARNING: {name} {question}", file=sys.stderr)


def _cells(config: Pipeline) -> Iterator[pl.DataFrame]:
    source: Source = registry.find("sources", config.source.name)(**config.source.options)
    if source.rows is None:
        raise ConfigError(f"{config.path}: the source '{config.source_kind}' yields files, and no rows of a table.")
    for rows in source.rows():
        yield rows.cells


def _table(schema: Schema, facts: Sequence[Facts]) -> Table:
    said = remarks(schema, facts)
    table = Table(box=None, pad_edge=False)
    for title in ("column", "kind"):
        table.add_column(title, no_wrap=True)
    table.add_column("missing", justify="right")
    table.add_column("such as")
    table.add_column("remark")
    for column, fact in list(zip(schema.columns, facts, strict=True))[:_MAX_SHOWN]:
        table.add_row(*map(escape, (column.name, column.kind, _share(fact), _examples(fact), said.get(column.name, ""))))
    return table


def _share(fact: Facts) -> str:
    return f"{100 * fact.missing_share:.1f} %" if fact.missing else ""


def _examples(fact: Facts) -> str:
    shown = [word if len(word) <= 24 else f"{word[:21]}..." for word in fact.examples[:_EXAMPLES]]
    return ", ".join(shown)
