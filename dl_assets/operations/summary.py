"""What a person wants to read after a run, and before the next one."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dl_assets.artifacts import ARTIFACT_OF_STAGE
from dl_assets.artifacts.report import read_json

_TITLES = ("Report", "ONNX", "Certificate")


def print_summary(pipeline: str, stage: str | None, root: Path, as_json: bool) -> None:
    """Print what a run made: the test metrics and the certificate, or the folder of the stage that it was to stop after."""
    if stage not in (None, "export"):
        _print_place(root / "data" / pipeline / ARTIFACT_OF_STAGE[stage], stage, as_json)
        return
    folder = root / "data" / pipeline
    metrics = read_json(folder / "evaluation" / "metrics.json")
    certificate = read_json(folder / "exported" / "certificate.json")
    places = {
        "report": str(folder / "evaluation" / "report.html"),
        "onnx": str(folder / "exported" / "model.onnx"),
        "certificate": str(folder / "exported" / "certificate.json"),
    }
    if as_json:
        print(json.dumps({"kind": "summary", "metrics": metrics, "certificate": certificate, "places": places}))
        return
    console = Console(highlight=False)
    console.print(_metrics_table(pipeline, metrics))
    console.print(
        f"Certificate: ONNX agrees with torch on {certificate['agreement']:.2%} of "
        f"{certificate['num_samples']} test samples, largest difference {certificate['max_difference']:.1e}"
    )
    for title, place in (*zip(_TITLES, places.values(), strict=True), ("UI", "make ui, then open http://127.0.0.1:3000")):
        console.print(f"{title:<12} {place}", soft_wrap=True)


def _print_place(folder: Path, stage: str, as_json: bool) -> None:
    text = f"Stopped after {stage}, as asked; its result is in {folder}"
    print(json.dumps({"kind": "summary", "places": {stage: str(folder)}}) if as_json else text)


def print_status(changes: dict[str, list[str]], as_json: bool) -> None:
    """Print one line a stage: fresh, or what changed."""
    if as_json:
        print(json.dumps(changes, indent=2))
        return
    if not changes:
        print("There is no pipeline yet. Make one: dl new NAME --source PATH")
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
