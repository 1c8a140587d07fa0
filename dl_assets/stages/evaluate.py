"""Measure the model on the test part, and show where it is wrong."""

from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from dl_assets import registry
from dl_assets.artifacts import tables
from dl_assets.artifacts.report import Report, read_json, write_json
from dl_assets.artifacts.shards import open_arrays
from dl_assets.config import Pipeline
from dl_assets.errors import DataError
from dl_assets.evaluation.answering import answer
from dl_assets.evaluation.calibration import FILE
from dl_assets.evaluation.gallery import pictures
from dl_assets.evaluation.panel import Panel
from dl_assets.evaluation.report import Findings, render
from dl_assets.inference.network import CARD, PREPROCESSING, Network, load_network
from dl_assets.pages import style

PLOTS, CURVES = "plots", "curves"  # apart, because `dvc plots` would draw each CSV beside a PNG, whatever its columns
LEARNING_CURVE = "learning_curve"


def evaluate(config: Pipeline, *, clean: Path, parts: Path, model: Path, out: Path) -> Report:
    """Predict val and test, measure test alone, and write metrics, predictions, errors, plots and the report."""
    evaluation = registry.module("evaluation", config.task.targets)
    samples, preprocessing, network = tables.read_parted(clean, parts), read_json(model / PREPROCESSING), load_network(model)
    asked = samples.filter(pl.col("part") != "train")
    _require_test(config, asked)
    answered = answer(config, network, asked, clean=clean, fitted=preprocessing["targets"])
    predictions, fitted = answered.predictions, answered.fitted
    test = predictions.filter(part="test")
    metrics = evaluation.metrics(test, fitted, bootstrap_samples=config.evaluate.bootstrap_samples, seed=config.evaluate.seed)
    errors = evaluation.mistakes(predictions).join(samples.select("id", "origin"), on="id", maintain_order="left")

    write_json(out / "metrics.json", metrics)
    write_json(out / FILE, answered.calibration.fitted)
    tables.write_table(tables.PREDICTIONS, out, predictions)
    tables.write_table(tables.ERRORS, out, errors.select(pl.exclude("^probability_.*$")))
    figures = _write_plots(evaluation, test, fitted, model, out)
    _write_curves(answered.calibration.curves, out)
    panels = answered.calibration.panels + _explain(config, network, samples, clean, predictions, preprocessing)
    _write_figures({name: png for panel in panels for name, png in panel.figures.items()}, out)
    findings = Findings(
        pipeline=config.name,
        task=config.task_name,
        sentence=evaluation.sentence(metrics, test),
        headline=evaluation.HEADLINE,
        metrics=metrics,
        samples=samples.select("part", strata=registry.module("targets", config.task.targets).strata(samples["target"])),
        rejected=tables.read_table(tables.REJECTED, clean),
        figures=figures,
        captions=evaluation.CAPTIONS,
        panels=panels,
        mistakes=errors,
        telling=evaluation.MISTAKES,
        pictures=_gallery(config, errors, samples, clean),
        gallery=config.evaluate.gallery,
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


def _write_plots(
    evaluation: ModuleType, test: pl.DataFrame, fitted: dict[str, Any], model: Path, out: Path
) -> dict[str, bytes]:
    """Write figures and the data of their curves; return name -> PNG."""
    (out / PLOTS).mkdir()
    (out / CURVES).mkdir()
    _write_curves(evaluation.curves(test, fitted), out)
    figures = {name: style.png(figure) for name, figure in evaluation.figures(test, fitted).items()}
    figures[LEARNING_CURVE] = (model / f"{LEARNING_CURVE}.png").read_bytes()
    _write_figures(figures, out)
    return figures


def _write_curves(curves: dict[str, pl.DataFrame], out: Path) -> None:
    for file, curve in curves.items():
        curve.write_csv(out / CURVES / file)


def _write_figures(figures: dict[str, bytes], out: Path) -> None:
    for name, png in figures.items():
        (out / PLOTS / f"{name}.png").write_bytes(png)


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


def _gallery(config: Pipeline, errors: pl.DataFrame, samples: pl.DataFrame, clean: Path) -> dict[str, bytes]:
    """Return pictures of the mistakes to show; nothing where this kind of input cannot be drawn."""
    inputs = registry.module("inputs", config.task.inputs)
    if not hasattr(inputs, "sheet"):
        return {}
    shown = errors.head(config.evaluate.gallery).select("id").join(samples, on="id", maintain_order="left")
    return pictures(inputs, open_arrays(clean, shown), shown["id"].to_list())
