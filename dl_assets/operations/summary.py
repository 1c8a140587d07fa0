"""What a person wants to read after a run, and before the next one."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dl_assets.artifacts import ARTIFACT_OF_STAGE
from dl_assets.artifacts.report import read_json
from dl_assets.operations.promotion.folder import CERTIFICATE, MODEL


def print_summary(pipeline: str, stage: str | None, root: Path, as_json: bool) -> None:
    """Print the results of the stage that a run was to stop after, or of the whole pipeline."""
    folder = root / "data" / pipeline
    made = [stage] if stage else ["evaluate", "export"]
    metrics = read_json(folder / "evaluation" / "metrics.json") if "evaluate" in made else None
    certificate = read_json(folder / "exported" / CERTIFICATE) if "export" in made else None
    places = {
        **({"report": str(folder / "evaluation" / "report.html")} if metrics else {}),
        **({"onnx": str(folder / "exported" / MODEL)} if certificate else {}),
        **({"certificate": str(folder / "exported" / CERTIFICATE)} if certificate else {}),
    } or {ARTIFACT_OF_STAGE[made[0]]: str(folder / ARTIFACT_OF_STAGE[made[0]])}
    if as_json:
        print(json.dumps({"kind": "summary", "metrics": metrics, "certificate": certificate, "places": places}))
        return
    console = Console(highlight=False, soft_wrap=True)
    if metrics:
        console.print(_metrics_table(pipeline, metrics))
    if certificate:
        console.print(
            f"ONNX agrees with torch on {certificate['agreement']:.2%} of {certificate['num_samples']} test samples; "
            f"the largest difference of an answer is {certificate['max_difference']:.1e}."
        )
    for title, place in {**places, "UI": "make ui, then open http://127.0.0.1:3000"}.items():
        console.print(f"{'ONNX' if title == 'onnx' else title[0].upper() + title[1:]:<12} {place}")


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
