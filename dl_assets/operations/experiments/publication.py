"""What experiments leave in data/<pipeline>/experiment/: numbers, figures and a page."""

from dataclasses import dataclass
from pathlib import Path

from dl_assets import files
from dl_assets.artifacts.report import read_json, write_json
from dl_assets.operations.experiments.figures import figures
from dl_assets.operations.experiments.findings import Findings
from dl_assets.operations.experiments.page import render
from dl_assets.runner import DATA
from dl_assets.search_space import Values

NAME = "experiment"
RESULT, PAGE = "experiment.json", "experiment.html"


@dataclass(frozen=True)
class Failed:
    """An experiment that did not come to its end."""

    name: str
    values: Values
    reason: str


def folder_of(pipeline: str, root: Path) -> Path:
    return root / DATA / pipeline / NAME


def publish(findings: Findings, root: Path) -> None:
    """Write everything anew, whole: another command may do so at the same time."""
    folder = folder_of(findings.pipeline, root)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = figures(findings)
    for path in folder.glob("*.png"):
        if path.stem not in drawn:
            path.unlink(missing_ok=True)
    for name, png in drawn.items():
        files.replace_bytes(folder / f"{name}.png", png)
    files.replace_text(folder / PAGE, render(findings, drawn))
    write_json(folder / RESULT, findings.as_json())


def failures(pipeline: str, root: Path) -> list[Failed]:
    """Return the experiments of the last command that did not come to their end: neither Git nor DVC knows of them."""
    path = folder_of(pipeline, root) / RESULT
    if not path.is_file():
        return []
    found = [entry for entry in read_json(path)["experiments"] if entry["reason"] is not None]
    return [Failed(entry["name"], entry["changes"], entry["reason"]) for entry in found]
