"""`dl monitor`: are the latest predictions still like those by which the model that serves was judged?"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets import files, runner
from dl_assets.config import Pipeline
from dl_assets.operations.feedback import read_feedback
from dl_assets.operations.logs.window import answered, latest
from dl_assets.operations.monitoring import MONITOR, REPORT
from dl_assets.operations.monitoring.columns import comparable
from dl_assets.operations.monitoring.difference import Difference, settle
from dl_assets.operations.monitoring.differences import compare
from dl_assets.operations.monitoring.page import write_report
from dl_assets.operations.monitoring.quality import Quality, measure_quality, weigh_quality
from dl_assets.operations.monitoring.series import NUM_CHUNKS, follow
from dl_assets.operations.monitoring.served import Served, find_served

STEADY, DRIFT, TOO_FEW = "steady", "drift", "too_few"
_NAMED = 3


def monitor(config: Pipeline, root: Path) -> dict[str, Any]:
    """Weigh the latest predictions of the model that serves, write data/<pipeline>/reports/monitor/, and return monitor.json.

    Raises ArtifactError where there is no model, ConfigError where it has no reference.
    """
    options, folder = config.monitor, root / "data" / config.name
    served = find_served(config, root)
    rows = latest(folder / "predictions", served.models, max(options.window, NUM_CHUNKS * options.minimum))
    window = rows.tail(options.window)
    labelled = _labelled(folder, served, options.window)
    quality = measure_quality(config, served, labelled) if len(labelled) >= options.minimum else None
    found = _weigh(config, served, window, quality)
    told = _tell(config, served, window, found, quality, len(labelled))
    enough = len(window) >= options.minimum
    series = follow(served, rows if enough else rows[:0], size=options.minimum, psi=options.psi)
    reference, shown = (comparable(frame, served.exported) if enough else frame[:0] for frame in (served.reference, window))
    _publish(root, folder, told, reference, shown, series)
    return told


def _weigh(config: Pipeline, served: Served, window: pl.DataFrame, quality: Quality | None) -> list[Difference]:
    """Return all differences; of too few predictions none but that of quality, which has a minimum of its own."""
    found: list[Difference] = weigh_quality(config, quality) if quality else []
    if len(window) < config.monitor.minimum:
        return found
    reference = comparable(served.reference, served.exported)
    differences = compare(reference, comparable(window, served.exported), psi=config.monitor.psi)
    return [*settle(differences, config.monitor.significance), *found]


def _labelled(folder: Path, served: Served, num_rows: int) -> pl.DataFrame:
    """Return the latest predictions whose targets came back, with their target."""
    feedback = read_feedback(folder / "feedback").select("id", "target")
    if feedback.is_empty():
        return feedback
    rows = answered(folder / "predictions", served.models, feedback["id"])
    return rows.join(feedback, on="id", how="inner", maintain_order="left").tail(num_rows)


def _tell(
    config: Pipeline,
    served: Served,
    window: pl.DataFrame,
    found: Sequence[Difference],
    quality: Quality | None,
    num_labelled: int,
) -> dict[str, Any]:
    verdict, reason = _judge(config, len(window), found)
    times = [time.isoformat(timespec="milliseconds") for time in window["time"].sort()]
    return {
        "pipeline": config.name,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "model": served.models[0],
        "window": {"rows": len(window), "first": times[0] if times else None, "last": times[-1] if times else None},
        "verdict": verdict,
        "reason": reason,
        "retrain": verdict == DRIFT and config.monitor.retrain,
        "tests": [one.told() for one in found],
        "quality": quality,
        "feedback_rows": num_labelled,
    }


def _judge(config: Pipeline, num_rows: int, found: Sequence[Difference]) -> tuple[str, str]:
    """Return the verdict and one sentence that gives the reason, the largest excess first."""
    drifted = sorted((one for one in found if one.drifted), key=lambda one: -one.statistic / one.limit)
    if drifted:
        named = [f"{one.name} ({one.method} {one.statistic:.3g}, limit {one.limit:g})" for one in drifted[:_NAMED]]
        more = f", and {len(drifted) - _NAMED} more" if len(drifted) > _NAMED else ""
        return DRIFT, f"{', '.join(named)}{more} drifted in the latest {num_rows:,} predictions."
    if num_rows < config.monitor.minimum:
        return TOO_FEW, f"{num_rows:,} predictions of the model that serves are logged; {config.monitor.minimum:,} are needed."
    return STEADY, f"nothing of {len(found)} drifted in the latest {num_rows:,} predictions."


def _publish(
    root: Path, folder: Path, told: dict[str, Any], reference: pl.DataFrame, window: pl.DataFrame, series: pl.DataFrame
) -> None:
    """Write the report aside, and let it take the place of the last one."""
    place = root / "data" / ".tmp" / told["pipeline"]
    with runner.writable(folder), runner.locked(place.with_name(f"{place.name}.monitor.lock")):
        new = place / "monitor"
        files.remove(new)
        new.mkdir(parents=True)
        text = json.dumps(told, indent=2, allow_nan=False, ensure_ascii=False)
        (new / REPORT.name).write_text(text + "\n", encoding="utf-8")
        write_report(new, told, reference=reference, window=window, series=series)
        (folder / MONITOR).parent.mkdir(parents=True, exist_ok=True)
        files.swap(new, folder / MONITOR, place / "monitor.aside")
        files.remove(new)
