"""Why a model of tables answers as it does: beside other models, column by column, and where it is worse."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets.config import Pipeline
from dl_assets.evaluation.panel import Panel
from dl_assets.explanations._slices.panel import where_it_is_worse
from dl_assets.explanations._table.asked import Asked
from dl_assets.explanations._table.classes import Classes
from dl_assets.explanations._table.importance import importance
from dl_assets.explanations._table.judge import Judge
from dl_assets.explanations._table.numbers import Numbers
from dl_assets.explanations._table.part import most_samples, read_columns, read_part
from dl_assets.explanations._table.rivals import beside_other_models
from dl_assets.explanations._table.slices import CUT, by_columns
from dl_assets.inference.network import Network

_TRAIN_SAMPLES, _TEST_SAMPLES = 100_000, 20_000
_LIKELIEST = " Here an answer is the likeliest class, whatever threshold was chosen on val: other models have none."
_JUDGES: dict[str, type[Judge]] = {"classes": Classes, "numbers": Numbers}


def explain(
    config: Pipeline,
    *,
    network: Network,
    samples: pl.DataFrame,
    clean: Path,
    predictions: pl.DataFrame,
    fitted: dict[str, Any],
    seed: int,
) -> list[Panel]:
    """Return what the report tells beside the metrics, of the test part and of the train part that the model knows.

    `samples` are those of clean with their part, `predictions` the network's for val and test, and `fitted` is what
    preprocessing.json holds. Of large parts only some samples are looked at, drawn by the seed; the notes say how many.
    """
    judge = _JUDGES[config.task.targets](fitted["targets"])
    columns = read_columns(clean, fitted["inputs"])
    width = len(columns) * max(1, judge.num_outputs - 1)  # two classes need but one tree a round
    train = read_part(clean, samples.filter(part="train"), most_samples(_TRAIN_SAMPLES, width), seed)
    test = read_part(clean, samples.filter(part="test"), most_samples(_TEST_SAMPLES, width), seed)
    answers = judge.answers(test.ids.join(predictions, on="id", how="left", maintain_order="left"))
    errors = judge.errors(judge.truth(test.targets), answers)
    asked = Asked(network.eval(), fitted["inputs"])
    resamples = config.evaluate.bootstrap_samples
    panels = [
        beside_other_models(judge, columns, train, test, answers, resamples=resamples, seed=seed),
        importance(judge, columns, asked, train, test, resamples=resamples, seed=seed),
        where_it_is_worse(
            judge,
            list(by_columns(columns, test.raw)),
            errors,
            told=test.told(),
            named="column",
            cut=CUT,
            resamples=resamples,
            seed=seed,
        ),
    ]
    told = _LIKELIEST if config.evaluate.threshold != "none" else ""
    return [replace(panel, note=panel.note + told) for panel in panels]
