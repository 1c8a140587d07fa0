"""The evaluate stage on a tiny trained model: three colours that an untrained network does not know."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from dl_assets.artifacts import tables
from dl_assets.artifacts.report import Report, read_json, write_json
from dl_assets.artifacts.shards import ArrayWriter, open_arrays
from dl_assets.config import Pipeline
from dl_assets.errors import DataError
from dl_assets.evaluation.panel import Panel
from dl_assets.evaluation.temperature import tempered
from dl_assets.inference.network import build_network, load_network
from dl_assets.inference.predict import predict
from dl_assets.registry import module, names
from dl_assets.stages.evaluate import evaluate
from dl_assets.tasks._task import Task

CLASSES = ["blue", "green", "red"]
NUM_SAMPLES = 60


def make_config() -> Pipeline:
    sections: dict[str, Any] = {name: {} for name in ("clean", "split", "train", "export", "schedule")}
    return Pipeline(
        Path("pipelines/colours.yaml"),
        {
            **sections,
            "task": "image_classification",
            "source": {"kind": "builtin", "name": "digits"},
            "augment": [],
            "model": {"name": "cnn"},
            "evaluate": {"bootstrap_samples": 100, "gallery": 4},
        },
    )


def make_folders(root: Path, config: Pipeline) -> dict[str, Path]:
    made = {name: root / name for name in ("clean", "parts", "model", "out")}
    for folder in made.values():
        folder.mkdir()
    _write_clean(made["clean"])
    parts = ["train"] * 20 + ["val"] * 20 + ["test"] * 20
    tables.write_table(
        tables.PARTS_TABLE,
        made["parts"],
        pl.DataFrame({"id": _ids(), "part": parts, "fold": pl.Series([None] * NUM_SAMPLES, dtype=pl.Int64)}),
    )
    _write_model(made["model"], config)
    return made


@pytest.fixture
def config() -> Pipeline:
    return make_config()


@pytest.fixture
def folders(tmp_path: Path, config: Pipeline) -> dict[str, Path]:
    return make_folders(tmp_path, config)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """The report of one run of the stage, and the folder that it wrote."""
    config = make_config()
    made = make_folders(tmp_path_factory.mktemp("evaluated"), config)
    return evaluate(config, **made), made["out"]


def _ids() -> list[str]:
    return [f"{index:04d}" for index in range(NUM_SAMPLES)]


def _write_clean(folder: Path) -> None:
    rng = np.random.default_rng(17)
    with ArrayWriter(folder) as writer:
        places = [writer.write(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for _ in range(NUM_SAMPLES)]
    shards, rows = zip(*places, strict=True)
    tables.write_table(
        tables.CLEAN_SAMPLES,
        folder,
        pl.DataFrame(
            {
                "id": _ids(),
                "target": [CLASSES[index % 3] for index in range(NUM_SAMPLES)],
                "group": pl.Series([None] * NUM_SAMPLES, dtype=pl.String),
                "time": pl.Series([None] * NUM_SAMPLES, dtype=pl.Datetime("us")),
                "part": pl.Series([None] * NUM_SAMPLES, dtype=pl.String),
                "origin": [f"{name}.png" for name in _ids()],
                "digest": _ids(),
                "cluster": _ids(),
                "shard": shards,
                "row": rows,
            }
        ),
    )
    tables.write_table(tables.REJECTED, folder, tables.empty(tables.REJECTED))


def _write_model(folder: Path, config: Pipeline, targets: dict[str, Any] | None = None) -> None:
    torch.manual_seed(17)
    fitted = {"inputs": {"shape": [8, 8, 3], "mean": [0.5] * 3, "std": [0.25] * 3}, "targets": targets or {"classes": CLASSES}}
    network = build_network(config.task, config.model, fitted)
    torch.save({"state_dict": network.state_dict()}, folder / "model.ckpt")
    write_json(folder / "preprocessing.json", fitted)
    write_json(
        folder / "card.json",
        {"task": "image_classification", "best_epoch": 1, "model": {"name": "cnn", "options": config.model.options}},
    )
    (folder / "learning_curve.png").write_bytes(b"\x89PNG of the train stage")


def test_it_writes_all_that_the_contract_promises(evaluated: tuple[Report, Path]) -> None:
    _, out = evaluated
    assert {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} == {
        "metrics.json",
        "calibration.json",
        "comparison.csv",
        "predictions.parquet",
        "errors.parquet",
        "report.html",
        "plots/roc_curve.png",
        "curves/roc_curve.csv",
        "curves/roc_averages.csv",
        "plots/precision_recall.png",
        "curves/precision_recall.csv",
        "curves/precision_recall_averages.csv",
        "plots/confusion_matrix.png",
        "plots/confusion_shares.png",
        "curves/confusion_matrix.csv",
        "plots/calibration.png",
        "curves/calibration.csv",
        "plots/learning_curve.png",
        "plots/explained_mistakes.png",
        "plots/explained_hits.png",
        "plots/corruptions.png",
        "plots/attacks.png",
    }


def test_it_reports_the_counts_and_the_headline_numbers(evaluated: tuple[Report, Path]) -> None:
    report, _ = evaluated
    assert report.counts["val"] == report.counts["test"] == 20
    assert set(report.numbers) == {"accuracy", "f1_macro", "roc_auc", "log_loss", "ece"}


def test_metrics_come_from_the_test_part_alone(evaluated: tuple[Report, Path]) -> None:
    _, out = evaluated
    test = tables.read_table(tables.PREDICTIONS, out).filter(part="test")
    metrics = read_json(out / "metrics.json")
    assert metrics["support"]["value"] == 20
    assert metrics["accuracy"]["value"] == pytest.approx((test["target"] == test["prediction"]).mean())


def test_predictions_follow_the_samples_of_val_and_test(evaluated: tuple[Report, Path]) -> None:
    _, out = evaluated
    predictions = tables.read_table(tables.PREDICTIONS, out)
    assert predictions["id"].to_list() == _ids()[20:]
    assert predictions.columns == ["id", "part", "target", "prediction", "confidence", *(f"probability_{c}" for c in CLASSES)]


def test_predictions_and_metrics_are_of_the_calibrated_model(evaluated: tuple[Report, Path], folders: dict[str, Path]) -> None:
    _, out = evaluated
    predictions = tables.read_table(tables.PREDICTIONS, out)
    samples = tables.read_parted(folders["clean"], folders["parts"])[20:]
    plain = predict(load_network(folders["model"]), open_arrays(folders["clean"], samples)).astype(np.float64)
    temperature = read_json(out / "calibration.json")["temperature"]
    found = predictions.select(f"probability_{name}" for name in CLASSES).to_numpy()
    assert found == pytest.approx(tempered(plain, temperature), abs=1e-6)
    assert "Confidence made honest" in (out / "report.html").read_text()


def test_answers_that_are_no_numbers_are_refused(config: Pipeline, folders: dict[str, Path]) -> None:
    checkpoint = torch.load(folders["model"] / "model.ckpt")
    name, weights = next((name, values) for name, values in checkpoint["state_dict"].items() if name.endswith("weight"))
    checkpoint["state_dict"][name] = torch.full_like(weights, torch.nan)
    torch.save(checkpoint, folders["model"] / "model.ckpt")
    with pytest.raises(DataError, match="40 of 40 samples are no finite numbers, such as to 0020"):
        evaluate(config, **folders)


def test_errors_are_the_wrong_predictions_with_their_origin(evaluated: tuple[Report, Path]) -> None:
    report, out = evaluated
    errors = tables.read_table(tables.ERRORS, out)
    assert report.counts["errors"] == len(errors) > 0
    assert (errors["target"] != errors["prediction"]).all()
    assert (errors["origin"] == errors["id"] + ".png").all()
    assert errors["confidence"].is_sorted(descending=True)


def test_the_report_shows_as_many_pictures_as_asked_for(evaluated: tuple[Report, Path]) -> None:
    _, out = evaluated
    page = (out / "report.html").read_text()
    assert page.split("<h3>")[0].count('alt="sample ') == 4
    assert "Most confused pairs" in page and page.count("<h3>") > 1 and page.count('alt="sample ') > 4


def test_metrics_hold_no_nan(evaluated: tuple[Report, Path]) -> None:
    _, out = evaluated
    json.loads((out / "metrics.json").read_text(), parse_constant=pytest.fail)


def test_the_same_inputs_give_the_same_bytes(
    evaluated: tuple[Report, Path], config: Pipeline, folders: dict[str, Path]
) -> None:
    _, out = evaluated
    evaluate(config, **folders)
    for path in (path for path in out.rglob("*") if path.is_file()):
        assert path.read_bytes() == (folders["out"] / path.relative_to(out)).read_bytes(), path.name


def test_an_input_that_cannot_be_drawn_gets_a_table(
    config: Pipeline, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(module("inputs", "image"), "sheet")
    evaluate(config, **folders)
    assert "<th>origin</th>" in (folders["out"] / "report.html").read_text()


def test_an_empty_test_part_is_an_error_that_says_what_to_do(config: Pipeline, folders: dict[str, Path]) -> None:
    parts = tables.read_table(tables.PARTS_TABLE, folders["parts"])
    tables.write_table(tables.PARTS_TABLE, folders["parts"], parts.with_columns(part=pl.col("part").replace("test", "train")))
    with pytest.raises(DataError, match="the test part is empty"):
        evaluate(config, **folders)


@pytest.fixture
def measuring(folders: dict[str, Path], config: Pipeline, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The same folders, where the target is a number and the model, which has learnt nothing, answers with one."""
    config.task = Task(inputs="image", targets="numbers", maps="image->vector")
    monkeypatch.setattr(module("tasks", "image_classification"), "image_classification", config.task)
    samples = tables.read_table(tables.CLEAN_SAMPLES, folders["clean"])
    numbers = pl.Series([f"{100 + 7 * index % 60}.5" for index in range(NUM_SAMPLES)])
    tables.write_table(tables.CLEAN_SAMPLES, folders["clean"], samples.with_columns(target=numbers))
    _write_model(folders["model"], config, module("targets", "numbers").fit(numbers[:20]))
    return folders


