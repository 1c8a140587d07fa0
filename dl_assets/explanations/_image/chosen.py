"""Which pictures are explained: the most confident mistakes, and some that are answered right."""

import polars as pl

from dl_assets import registry
from dl_assets.config import Pipeline
from dl_assets.explanations._image.kinds import KINDS, tell

# What is chosen, one row each: the sample, the class whose output is explained, what is told of the answer, and beside it.
CHOSEN = {"id": pl.String, "name": pl.String, "told": pl.String, "aside": pl.String}


def mistakes(config: Pipeline, predictions: pl.DataFrame, classes: list[str], most: int) -> pl.DataFrame:
    """Choose the first mistakes that the report shows, of val and test."""
    kind = KINDS[config.task.targets]
    wrong = registry.module("evaluation", config.task.targets).mistakes(predictions).head(most)
    names = [kind.mistaken(row, classes) for row in wrong.iter_rows(named=True)]
    told = [kind.tell(row, name) for row, name in zip(wrong.iter_rows(named=True), names, strict=True)]
    columns = {"id": wrong["id"], "name": names, "told": [one for one, _ in told], "aside": [one for _, one in told]}
    return pl.DataFrame(columns, schema=CHOSEN)


def hits(config: Pipeline, predictions: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """Choose of the right answers for test as many of each class, drawn by the seed, and sort them by it."""
    targets, evaluation = (registry.module(folder, config.task.targets) for folder in ("targets", "evaluation"))
    test = predictions.filter(part="test").sample(fraction=1, shuffle=True, seed=seed)
    right = test.join(evaluation.mistakes(test), on="id", how="anti", maintain_order="left")
    named = right.with_columns(name=targets.strata(right["target"])).explode("name").drop_nulls("name")
    turn = pl.int_range(pl.len()).over("name")
    drawn = named.with_columns(turn=turn).sort("turn", maintain_order=True).unique("id", keep="first", maintain_order=True)
    shown = drawn.head(most).sort("name", maintain_order=True)
    told = [tell(row, row["name"]) for row in shown.iter_rows(named=True)]
    return pl.DataFrame({"id": shown["id"], "name": shown["name"], "told": told, "aside": [""] * len(told)}, schema=CHOSEN)
