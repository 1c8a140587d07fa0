"""Why a model of pictures answers as it does: what it looks at, on which samples it is worse, and what breaks it."""

from pathlib import Path
from typing import Any

import polars as pl

from dl_assets import registry
from dl_assets.config import Pipeline
from dl_assets.evaluation.panel import Panel
from dl_assets.explanations._image import chosen
from dl_assets.explanations._image.asked import Asked
from dl_assets.explanations._image.attacked import under_attack
from dl_assets.explanations._image.corrupted import worse_pictures
from dl_assets.explanations._image.exam import draw_exam
from dl_assets.explanations._image.explained import read_pictures, what_it_looks_at
from dl_assets.explanations._image.kinds import KINDS
from dl_assets.explanations._image.slices import CUT
from dl_assets.explanations._slices.panel import where_it_is_worse
from dl_assets.explanations.slicing import memberships
from dl_assets.inference.network import Network

_MAX_HITS = 12


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
    """Return what the report tells beside the metrics; nothing where the targets are of a kind that cannot be told so.

    `samples` are those of clean with their part, `predictions` the network's for val and test, and `fitted` is what
    preprocessing.json holds. How many samples are looked at depends on the options and on what the network costs; the notes
    say how many.
    """
    if config.task.targets not in KINDS:
        return []
    test = samples.filter(part="test")
    asked = Asked(network, read_pictures(clean, test.head(1))[0])
    panels = [_where_it_is_worse(config, test, clean, predictions, seed)]
    if config.evaluate.explained:
        panels = _what_it_looks_at(config, asked, samples, clean, predictions, fitted, seed) + panels
    if most := config.evaluate.robustness_samples:
        exam = draw_exam(asked, test, clean, config.task.targets, fitted["targets"], most=most, seed=seed)
        panels += [worse_pictures(exam, seed), under_attack(exam)]
    return panels


def _what_it_looks_at(
    config: Pipeline,
    asked: Asked,
    samples: pl.DataFrame,
    clean: Path,
    predictions: pl.DataFrame,
    fitted: dict[str, Any],
    seed: int,
) -> list[Panel]:
    most = config.evaluate.explained
    wrong = chosen.mistakes(config, predictions, fitted["targets"]["classes"], most)
    right = chosen.hits(config, predictions, min(most, _MAX_HITS), seed)
    places = samples.select("id", "shard", "row")
    stored = [frame.join(places, on="id", maintain_order="left") for frame in (wrong, right)]
    if wrong.is_empty() and right.is_empty():  # of several labels, where nothing is there and nothing is said
        return []
    return [what_it_looks_at(asked, KINDS[config.task.targets], fitted, clean, *stored)]


def _where_it_is_worse(config: Pipeline, test: pl.DataFrame, clean: Path, predictions: pl.DataFrame, seed: int) -> Panel:
    """Look at all of test: an answer is wrong where the report counts it among the mistakes."""
    wrong = registry.module("evaluation", config.task.targets).mistakes(predictions)["id"]
    return where_it_is_worse(
        KINDS[config.task.targets].judge,
        memberships(config, samples=test, clean=clean),
        test["id"].is_in(wrong.implode()).cast(pl.Float64).to_numpy(),
        told=f"{len(test):,}",
        named="property",
        cut=CUT,
        resamples=config.evaluate.bootstrap_samples,
        seed=seed,
    )
