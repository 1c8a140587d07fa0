"""What Dagster shows of a look for drift: the verdict with its reason, each test with its limit, quality, and pictures."""

from pathlib import Path
from typing import Any

import dagster as dg

from dl_assets.orchestration.metadata import pictures, table

STEADY = "steady"


def report_metadata(report: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the reason first; numbers by themselves are drawn over time."""
    tests, window = report["tests"], report["window"]
    return {
        "reason": report["reason"],
        "verdict": report["verdict"],
        "predictions": window["rows"],
        "feedback": report["feedback_rows"],
        "drifted": sum(test["drifted"] for test in tests),
        "tests": _tests(tests),
        **({"quality": _quality(report["quality"])} if report["quality"] else {}),
        **{path.stem: dg.MetadataValue.path(path) for path in sorted(folder.glob("*.html"))},
        **pictures(folder),
        "window": f"{window['first'] or '-'} to {window['last'] or '-'}",
        "sha256": report["model"],
        "retrain": report["retrain"],
    }


def check_fields_of(key: dg.AssetKey, report: dict[str, Any]) -> dict[str, Any]:
    """The fields of the check `steady`: of too few predictions nothing is said, so nothing is wrong."""
    return {
        "asset_key": key,
        "check_name": STEADY,
        "passed": report["verdict"] != "drift",
        "severity": dg.AssetCheckSeverity.WARN,
        "metadata": {"reason": report["reason"], "verdict": report["verdict"]},
    }


def _tests(tests: list[dict[str, Any]]) -> dg.TableMetadataValue:
    """Those that drifted first; numbers as text, because not every test has a p-value."""
    words, numbers = ("name", "about", "method"), ("statistic", "limit", "adjusted")
    records = [
        {
            **{name: test[name] for name in words},
            **{name: _short(test[name]) for name in numbers},
            "drifted": test["drifted"],
        }
        for test in sorted(tests, key=lambda test: not test["drifted"])
    ]
    return table({**dict.fromkeys((*words, *numbers), "string"), "drifted": "bool"}, records)


def _quality(quality: dict[str, dict[str, Any]]) -> dg.TableMetadataValue:
    columns = ("value", "low", "high", "reference")
    records = [{"metric": name, **{column: _short(entry[column]) for column in columns}} for name, entry in quality.items()]
    return table({"metric": "string", **dict.fromkeys(columns, "string")}, records)


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
