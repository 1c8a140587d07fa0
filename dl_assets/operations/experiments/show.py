"""Experiments as a table in the terminal, and how one is adopted."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dl_assets.operations.experiments.findings import WORKSPACE, Findings, Row
from dl_assets.operations.experiments.publication import PAGE, folder_of
from dl_assets.operations.experiments.words import NOTE, cells, columns


def print_findings(findings: Findings, root: Path, *, as_json: bool) -> None:
    """Print a line for each experiment, the best first."""
    page = folder_of(findings.pipeline, root) / PAGE
    if as_json:
        print(json.dumps({"kind": "summary", **findings.as_json(), "places_of_results": {"page": str(page)}}, default=str))
        return
    console = Console(highlight=False)
    if not findings.rows:
        console.print(f"{findings.pipeline} has no experiment yet. For example: dl experiment {findings.pipeline} train.epochs=5,10")
        return
    console.print(_table(findings))
    for row in findings.rows:
        if row.reason is not None:
            console.print(f"{row.name} failed: {row.reason}", markup=False, soft_wrap=True)
    console.print(NOTE)
    if findings.best:
        console.print(
            f"Adopt one: dvc exp apply {findings.best.name}   Its pipeline file, dvc.lock and data then take the place of "
            "those here: commit what you have first."
        )
    if page.is_file():
        console.print(f"Page       {page}")


def _table(findings: Findings) -> Table:
    table = Table(box=None, pad_edge=False)
    for title, is_number in columns(findings):
        table.add_column(title, justify="right" if is_number else "left", overflow="fold", no_wrap=title == "name")
    for row in [*([findings.workspace] if findings.workspace else []), *findings.rows]:
        table.add_row(*cells(findings, row), style=_style(findings, row))
    return table


def _style(findings: Findings, row: Row) -> str:
    return "dim" if row.name == WORKSPACE or row.reason else "bold" if row is findings.best else ""
