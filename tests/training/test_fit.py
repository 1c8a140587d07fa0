"""One training, seen from outside."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from tensorboardX.proto.event_pb2 import Event

from dl_assets.artifacts.shards import ArrayReader
from dl_assets.config import Choice, Pipeline
from dl_assets.errors import ArtifactError, ConfigError, DataError, PipelineError
from dl_assets.inference.network import load_network
from dl_assets.inference.predict import predict
from dl_assets.progress import EVENT_FILE
from dl_assets.training.fit import fit
from dl_assets.training.trainer import run_of


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open() as file:
        return list(csv.DictReader(file))


def _measured(folder: Path) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in _rows(folder)]


def test_a_training_learns_what_can_be_learnt(fitted, samples, tmp_path):
    folder, _ = fitted(epochs=10)
    test = samples.filter(pl.col("part") == "test")
    probabilities = predict(load_network(folder), ArrayReader(tmp_path / "clean", test))
    assert json.loads((folder / "card.json").read_text())["classes"] == ["left", "right"]
    assert [["left", "right"][index] for index in probabilities.argmax(axis=1)] == test["target"].to_list()


@pytest.mark.parametrize("workers", [0, 2])
def test_the_same_seed_gives_the_same_numbers_with_any_number_of_workers_and_another_seed_others(fitted, workers):
    turned = [Choice("SubPixelAffine", {"rotate": 20.0})]
    first = _measured(fitted(choices=turned, workers=workers, seed=1)[0])
    again = _measured(fitted(choices=turned, workers=0, seed=1)[0])
    other = _measured(fitted(choices=turned, workers=workers, seed=2)[0])
    assert first == again
    assert first != other


def test_training_stops_when_val_loss_no_longer_falls(fitted):
    # A rate this low moves nothing, so no epoch is better than the first by more than rounding.
    folder, report = fitted(epochs=40, early_stopping=2, learning_rate=1e-12)
    assert len(_rows(folder)) < 40
    assert report.numbers["epochs"] == len(_rows(folder)) == report.numbers["best_epoch"] + 2


def test_early_stopping_of_zero_never_stops(fitted):
    folder, _ = fitted(epochs=6, early_stopping=0, learning_rate=1e-12)
    assert len(_rows(folder)) == 6


def test_the_kept_weights_are_those_of_the_best_epoch(fitted, samples, tmp_path):
    folder, report = fitted(epochs=8, learning_rate=0.1, early_stopping=0)
    val = samples.filter(pl.col("part") == "val")
    probabilities = predict(load_network(folder), ArrayReader(tmp_path / "clean", val))
    encoded = [["left", "right"].index(target) for target in val["target"]]
    losses = [float(row["val_loss"]) for row in _rows(folder)]
    assert -np.log(probabilities[range(8), encoded]).mean() == pytest.approx(min(losses), rel=1e-4)
    assert report.numbers["best_epoch"] == 1 + losses.index(min(losses))


@pytest.mark.parametrize("num_train", [2, 9, 17])
def test_a_batch_of_one_left_over_does_no_harm(fitted, samples, num_train):
    rows = pl.concat([samples.filter(pl.col("part") == "train").head(num_train), samples.filter(pl.col("part") == "val")])
    folder, report = fitted(rows=rows, batch_size=8, epochs=2)
    assert report.counts["train"] == num_train
    assert len(_rows(folder)) == 2


def test_a_train_part_smaller_than_the_batch_still_trains(fitted):
    folder, _ = fitted(batch_size=512)
    assert len(_rows(folder)) == 3


def test_a_loss_that_is_no_number_stops_with_epoch_step_rate_and_remedy(fitted):
    with pytest.raises(PipelineError, match=r"epoch \d+, step \d+, at a learning rate of .*train\.learning_rate"):
        fitted(epochs=30, learning_rate=1e30, warmup_epochs=0.0)


def test_preprocessing_is_fitted_on_the_train_part_only(fitted, samples, tmp_path):
    folder, _ = fitted()
    train = ArrayReader(tmp_path / "clean", samples.filter(pl.col("part") == "train"))
    pixels = np.stack([train[index] for index in range(24)]) / 255
    found = json.loads((folder / "preprocessing.json").read_text())
    assert found["inputs"]["mean"] == pytest.approx([pixels.mean()], rel=1e-6)
    assert found["targets"] == {"classes": ["left", "right"]}


def test_a_class_outside_the_train_part_is_told_and_not_guessed(fitted, samples):
    strange = samples.with_columns(target=pl.when(pl.col("id") == "sample30").then(pl.lit("up")).otherwise("target"))
    with pytest.raises(DataError, match="up"):
        fitted(rows=strange)


@pytest.mark.parametrize("part", ["train", "val"])
def test_an_empty_part_is_told_before_training(fitted, samples, part):
    with pytest.raises(DataError, match=f"the {part} part holds 0 samples"):
        fitted(rows=samples.filter(pl.col("part") != part))


def test_an_accelerator_that_is_not_there_is_told(fitted, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="accelerator: auto"):
        fitted(accelerator="gpu")


def test_the_checkpoint_loads_without_running_code(fitted):
    folder, _ = fitted()
    checkpoint = torch.load(folder / "model.ckpt", weights_only=True)
    assert checkpoint["hyper_parameters"]["model"]["name"] == "cnn"
    assert json.loads(json.dumps(checkpoint["hyper_parameters"])) == checkpoint["hyper_parameters"]


def test_only_the_contract_is_written(fitted):
    folder, _ = fitted()
    assert sorted(path.name for path in folder.iterdir()) == [
        "card.json",
        "history.csv",
        "learning_curve.png",
        "model.ckpt",
        "preprocessing.json",
    ]


def test_every_epoch_is_reported_while_training_goes(fitted, tmp_path, monkeypatch):
    monkeypatch.setenv(EVENT_FILE, str(tmp_path / "events"))
    fitted(epochs=2)
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert [(event["done"], event["total"]) for event in events] == [(1, 2), (2, 2)]
    assert {"train_loss", "val_loss", "val_accuracy", "samples_per_second"} <= set(events[0])


def test_the_learning_rate_warms_up_and_then_falls_to_zero(fitted):
    folder, _ = fitted(epochs=6, warmup_epochs=2.0, early_stopping=0)
    rates = [float(row["learning_rate"]) for row in _rows(folder)]
    assert rates[0] < rates[1] == pytest.approx(3e-3, rel=0.1)
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_every_training_is_a_run_of_its_own_in_tensorboard_and_the_oldest_make_room(tmp_path):
    for number in range(25):
        run_of(tmp_path, f"2026-11-{number:02d}").mkdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"2026-11-{number:02d}" for number in range(5, 25)]


def _points(events: Path) -> dict[str, list[int]]:
    """Return where on the x axis TensorBoard has a point of each curve; a file is a row of records in TFRecord's frame."""
    content, found = events.read_bytes(), dict[str, list[int]]()
    while content:
        size = int.from_bytes(content[:8], "little")
        event = Event.FromString(content[12 : 12 + size])
        for value in event.summary.value:
            found.setdefault(value.tag, []).append(event.step)
        content = content[12 + size + 4 :]
    return found


