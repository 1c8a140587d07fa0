"""What a person reads of a decision, and of all promotions of a pipeline."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dl_assets.artifacts.report import read_json
from dl_assets.config import load_pipeline
from dl_assets.operations.promotion import history
from dl_assets.operations.promotion.folder import MODEL, REPORT, sha256_of

_MARKS = {True: "passed", False: "failed"}
_HASH = 12  # digits that are shown of a hash


def print_decision(decision: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    """Print both models' numbers, each condition, and the verdict."""
    if as_json:
        print(json.dumps({**decision, "dry_run": dry_run}, indent=2, ensure_ascii=False))
        return
    console = _console()
    console.print(_metrics(decision))
    if decision["conditions"]:
        console.print()
        console.print(_conditions(decision["conditions"]))
    console.print()
    for note in decision["notes"]:
        console.print(f"NOTE: {note}")
    console.print(f"{decision['verdict'].upper()}: {decision['reason']}")
    if dry_run:
        console.print("Nothing was changed: it was a dry run.")
    elif decision["promoted"]:
        name = decision["pipeline"]
        console.print(f"To keep it: git add data/{name}; git commit. The one before comes back by: dl rollback {name}")


def _metrics(decision: dict[str, Any]) -> Table:
    own, other = decision["challenger"], decision["champion"] or {}
    table = Table(
        title=f"{decision['pipeline']}: {decision['test_set']['samples']:,} test samples",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("metric")
    for title in ("champion", "challenger"):
        table.add_column(title, justify="right")
    for name, entry in own["metrics"].items():
        if name != "support":
            mark = " *" if name == decision["rule"]["metric"] else ""
            table.add_row(name + mark, estimate(other.get("metrics", {}).get(name)), estimate(entry))
    table.add_row("ms for one sample", _number(other.get("latency_ms")), _number(own["latency_ms"]))
    table.add_row("sha256", other.get("sha256", "-")[:_HASH], own["sha256"][:_HASH])
    return table


def _conditions(conditions: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("condition", "", "what was found"):
        table.add_column(title, overflow="fold")
    for one in conditions:
        table.add_row(one["name"], _MARKS[one["passed"]], one["detail"])
    return table


def print_promotions(name: str, folder: Path, *, as_json: bool) -> None:
    """Print every promotion and rollback of a pipeline, the one whose model serves marked."""
    entries = history.read(folder)
    now = history.current(entries, history.current_md5(folder))
    if as_json:
        listed = [{**entry, "current": entry is now} for entry in entries]
        print(json.dumps({"pipeline": name, "promotions": listed}, indent=2, ensure_ascii=False))
        return
    console = _console()
    if not entries:
        console.print(f"'{name}' has no champion yet. Make one: dl promote {name}")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("", "what", "when (UTC)", "metric", "revision", "model"):
        table.add_column(title, overflow="fold")
    for entry in entries:
        number = f"{'*' if entry is now else ' '} {entry['number']}"
        table.add_row(
            number,
            _what(entry),
            entry["time"][:16].replace("T", " "),
            _metric(entry),
            entry["revision"] or "-",
            entry["sha256"][:_HASH],
        )
    console.print(table)
    console.print(f"\n* is the champion. Another one: dl rollback {name} --to NUMBER. All numbers: dl models {name} --json")


def print_hint(name: str, root: Path, *, as_json: bool) -> None:
    """Say after a run what has become of its model, where the pipeline file has a rule for promotions."""
    if "promote" not in load_pipeline(name, root).document:
        return
    standing = _standing(name, root / "data" / name)
    print(json.dumps({"kind": "champion", "message": standing}) if as_json else f"{'Champion':<12} {standing}")


def _standing(name: str, folder: Path) -> str:
    own, champion, report = sha256_of(folder / "exported" / MODEL), folder / "champion" / MODEL, folder / REPORT
    if champion.is_file() and sha256_of(champion) == own:
        return "this model"
    decision = read_json(report) if report.is_file() else None
    if decision and decision["challenger"]["sha256"] == own and not decision["promoted"]:
        return f"not this model. {decision['reason']}"
    return f"a challenger waits: dl promote {name}"


def _what(entry: history.Entry) -> str:
    return f"back to {entry['to']}" if entry["action"] == history.ROLLBACK else str(entry["verdict"])


def _metric(entry: history.Entry) -> str:
    return f"{entry['metric']} {estimate(entry['metrics'][entry['metric']])}" if "metrics" in entry else ""


def estimate(entry: dict[str, float] | None) -> str:
    """Tell a metric with its interval.

    >>> estimate({"value": 0.95, "low": 0.9184, "high": 0.98}), estimate(None)
    ('0.95 (0.9184 to 0.98)', '-')
    """
    return "-" if entry is None else f"{entry['value']:.4g} ({entry['low']:.4g} to {entry['high']:.4g})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _console() -> Console:
    return Console(highlight=False, markup=False, soft_wrap=False)
