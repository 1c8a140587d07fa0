"""Experiments as a table in the terminal, and how one is adopted."""

import json
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dl_assets.operations.experiments.findings import WORKSPACE, Findings, Row
from dl_assets.operations.experiments.publication import PAGE, folder_of
from dl_assets.operations.experiments.words import ADOPT, APPLY, cells, columns, notes, short_names

_WIDTH = 160  # of what is written to a file


def print_findings(findings: Findings, root: Path, *, as_json: bool) -> None:
    """Print a line for each experiment, the best first."""
    page = folder_of(findings.pipeline, root) / PAGE
    if as_json:
        print(json.dumps({"kind": "summary", **findings.as_json(), "page": str(page)}, default=str))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    if not findings.rows:
        console.print(
            f"{findings.pipeline} has no experiment yet. For example: dl experiment {findings.pipeline} train.epochs=5,10"
        )
        return
    console.print(_table(findings))
    for row in findings.rows:
        if row.reason is not None:
            console.print(f"{row.name} failed: {row.reason}", markup=False, soft_wrap=True)
    for note in notes(findings):
        console.print(note)
    if findings.best:
        console.print(f"Adopt one: {ADOPT.format(pipeline=findings.pipeline, name=findings.best.name)}", soft_wrap=True)
        console.print(f"       or: {APPLY.format(name=findings.best.name)}", soft_wrap=True)
    if page.is_file():
        console.print(f"Page       {page}")


def print_adopted(pipeline: str, name: str, diff: str, *, as_json: bool) -> None:
    """Print what `--adopt` wrote, and what comes next."""
    if as_json:
        print(json.dumps({"kind": "summary", "adopted": name, "diff": diff}))
    elif diff:
        print(f"{diff}\nWritten. What {name} made is in DVC's cache, so nothing is trained again by: dl run {pipeline}")
    else:
        print(f"The pipeline file has the values of {name} already. To run it: dl run {pipeline}")


def _table(findings: Findings) -> Table:
    table = Table(box=None, pad_edge=False)
    short = short_names(findings.places)
    for title, is_number in columns(findings):
        table.add_column(
            short.get(title, title), justify="right" if is_number else "left", overflow="fold", no_wrap=title == "name"
        )
    for row in [*([findings.workspace] if findings.workspace else []), *findings.rows]:
        table.add_row(*map(escape, cells(findings, row)), style=_style(findings, row))
    return table


def _style(findings: Findings, row: Row) -> str:
    return "dim" if row.name == WORKSPACE or row.reason else "bold" if row is findings.best else ""
