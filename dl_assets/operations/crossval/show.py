"""What a person, or a program, wants to know after a cross-validation."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dl_assets.artifacts.report import read_json
from dl_assets.artifacts.tables import PREDICTIONS
from dl_assets.operations.crossval.places import NAME, PAGE, RESULT
from dl_assets.runner import DATA


def print_result(pipeline: str, root: Path, *, as_json: bool) -> None:
    """Print the metrics of the cross-validation in data/<pipeline>/crossval/, and where to read on."""
    folder = root / DATA / pipeline / NAME
    result = read_json(folder / RESULT)
    places = {"page": str(folder / PAGE), "predictions": str(folder / PREDICTIONS.file), "numbers": str(folder / RESULT)}
    if as_json:
        print(json.dumps({"kind": "summary", "metrics": result["metrics"], "places": places}))
        return
    title = f"{pipeline}: {result['folds']} folds, {result['counts']['samples']} samples of train and val"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("metric")
    for column in ("mean", "spread", "95 % interval of the mean"):
        table.add_column(column, justify="right")
    for name, found in result["metrics"].items():
        if name != "classes":
            interval = (f"{found['spread']:.4f}", f"{found['low']:.4f} to {found['high']:.4f}") if "low" in found else ("", "")
            table.add_row(name, f"{found['mean']:.4f}", *interval)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    for what, place in places.items():
        console.print(f"{what[0].upper() + what[1:]:<12} {place}")
