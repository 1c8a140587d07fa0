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
from dl_assets.evaluation.gallery import pictures
from dl_assets.evaluation.report import Findings, render
from dl_assets.inference.network import CARD, PREPROCESSING, load_network
from dl_assets.inference.predict import predict
from dl_assets.pages import style

PLOTS, CURVES = "plots", "curves"  # apart, because `dvc plots` would draw each CSV beside a PNG, whatever its columns
LEARNING_CURVE = "learning_curve"


def evaluate(config: Pipeline, *, clean: Path, parts: Path, model: Path, out: Path) -> Report:
    """Predict val and test, measure test alone, and write metrics, predictions, errors, plots and the report."""
    evaluation = registry.module("evaluation", config.task.targets)
    samples = tables.read_parted(clean, parts)
    fitted = read_json(model / PREPROCESSING)["targets"]
    predictions = _predictions(config, samples.filter(pl.col("part") != "train"), clean, model, fitted)
    test = predictions.filter(part="test")
    metrics = evaluation.metrics(test, fitted, bootstrap_samples=config.evaluate.bootstrap_samples, seed=config.evaluate.seed)
    errors = evaluation.mistakes(predictions).join(samples.select("id", "origin"), on="id", maintain_order="left")

    write_json(out / "metrics.json", metrics)
    tables.write_table(tables.PREDICTIONS, out, predictions)
    tables.write_table(tables.ERRORS, out, errors.select("id", "part", "target", "prediction", "confidence", "origin"))
    figures = _write_plots(evaluation, test, fitted, model, out)
    findings = Findings(
        pipeline=config.name,
        task=config.task_name,
        sentence=evaluation.sentence(metrics, test),
        headline=evaluation.HEADLINE,
        metrics=metrics,
        samples=_counted(config, samples),
        rejected=tables.read_table(tables.REJECTED, clean),
        figures=figures,
        captions=evaluation.CAPTIONS,
        mistakes=errors,
        pictures=_gallery(config, errors, samples, clean),
        gallery=config.evaluate.gallery,
        card=read_json(model / CARD),
    )
    (out / "report.html").write_text(render(findings), encoding="utf-8")
    return Report(
        counts={"val": len(predictions) - len(test), "test": len(test), "errors": len(errors)},
        numbers={name: metrics[name]["value"] for name in evaluation.HEADLINE if name in metrics},
    )


def _predictions(config: Pipeline, samples: pl.DataFrame, clean: Path, model: Path, fitted: dict[str, Any]) -> pl.DataFrame:
    if samples.filter(part="test").is_empty():
        raise DataError(
            f"{config.path}: the test part is empty, so there is nothing to measure the model on. "
            "Add samples to the source, or raise `split: {test: ...}`."
        )
    probabilities = predict(load_network(model), open_arrays(clean, samples))  # [N, outputs]
    answers: pl.DataFrame = registry.module("targets", config.task.targets).predictions(probabilities, fitted)
    return pl.concat([samples.select("id", "part", "target"), answers], how="horizontal")


def _write_plots(
    evaluation: ModuleType, test: pl.DataFrame, fitted: dict[str, Any], model: Path, out: Path
) -> dict[str, bytes]:
    """Write figures and the data of their curves; return name -> PNG."""
    (out / PLOTS).mkdir()
    (out / CURVES).mkdir()
    for file, curve in evaluation.curves(test, fitted).items():
        curve.write_csv(out / CURVES / file)
    figures = {name: style.png(figure) for name, figure in evaluation.figures(test, fitted).items()}
    figures[LEARNING_CURVE] = (model / f"{LEARNING_CURVE}.png").read_bytes()
    for name, png in figures.items():
        (out / PLOTS / f"{name}.png").write_bytes(png)
    return figures


def _counted(config: Pipeline, samples: pl.DataFrame) -> pl.DataFrame:
    """Return target and part of every sample; one of several labels counts for each."""
    strata = registry.module("targets", config.task.targets).strata(samples["target"])
    return samples.select("part", target=strata).explode("target")


def _gallery(config: Pipeline, errors: pl.DataFrame, samples: pl.DataFrame, clean: Path) -> dict[str, bytes]:
    shown = errors.head(config.evaluate.gallery).select("id").join(samples, on="id", maintain_order="left")
    return pictures(registry.module("inputs", config.task.inputs), open_arrays(clean, shown), shown["id"].to_list())
