"""The panel that holds the network against boosted trees and a linear model."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from dl_assets.evaluation.bootstrap import Floats, intervals
from dl_assets.evaluation.panel import Panel
from dl_assets.explanations._slices.metric import Metric
from dl_assets.explanations._table.judge import Judge, rounds
from dl_assets.explanations._table.part import Columns, Part
from dl_assets.explanations._table.plain import Plain

BEST = "★"
NETWORK, TREES, LINEAR = "this network", "boosted trees", "linear model"


def beside_other_models(
    judge: Judge, columns: Columns, train: Part, test: Part, answers: Floats, *, resamples: int, seed: int
) -> Panel:
    """Fit scikit-learn's models on the train part as they come, and measure them on the test part beside the network.

    All of them are measured on the same resamples, so that a difference has an interval of its own.
    """
    truth = judge.truth(test.targets)
    by_model = {NETWORK: answers, **_rivals(judge, columns, train, test, seed)}
    decisive = next(iter(judge.metrics))

    def measure(weights: Floats) -> dict[str, Floats]:
        found = [judge.measure(truth, given, weights) for given in by_model.values()]
        values = {name: np.stack([of_model[name] for of_model in found], axis=1) for name in judge.metrics}  # [B, models]
        return {**values, "lead": values[decisive][:, :1] - values[decisive]}

    found = intervals(measure, len(truth), bootstrap_samples=resamples, seed=seed)
    verdict = _verdict(judge.metrics[decisive], list(by_model), found[decisive][0], found["lead"])
    return Panel(
        title="Beside other models",
        note=f"{verdict} {_told(judge, train, test)}",
        figures={},
        columns=["model", *(metric.title for metric in judge.metrics.values())],
        rows=[
            [model, *(_cell(metric, found[name], place) for name, metric in judge.metrics.items())]
            for place, model in enumerate(by_model)
        ],
    )


def _rivals(judge: Judge, columns: Columns, train: Part, test: Part, seed: int) -> dict[str, Floats]:
    """Return the answers of each other model for the test samples."""
    plain = Plain(columns, train.raw)
    known, asked, truth = plain(train.raw), plain(test.raw), judge.truth(train.targets)
    models = {
        TREES: judge.trees(plain.is_category, seed),
        LINEAR: make_pipeline(_encoding(plain.is_category), judge.linear()),
    }
    return {name: judge.ask(_fit(model, known, truth), asked) for name, model in models.items()}


def _fit(model: Any, table: Floats, truth: NDArray[Any]) -> Any:
    if truth.dtype == np.int64 and len(np.unique(truth)) == 1:  # of a very rare class no sample may have been drawn
        model = DummyClassifier()
    with warnings.catch_warnings():
        # A linear model that has not quite converged is still one to compare with.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(table, truth)


def _encoding(is_category: list[bool]) -> ColumnTransformer:
    number = make_pipeline(SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler())
    mask = np.array(is_category)
    return ColumnTransformer(
        [
            ("numbers", number, np.flatnonzero(~mask)),
            ("categories", OneHotEncoder(handle_unknown="ignore"), np.flatnonzero(mask)),
        ]
    )


def _cell(metric: Metric, found: Floats, place: int) -> str:
    """Show value, low and high [3, models] of one model, with a star where none is better."""
    values = found[0] if metric.is_higher_better else -found[0]
    is_best = values[place] == np.nanmax(np.append(values, -np.inf))
    return f"{metric.cell(*found[:, place])}{f' {BEST}' if is_best else ''}"


def _verdict(metric: Metric, models: list[str], values: Floats, leads: Floats) -> str:
    """Say which model is best by the metric [models], and whether that may be chance by the network's leads [3, models]."""
    if np.isnan(values).any():
        return f"The test part is too small or too uniform to measure the {metric.label}."
    rival = 1 + int((values[1:] if metric.is_higher_better else -values[1:]).argmax())
    lead, low, high = leads[:, rival]
    if lead == 0:
        return f"The network and the {models[rival]} are level: {metric.label} {metric.show(values[0])}."
    winner, other = (0, rival) if (lead > 0) == metric.is_higher_better else (rival, 0)
    names = ["network", *models[1:]]
    said = (
        f"Won by the {names[winner]}: {metric.label} {metric.show(values[winner])}, "
        f"the {names[other]} {metric.show(values[other])}."
    )
    return f"{said} {'On a test part of this size that may be chance.' if low <= 0 <= high else 'That is more than chance.'}"


def _told(judge: Judge, train: Part, test: Part) -> str:
    cut = rounds(judge.num_outputs)
    fewer = f" The trees are boosted in {cut} rounds only, because there are so many classes." if cut < rounds(1) else ""
    return (
        "The others are scikit-learn's HistGradientBoosting, and its logistic or ridge regression on standardised numbers and "
        "one-hot words. No option of them is tuned, they learn the target on the same scale as the network, and not from val. "
        f"They are fitted on {train.told()} samples of train, and all are measured on {test.told()} samples of test, with 95 % "
        f"intervals by bootstrap. {BEST} marks the best of a column.{fewer}"
    )