def test_a_model_of_numbers_is_evaluated_by_the_same_stage(measuring: dict[str, Path], config: Pipeline) -> None:
    report, out = evaluate(config, **measuring), measuring["out"]
    assert set(report.numbers) == {"r2", "rmse", "mae", "medae", "interval_coverage", "interval_width"}
    assert report.counts == {"val": 20, "test": 20, "errors": 4}
    predictions = tables.read_table(tables.PREDICTIONS, out)
    assert predictions.columns == ["id", "part", "target", "prediction", "low", "high"]
    val = predictions.filter(part="val").with_columns(pl.col("target").cast(pl.Float64))
    inside = val["target"].is_between(val["low"] - 1e-9, val["high"] + 1e-9).sum()
    assert inside == 19  # rank (20 + 1) * 0.9, rounded up
    errors = tables.read_table(tables.ERRORS, out)
    assert errors.columns == ["id", "part", "target", "prediction", "low", "high", "error", "origin"]
    assert errors["error"].abs().is_sorted(descending=True)


def test_the_report_of_numbers_knows_no_classes_and_no_confidence(
    measuring: dict[str, Path], config: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(module("inputs", "image"), "sheet")
    evaluate(config, **measuring)
    page = (measuring["out"] / "report.html").read_text()
    assert "Class by class" not in page and "confiden" not in page and "correct" not in page
    assert "Its largest errors" in page and '<th class="number">90\N{NO-BREAK SPACE}% interval</th>' in page
    assert '<tr><th>val</th><td class="number">20 samples</td></tr>' in page


def test_what_explains_a_kind_of_input_fills_panels_of_the_report(
    folders: dict[str, Path], config: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def explain(config: Pipeline, **about: Any) -> list[Panel]:
        asked.update(about)
        return [
            Panel("What it looks at", "The more, the better.", {"importance": b"png"}, ["column", "share"], [["age", "0.5"]])
        ]

    monkeypatch.setattr("dl_assets.stages.evaluate.registry", _with_explanations(explain))
    evaluate(config, **folders)
    assert set(asked) == {"network", "samples", "clean", "predictions", "fitted", "seed"}
    assert len(asked["samples"]) == NUM_SAMPLES and len(asked["predictions"]) == 40
    assert set(asked["fitted"]) == {"inputs", "targets"} and asked["seed"] == 17
    assert asked["fitted"]["targets"] == {"classes": CLASSES, **read_json(folders["out"] / "calibration.json")}
    assert "<h2>What it looks at</h2>" in (folders["out"] / "report.html").read_text()
    assert (folders["out"] / "plots" / "importance.png").read_bytes() == b"png"


def _with_explanations(explain: Any) -> SimpleNamespace:
    """A registry in which pictures have something to say about the answers that they get."""
    return SimpleNamespace(
        names=lambda folder: ["image"] if folder == "explanations" else names(folder),
        module=lambda folder, name: SimpleNamespace(explain=explain) if folder == "explanations" else module(folder, name),
    )
