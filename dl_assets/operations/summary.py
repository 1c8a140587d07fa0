"""What a person wants to read after a run, and before the next one."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dl_assets.artifacts.report import read_json


def print_summary(pipeline: str, root: Path, as_json: bool) -> None:
    """Print the test metrics with their intervals, the certificate, and where the files are."""
    folder = root / "data" / pipeline
    if not (folder / "exported" / "certificate.json").is_file() or not (folder / "evaluation" / "metrics.json").is_file():
        return  # the run was asked to stop at an earlier stage
    metrics = read_json(folder / "evaluation" / "metrics.json")
    certificate = read_json(folder / "exported" / "certificate.json")
    places = {
        "report": folder / "evaluation" / "report.html",
        "onnx": folder / "exported" / "model.onnx",
        "certificate": folder / "exported" / "certificate.json",
    }
    if as_json:
        print(
            json.dumps(
                {
                    "kind": "summary",
                    "metrics": metrics,
                    "certificate": certificate,
                    "places": {name: str(path) for name, path in places.items()},
                }
            )
        )
        return
    console = Console(highlight=False)
    console.print(_metrics_table(pipeline, metrics))
    console.print(
        f"Certificate: ONNX agrees with torch on {certificate['agreement']:.2%} of "
        f"{certificate['num_samples']} test samples, largest difference {certificate['max_difference']:.1e}"
    )
    for name, path in places.items():
        console.print(f"{name.capitalize():<12} {path}", soft_wrap=True)
    console.print("The UI:      make ui   (then open http://127.0.0.1:3000)")


def print_status(changes: dict[str, list[str]], as_json: bool) -> None:
    """Print one line a stage: fresh, or what changed."""
    if as_json:
        print(json.dumps(changes, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("pipeline", "stage", "state"):
        table.add_column(title, overflow="fold")
    for address, changed in changes.items():
        stage, _, pipeline = address.partition("@")
        table.add_row(pipeline, stage, "[yellow]would run[/]: " + "; ".join(changed) if changed else "[green]fresh[/]")
    Console(highlight=False).print(table)


def _metrics_table(pipeline: str, metrics: dict[str, Any]) -> Table:
    support = metrics["support"]["value"]
    table = Table(title=f"{pipeline}: {support:.0f} test samples", title_justify="left", box=None, pad_edge=False)
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for name, entry in metrics.items():
        if name not in ("classes", "support"):
            table.add_row(name, f"{entry['value']:.4f}", f"{entry['low']:.4f} to {entry['high']:.4f}")
    return table
