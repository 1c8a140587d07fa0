"""Measure the model on the test part, and show where it is wrong."""

from pathlib import Path
from typing import Any

import polars as pl

from dl_assets import registry
from dl_assets.artifacts import tables
from dl_assets.artifacts.report import Report, read_json, write_json
from dl_assets.config import Pipeline
from dl_assets.errors import DataError
from dl_assets.evaluation.answering import answer
from dl_assets.evaluation.calibration import FILE as CALIBRATION
from dl_assets.evaluation.comparison import FILE as COMPARISON
from dl_assets.evaluation.comparison import compare
from dl_assets.evaluation.gallery import draw
from dl_assets.evaluation.panel import Panel
from dl_assets.evaluation.plots import draw_figures, write_curves, write_figures
from dl_assets.evaluation.report import Findings, render
from dl_assets.inference.network import CARD, PREPROCESSING, Network, load_network


def evaluate(config: Pipeline, *, clean: Path, parts: Path, model: Path, out: Path) -> Report:
    """Predict val and test, calibrate on val, measure test alone; write metrics, predictions, errors, plots and the report."""
    evaluation = registry.module("evaluation", config.task.targets)
    samples, preprocessing, network = tables.read_parted(clean, parts), read_json(model / PREPROCESSING), load_network(model)
    asked = samples.filter(pl.col("part") != "train")
    _require_test(config, asked)
    answered = answer(config, network, asked, clean=clean, fitted=preprocessing["targets"])
    predictions, fitted, calibration = answered.predictions, answered.fitted, answered.calibration
    test = predictions.filter(part="test")
    metrics = evaluation.metrics(test, fitted, bootstrap_samples=config.evaluate.bootstrap_samples, seed=config.evaluate.seed)
    errors = evaluation.mistakes(predictions).join(samples.select("id", "origin"), on="id", maintain_order="left")
    figures = draw_figures(evaluation, test, fitted, model)
    panels = [*calibration.panels, *evaluation.panels(predictions, fitted)]
    panels += _explain(config, network, samples, clean, predictions, {**preprocessing, "targets": fitted})
    first, galleries = errors.head(config.evaluate.gallery), evaluation.galleries(errors, predictions)

    write_json(out / "metrics.json", metrics)
    write_json(out / CALIBRATION, calibration.fitted)
    tables.write_table(tables.PREDICTIONS, out, predictions)
    tables.write_table(tables.ERRORS, out, errors.select(pl.exclude("^probability_.*$")))
    curves = evaluation.curves(test, fitted)
    write_curves(curves | calibration.curves, out)
    compare(curves, evaluation.COMPARED).write_csv(out / COMPARISON)
    write_figures(figures | {name: png for panel in panels for name, png in panel.figures.items()}, out)
    findings = Findings(
        pipeline=config.name,
        task=config.task_name,
        sentence=evaluation.sentence(metrics, test),
        headline=evaluation.HEADLINE,
        further=evaluation.FURTHER,
        metrics=metrics,
        samples=samples.select("part", strata=registry.module("targets", config.task.targets).strata(samples["target"])),
        rejected=tables.read_table(tables.REJECTED, clean),
        figures=figures,
        captions=evaluation.CAPTIONS,
        panels=panels,
        mistakes=first,
        num_mistakes=len(errors),
        galleries=galleries if config.evaluate.gallery else [],
        telling=evaluation.MISTAKES,
        pictures=draw(config, [first, *(gallery.mistakes for gallery in galleries)], samples, clean),
        card=_card(read_json(model / CARD), fitted),
    )
    (out / "report.html").write_text(render(findings), encoding="utf-8")
    return Report(
        counts={"val": len(predictions) - len(test), "test": len(test), "errors": len(errors)},
        numbers={name: metrics[name]["value"] for name in evaluation.HEADLINE if name in metrics},
    )


def _require_test(config: Pipeline, samples: pl.DataFrame) -> None:
    if samples.filter(part="test").is_empty():
        raise DataError(
            f"{config.path}: the test part is empty, so there is nothing to measure the model on. "
            "Add samples to the source, or raise `split: {test: ...}`."
        )


def _explain(
    config: Pipeline, network: Network, samples: pl.DataFrame, clean: Path, predictions: pl.DataFrame, fitted: dict[str, Any]
) -> list[Panel]:
    """Return what there is to say about what the answers rest on, for kinds of input that have something to say."""
    if config.task.inputs not in registry.names("explanations"):
        return []
    panels: list[Panel] = registry.module("explanations", config.task.inputs).explain(
        config,
        network=network,
        samples=samples,
        clean=clean,
        predictions=predictions,
        fitted=fitted,
        seed=config.evaluate.seed,
    )
    return panels


def _card(card: dict[str, Any], fitted: dict[str, Any]) -> dict[str, Any]:
    """Return the card with what was fitted on the targets in a place of its own."""
    return {name: value for name, value in card.items() if name not in fitted} | {"target": fitted}
