"""What is fitted to the answers of a classifier on val: a temperature, and of two classes a threshold."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.evaluation.calibration import Calibration, require_no_threshold
from dl_assets.evaluation.classes_scores import Answers, calibration_error, log_loss, read_answers
from dl_assets.evaluation.headline import percent
from dl_assets.evaluation.panel import Panel
from dl_assets.evaluation.temperature import fit_temperature, tempered
from dl_assets.evaluation.threshold import Thresholds, thresholds
from dl_assets.evaluation.threshold_figure import threshold_curves
from dl_assets.pages import style
from dl_assets.problems import choose

_RULES = {"f1": "F1 is highest", "youden": "recall less false positive rate is highest", "cost": "mistakes cost least"}


def calibrate(config: Pipeline, predictions: pl.DataFrame, fitted: dict[str, Any]) -> Calibration:
    """Fit on val what the YAML asks for; `predictions` are those of val and test as the network gives them."""
    classes: list[str] = fitted["classes"]
    positive = _positive(config, classes)
    parts = {part: read_answers(predictions.filter(part=part), classes) for part in ("val", "test")}
    found: dict[str, Any] = {}
    panels, curves = [], {}
    if config.evaluate.calibrate == "temperature":
        temperature = fit_temperature(parts["val"].probabilities, parts["val"].target)
        after = parts
        if isinstance(temperature, float):
            found["temperature"] = temperature
            after = {part: _tempered(answers, temperature) for part, answers in parts.items()}
        panels.append(_confidence(temperature, parts, after))
        parts = after
    if positive is not None:
        measured = _thresholds(config, parts["val"], positive)
        chosen = measured.best(config.evaluate.threshold, config.evaluate.cost)
        found |= {"threshold": float(measured.values[chosen]), "positive": positive}
        panels.append(_choice(config, measured, chosen, positive))
        curves["threshold.csv"] = measured.table(config.evaluate.cost)
    return Calibration(found, panels, curves)


def _positive(config: Pipeline, classes: list[str]) -> str | None:
    """Return the class that a threshold is for; None where none is asked for."""
    if len(classes) > 2:
        require_no_threshold(config, f"there are {len(classes)} classes")
    positive = config.evaluate.positive
    if positive is not None and positive not in classes:
        raise ConfigError(f"{config.path}: evaluate.positive is '{positive}'{choose(positive, classes)}")
    return None if config.evaluate.threshold == "none" else positive or classes[1]


def _tempered(answers: Answers, temperature: float) -> Answers:
    return replace(answers, probabilities=tempered(answers.probabilities, temperature))


def _thresholds(config: Pipeline, val: Answers, positive: str) -> Thresholds:
    index = val.classes.index(positive)
    inside = val.inside(index)
    if not 0 < inside.sum() < len(inside):
        raise DataError(
            f"{config.path}: evaluate.threshold is '{config.evaluate.threshold}', but val has {inside.sum()} samples of "
            f"'{positive}' among {len(inside)}, so no threshold can be chosen. Raise `split: {{val: ...}}`, or leave it away."
        )
    return thresholds(val.probabilities[:, index], inside)


def _confidence(temperature: float | str, before: dict[str, Answers], after: dict[str, Answers]) -> Panel:
    """Tell what the temperature does to confidence on both parts; it changes no prediction."""
    if isinstance(temperature, str):
        return Panel(title="Confidence as it is", note=temperature)
    towards = "less" if temperature > 1 else "more"
    rows = [
        [name, *(cell for part in ("val", "test") for cell in _told(answers[part]))]
        for name, answers in (("before", before), ("after", after))
    ]
    return Panel(
        title="Confidence made honest",
        note=f"A temperature of {temperature:.4g}, fitted on val, makes every answer {towards} sure and changes no prediction. "
        "All numbers of this report, and the exported model, are with it.",
        columns=["", "log loss, val", "calibration error, val", "log loss, test", "calibration error, test"],
        rows=rows,
    )


def _told(answers: Answers) -> tuple[str, str]:
    once = np.ones((1, len(answers.target)))
    return f"{log_loss(answers, once)[0]:.3f}", percent(calibration_error(answers, once)[0])


def _choice(config: Pipeline, measured: Thresholds, chosen: int, positive: str) -> Panel:
    """Tell which threshold was chosen, beside a half, and draw what each one would do."""
    cost = config.evaluate.cost
    costs, columns = measured.cost(cost), {"precision": measured.precision, "recall": measured.recall, "F1": measured.f1}
    rows = [
        [name, f"{value:.3f}", *(percent(values[index]) for values in columns.values()), f"{costs[index]:.3f}"]
        for name, value, index in (("chosen", measured.values[chosen], chosen), ("a half", 0.5, measured.at(0.5)))
    ]
    return Panel(
        title=f"From when on it says “{positive}”",
        note=f"At a probability of {measured.values[chosen]:.3f} or more, where on val {_RULES[config.evaluate.threshold]}. "
        f"All numbers are of val. A false positive costs {cost.false_positive:g}, a miss {cost.false_negative:g}; the cost "
        "is the mean of all samples.",
        figures={"threshold": style.png(threshold_curves(measured, chosen, positive, cost))},
        columns=["", "threshold", *columns, "cost"],
        rows=rows,
    )