def test_every_curve_of_tensorboard_has_one_point_an_epoch(samples, pipeline, write_policy, tmp_path):
    (tmp_path / "model").mkdir()
    policy = write_policy(tmp_path / "augmented")
    places = {"clean": tmp_path / "clean", "augmented": policy, "out": tmp_path / "model", "logs": tmp_path / "logs"}
    fit(pipeline(epochs=3), samples=samples, **places)
    [run] = (tmp_path / "logs").iterdir()
    [events] = run.glob("events.out.tfevents*")
    curves = {"train_loss", "val_loss", "val_accuracy", "learning_rate", "seconds"}
    assert _points(events) == {curve: [1, 2, 3] for curve in curves}


def test_lightning_says_nothing(fitted, capfd):
    fitted(epochs=1)
    printed = capfd.readouterr()
    assert printed.err == ""
    assert printed.out.count("\n") == 2  # how it loads, and the epoch


def test_a_policy_of_windows_is_learnt_from_and_the_model_takes_the_stored_size(fitted, samples, tmp_path):
    folder, _ = fitted(
        choices=[Choice("RandomCrop", {"height": 6, "width": 7}), Choice("HorizontalFlip", {"p": 0.0})], epochs=8
    )
    assert json.loads((folder / "preprocessing.json").read_text())["inputs"]["crop"] == [6, 7]
    network = load_network(folder)
    test = samples.filter(pl.col("part") == "test")
    arrays = ArrayReader(tmp_path / "clean", test)
    probabilities = predict(network, arrays)
    assert [["left", "right"][index] for index in probabilities.argmax(axis=1)] == test["target"].to_list()
    raw = torch.from_numpy(arrays.batch(np.arange(8)))
    assert network.preprocess(raw).shape == (8, 1, 6, 7)
    torch.testing.assert_close(network(raw), network(raw[:, 1:7, 0:7]))


def test_the_preprocessing_names_no_crop_where_there_is_none(fitted):
    folder, _ = fitted(choices=[Choice("RandomCrop", {})], epochs=1)
    assert "crop" not in json.loads((folder / "preprocessing.json").read_text())["inputs"]


def test_mixing_changes_the_training_the_same_way_each_time(fitted, write_policy, tmp_path):
    plain = _measured(fitted()[0])
    folder = write_policy(tmp_path / "mixed", mixup=0.4, cutmix=1.0, mix_share=1.0)
    first, again = (_measured(fitted(augmented=folder, workers=workers)[0]) for workers in (0, 1))
    assert first == again != plain


def test_a_policy_of_another_version_says_what_to_run(fitted, write_policy, tmp_path):
    folder = write_policy(tmp_path / "old")
    (folder / "policy.json").write_text('{"transform": {}}')
    with pytest.raises(ArtifactError, match=r"policy\.json is of another version .*Run the augment stage again"):
        fitted(augmented=folder)


def test_weights_decay_but_biases_and_norms_do_not(pipeline: Callable[..., Pipeline]):
    from dl_assets.training.learner import parameter_groups

    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    decayed, kept = parameter_groups(network, 0.1, 1e-3, lambda name: 1.0)
    assert (decayed["weight_decay"], [tuple(p.shape) for p in decayed["params"]]) == (0.1, [(2, 1, 3, 3)])
    assert (kept["weight_decay"], [tuple(p.shape) for p in kept["params"]]) == (0.0, [(2,), (2,), (2,)])


def test_the_modules_that_the_data_stages_import_do_not_import_torch():
    code = "import sys, dl_assets.targets.classes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
