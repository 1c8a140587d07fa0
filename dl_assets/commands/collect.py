"""The command that brings back what the server was asked about."""

from pathlib import Path
from typing import Annotated

import typer

from dl_assets.commands.app import ROOT, Name, app


@app.command(name="collect")
def collect_(
    name: Name,
    folder: Annotated[Path, typer.Argument(help="where the pictures are written; it may be that of the source")],
    unsure: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="those N without a right answer of which the model was least sure")
    ] = None,
) -> None:
    """Write the pictures that the server was asked about and whose right answers came back, as samples to learn from."""
    from dl_assets.config import load_pipeline
    from dl_assets.operations.collect import ANSWERS, collect_answered, collect_unsure

    config = load_pipeline(name, ROOT)
    if unsure:
        number = collect_unsure(config, ROOT, folder, unsure)
        print(f"{number:,} pictures are in {folder}. Fill in their targets; then: dl feedback {name} {folder / ANSWERS}")
        return
    counts = collect_answered(config, ROOT, folder)
    told = ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in counts.items())
    print(f"Pictures with a right answer: {told}. They are in {folder}.")
