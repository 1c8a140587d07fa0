"""What all commands share: the application that they belong to, their common arguments, the fresh index."""

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from dl_assets import progress

app = typer.Typer(
    name="dl",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From raw data to a certified model: DVC executes, Dagster shows, Lightning trains, ONNX ships.",
)
ROOT = Path()

Name = Annotated[str, typer.Argument(help="the pipeline: pipelines/NAME.yaml")]
OptionalName = Annotated[str | None, typer.Argument(help="one pipeline; all of them by default")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of text")]


@app.callback()
def options(debug: Annotated[bool, typer.Option("--debug", help="show a traceback with every error")] = False) -> None:
    if debug:
        os.environ[progress.DEBUG] = "1"


def sync_index() -> None:
    """Bring pipelines/index.yaml up to date, and tell which pipeline file is broken."""
    from dl_assets import index

    for error in index.write_index(ROOT):
        print(f"WARNING: {error}", file=sys.stderr)


def print_traceback() -> None:
    """Show where an error comes from, to those who asked for it by `dl --debug`."""
    if os.environ.get(progress.DEBUG):
        traceback.print_exc()
