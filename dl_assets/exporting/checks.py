"""What must hold of an exported model before it may leave."""

from typing import Any

from dl_assets.artifacts.report import Check
from dl_assets.config import Pipeline
from dl_assets.exporting.parity import Comparison

_NAMED = 3


def parity_checks(config: Pipeline, comparisons: list[Comparison], worst: list[dict[str, Any]]) -> list[Check]:
    """Compare what was found with what the YAML allows; `worst` are the samples to name where it is too much."""
    difference = max(one.max_difference for one in comparisons)
    agreement = min(one.agreement for one in comparisons)
    most, least = config.export.max_difference, config.export.min_agreement
    detail, named = "ONNX Runtime against torch on the test part.", _named(worst)
    return [
        Check(
            "max_difference",
            difference <= most,
            difference,
            most,
            detail=f"{detail} At most this difference of an answer is allowed.{named if difference > most else ''}",
        ),
        Check(
            "agreement",
            agreement >= least,
            agreement,
            least,
            detail=f"{detail} At least this share of equal predictions is needed.{named if agreement < least else ''}",
        ),
    ]


def is_failed(config: Pipeline, comparison: Comparison) -> bool:
    return comparison.max_difference > config.export.max_difference or comparison.agreement < config.export.min_agreement


def _named(worst: list[dict[str, Any]]) -> str:
    told = "; ".join(
        f"{one['id']} (expected {one['expected']['prediction']}, found {one['found']['prediction']}, "
        f"{one['difference']:.3g} apart)"
        for one in worst[:_NAMED]
    )
    return f" The worst samples: {told}." if worst else ""
