"""How good a model that answers with a number is: metrics with intervals, figures, their data, and its largest errors."""

import functools
import math
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from dl_assets.config import Pipeline
from dl_assets.evaluation import numbers_curves, numbers_figures
from dl_assets.evaluation.bootstrap import metrics_of
from dl_assets.evaluation.calibration import Calibration, require_no_threshold
from dl_assets.evaluation.classes import CAPTIONS as OF_CLASSES
from dl_assets.evaluation.conformal import COVERAGE, with_intervals
from dl_assets.evaluation.headline import NO_BREAK_SPACE, Headline, amount, percent
from dl_assets.evaluation.mistakes import Telling
from dl_assets.evaluation.numbers_scores import measure, read_amounts

_WORST = 0.1  # of the answers are called mistakes
_AIM = f"{100 * COVERAGE:.0f}{NO_BREAK_SPACE}%"
_INTERVAL = f"{_AIM} interval"

# What the report shows at its top, best known first.
HEADLINE = {
    "r2": Headline("R²", "share of what differs between targets that it explains; 1 is best, 0 is always saying the mean"),
    "rmse": Headline("RMSE", "root of the mean squared error: large errors count more; in units of the target", is_amount=True),
    "mae": Headline("MAE", "mean of the errors, whichever way they go; in units of the target", is_amount=True),
    "medae": Headline("Median error", "half of the answers are nearer than this; in units of the target", is_amount=True),
    "interval_coverage": Headline(
        "Coverage", f"share of targets between low and high of their answer, which aim at {_AIM}", is_share=True
    ),
    "interval_width": Headline(
        "Interval width", "from low to high of an answer, the mean; in units of the target", is_amount=True
    ),
}
CAPTIONS = {
    "prediction_and_target": "Each test sample by what it is and what the model said. On the line the answer is right; between "
    f"the two lines beside it the target is inside of the answer's {_AIM} interval. These intervals are calibrated "
    "on val, which has chosen the epoch too: a little more of new targets may be outside.",
    "residuals": "How far the targets lie from the answers, by answer. Where the orange line, the median of a tenth of them, "
    "leaves the middle, the model says too little (above) or too much (below).",
    "residual_histogram": "How often the target lies so far from the answer; the outermost bars hold all that lies beyond.",
    "learning_curve": OF_CLASSES["learning_curve"],
}


def calibrate(config: Pipeline, predictions: pl.DataFrame, fitted: dict[str, Any]) -> Calibration:
    """Fit nothing. Raises ConfigError where a threshold is asked for."""
    require_no_threshold(config, "the target is a number")
    return Calibration()


def complete(predictions: pl.DataFrame, fitted: dict[str, Any]) -> pl.DataFrame:
    """Add `low` and `high`, a 90 % interval around each prediction, calibrated on those of part val."""
    return with_intervals(predictions, fitted)


def metrics(predictions: pl.DataFrame, fitted: dict[str, Any], *, bootstrap_samples: int, seed: int) -> dict[str, Any]:
    """Return each metric as {value, low, high}, 95 % by bootstrap.

    A metric that is undefined is left out: R2 where all targets are equal, and those of the intervals where there are none.
    """
    measured = functools.partial(measure, read_amounts(predictions))
    found = metrics_of(measured, [], len(predictions), bootstrap_samples=bootstrap_samples, seed=seed)
    return {name: entry for name, entry in found.items() if name != "classes"}


def figures(predictions: pl.DataFrame, fitted: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures by their file name without ending."""
    amounts, is_log = read_amounts(predictions), fitted["scale"] == "log"
    return {
        "prediction_and_target": numbers_figures.prediction_and_target(amounts, is_log=is_log),
        "residuals": numbers_figures.residuals(amounts, is_log=is_log),
        "residual_histogram": numbers_figures.residual_histogram(amounts, is_log=is_log),
    }


def curves(predictions: pl.DataFrame, fitted: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """Return the data behind the figures by their file name."""
    amounts = read_amounts(predictions)
    return {
        "prediction_and_target.csv": numbers_curves.points(amounts),
        "residual_histogram.csv": numbers_curves.histogram(amounts, is_log=fitted["scale"] == "log"),
    }


def mistakes(predictions: pl.DataFrame) -> pl.DataFrame:
    """Return the tenth of the answers that is furthest from its target, furthest first; ties in the order of their id.

    `error` is how much more the target is than the answer.
    """
    error = pl.Series("error", read_amounts(predictions).residual)
    found = (
        predictions.with_columns(error).filter(pl.col("error") != 0).sort(pl.col("error").abs(), "id", descending=[True, False])
    )
    return found.head(math.ceil(_WORST * len(predictions)))


def _told(mistake: dict[str, Any]) -> dict[str, str]:
    low, high = mistake["low"], mistake["high"]
    return {
        "target": amount(float(mistake["target"])),
        "prediction": amount(mistake["prediction"]),
        "error": f"{'+' if mistake['error'] > 0 else ''}{amount(mistake['error'])}",
        _INTERVAL: "\N{EN DASH}" if low is None else f"{amount(low)} to {amount(high)}",
    }


MISTAKES = Telling(
    title="Its largest errors",
    what="answers in val and test that are furthest from their target, a tenth of all; a wrong target in the data looks just "
    "like this. An error is how much more the target is than the answer",
    none="None: every sample of val and test is answered exactly.",
    cells=_told,
    numbers=("target", "prediction", "error", _INTERVAL),
)


def sentence(found: dict[str, Any], predictions: pl.DataFrame) -> str:
    """Say in plain words what the metrics of these test predictions mean."""
    mean, half = (amount(found[name]["value"]) for name in ("mae", "medae"))
    low, high = map(amount, _ends(predictions))
    start = (
        f"For {len(predictions):,} test samples that the model had never seen, its answer is off by {mean} on average, and by "
        f"no more than {half} for half of them; the targets go from {low} to {high}."
    )
    return " ".join([start, *_explained(found), *_covered(found)])


def _ends(predictions: pl.DataFrame) -> tuple[float, float]:
    targets = read_amounts(predictions).target
    return float(targets.min()), float(targets.max())


def _explained(found: dict[str, Any]) -> list[str]:
    if "r2" not in found:
        return []
    value, low, high = (found["r2"][key] for key in ("value", "low", "high"))
    if value <= 0:
        return [f"That is no better than always saying the mean (R² {value:.3f})."]
    return [
        f"It explains {percent(value)} of what differs between the targets (R² {value:.3f}); for new samples like these expect "
        f"between {low:.3f} and {high:.3f}."
    ]


def _covered(found: dict[str, Any]) -> list[str]:
    if "interval_coverage" not in found:
        return []
    return [f"{percent(found['interval_coverage']['value'])} of the targets are inside of the {_AIM} interval of their answer."]
