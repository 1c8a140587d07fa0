"""The command that takes the right answers to predictions."""

from pathlib import Path
from typing import Annotated

import typer

from dl_assets.commands.app import ROOT, AsJson, Name, app


@app.command(name="feedback")
def feedback_(
    name: Name,
    file: Annotated[Path, typer.Argument(help="a table (CSV, TSV, JSON lines, Parquet) with the columns id and target")],
    as_json: AsJson = False,
) -> None:
    """Tell what predictions should have been, so that `dl monitor` sees the quality of the model that serves."""
    import json

    from dl_assets.config import load_pipeline
    from dl_assets.operations.feedback import print_feedback, take_feedback

    told = take_feedback(load_pipeline(name, ROOT), ROOT, file)
    print(json.dumps(told, indent=2, ensure_ascii=False)) if as_json else print_feedback(told)
