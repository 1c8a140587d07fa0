"""What Dagster shows of a decision about a champion: the reason, both models' numbers, and each condition of the rule."""

from typing import Any

import dagster as dg

from dl_assets.operations.promotion.show import estimate
from dl_assets.orchestration.metadata import table

BEATS = "beats_champion"


def decision_metadata(decision: dict[str, Any]) -> dict[str, Any]:
    """Return the reason first; numbers by themselves are drawn over time."""
    own, other = decision["challenger"], decision["champion"] or {}
    metric = decision["rule"]["metric"]
    return {
        "reason": decision["reason"],
        "verdict": decision["verdict"],
        metric: _short(own["metrics"][metric]["value"]),
        **({"gain": _short(decision["gain"]["value"])} if "gain" in decision else {}),
        "metrics": _metrics(own["metrics"], other.get("metrics", {})),
        "conditions": _conditions(decision["conditions"]),
        "sha256": own["sha256"],
        **({"sha256_of_champion": other["sha256"]} if other else {}),
        "revision": decision["revision"] or "-",
        **({"notes": "\n".join(decision["notes"])} if decision["notes"] else {}),
    }


def check_fields_of(key: dg.AssetKey, decision: dict[str, Any]) -> dict[str, Any]:
    """The fields of the check `beats_champion`: a warning where the challenger loses, for that is no failure of the run."""
    return {
        "asset_key": key,
        "check_name": BEATS,
        "passed": decision["verdict"] in ("promoted", "unchanged"),
        "severity": dg.AssetCheckSeverity.WARN,
        "metadata": {"reason": decision["reason"], "verdict": decision["verdict"]},
    }


def _metrics(own: dict[str, Any], other: dict[str, Any]) -> dg.TableMetadataValue:
    """Both models' values with their intervals as text: six columns of numbers are wider than the page."""
    records = [
        {"metric": name, "champion": estimate(other.get(name)), "challenger": estimate(entry)} for name, entry in own.items()
    ]
    return table({"metric": "string", "champion": "string", "challenger": "string"}, records)


def _conditions(conditions: list[dict[str, Any]]) -> dg.TableMetadataValue:
    columns = {"name": "string", "passed": "bool", "value": "float", "threshold": "float", "detail": "string"}
    return table(columns, [{**one, "value": _short(one["value"]), "threshold": float(one["threshold"])} for one in conditions])


def _short(value: float) -> float:
    """Dagster shows each digit, so four are kept."""
    return float(f"{value:.4g}")
