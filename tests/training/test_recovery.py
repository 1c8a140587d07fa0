"""A training that was killed goes on from its last epoch, and comes to the same end as one that was not."""

import csv
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
import torch

from dl_assets.config import Choice, Pipeline
from dl_assets.inference.network import read_checkpoint
from dl_assets.training.fit import fit
from dl_assets.training.history import Row
from dl_assets.training.history import rows_of as kept_rows

NUM_KILLS = 10


class Killed(Exception):
    """Raised in place of a kill by tests that only need the training to end after an epoch."""


class Training:
    """The same training again and again, in one folder of checkpoints."""

    def __init__(self, root: Path, samples: pl.DataFrame, config: Pipeline, augmented: Path) -> None:
        self._root, self._samples, self._config, self._augmented = root, samples, config, augmented

    def run(self, out: str, checkpoints: str, on_epoch: Callable[[Row], None] | None = None) -> Path:
        arguments = self.arguments(out, checkpoints)
        fit(self._config, **arguments, on_epoch=on_epoch)
        return arguments["out"]

    def start(self, out: str, checkpoints: str) -> BaseProcess:
        """Run it in a process that can be killed. Torch is imported before it is forked, so that a start takes no time."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["dl_assets.training.fit", "dl_assets.transforms.image", "dl_assets.models.cnn"])
        config = Pipeline(self._config.path, self._config.document)  # what has been read of it cannot be sent
        process = context.Process(target=fit, args=(config,), kwargs=self.arguments(out, checkpoints))
        process.start()
        return process

    def arguments(self, out: str, checkpoints: str) -> dict[str, Any]:
        folder = self._root / out
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        places = {"clean": self._root / "clean", "augmented": self._augmented, "out": folder}
        return {**places, "samples": self._samples, "checkpoints": self._root / checkpoints}

    def ended_after(self, epoch: int, out: str, checkpoints: str) -> None:
        def end(row: Row) -> None:
            if row["epoch"] == epoch:
                raise Killed

        with pytest.raises(Killed):
            self.run(out, checkpoints, end)

    def rows(self, checkpoints: str) -> list[dict[str, str]]:
        try:
            return rows_of(self._root / checkpoints / "history.csv")
        except FileNotFoundError:  # not begun yet, or a training that goes on is about to write it anew
            return []


@pytest.fixture
def training(
    samples: pl.DataFrame, pipeline: Any, write_policy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Training]:
    """Make a training in which everything draws random numbers: augmentation, mixing and dropout; it keeps every epoch."""
    monkeypatch.setattr("dl_assets.training.recovery._SECONDS_BETWEEN_EPOCHS_KEPT", 0.0)

    def make(**options: Any) -> Training:
        choices = [Choice("SubPixelAffine", {"rotate": 20.0})]
        augmented = write_policy(tmp_path / "augmented", choices, mixup=0.4, mix_share=0.5)
        model = {"name": "cnn", "width": 8, "depth": 1, "dropout": 0.5}
        return Training(tmp_path, samples, pipeline(model=model, **options), augmented)

    return make


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def assert_same(folder: Path, other: Path) -> None:
    """Weights and history are equal bit for bit."""
    weights, others = (torch.load(path / "model.ckpt", weights_only=True)["state_dict"] for path in (folder, other))
    assert all(torch.equal(value, others[name]) for name, value in weights.items())
    assert rows_of(folder / "history.csv") == rows_of(other / "history.csv")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"average": "ema"},
        {"average": "swa"},
        {"scheduler": "one_cycle"},
        {"scheduler": {"name": "plateau", "patience": 0}},
        {"optimizer": "sgd", "accumulate": 2, "clip_gradients": 1.0, "l1": 1e-4},
        {"optimizer": "rmsprop", "sampling": "balanced", "class_weights": "balanced", "loss": "focal"},
    ],
    ids=str,
)
def test_a_training_that_was_ended_twice_comes_to_the_same_end(training, options):
    made = training(epochs=5, early_stopping=0, **options)
    undisturbed = made.run("undisturbed", "first")
    made.ended_after(2, "disturbed", "second")
    made.ended_after(4, "disturbed", "second")
    assert_same(made.run("disturbed", "second"), undisturbed)


def test_ten_kills_at_random_moments_change_nothing(training, tmp_path):
    made, random = training(epochs=100, early_stopping=0, average="ema"), Random(17)
    undisturbed = made.start("undisturbed", "first")  # like the others, since the number of threads changes the last bits
    undisturbed.join()
    for _ in range(NUM_KILLS):
        before = len(made.rows("second"))
        process = made.start("disturbed", "second")
        while len(made.rows("second")) < before + 2:
            assert process.is_alive(), "the training ended by itself"
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.03))  # about one epoch: in a step, in val, or while a checkpoint is written
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
    last = made.start("disturbed", "second")
    last.join()
    assert (undisturbed.exitcode, last.exitcode) == (0, 0)
    assert_same(tmp_path / "disturbed", tmp_path / "undisturbed")


def test_a_training_that_was_over_is_not_gone_on_with(training):
    """Killed between its last epoch and its end: early stopping had decided, and nothing may be learnt beyond that."""
    made = training(epochs=60, early_stopping=2, learning_rate=1e-12)
    undisturbed = made.run("undisturbed", "first")
    epochs: list[Row] = []
    again = made.run("again", "first", epochs.append)
    assert epochs == []
    assert_same(again, undisturbed)


def test_another_parameter_begins_anew(training):
    training(epochs=4).ended_after(2, "out", "kept")
    epochs: list[Row] = []
    training(epochs=4, learning_rate=1e-3).run("out", "kept", epochs.append)
    assert [row["epoch"] for row in epochs] == [1, 2, 3, 4]


def test_other_data_begins_anew(training, samples):
    made = training(epochs=4)
    made.ended_after(2, "out", "kept")
    made._samples = samples.with_columns(target=samples["target"].reverse())
    epochs: list[Row] = []
    made.run("out", "kept", epochs.append)
    assert [row["epoch"] for row in epochs] == [1, 2, 3, 4]


def test_a_broken_checkpoint_is_told_and_the_training_begins_anew(training, tmp_path, capsys):
    made = training(epochs=3)
    undisturbed = made.run("undisturbed", "first")
    made.ended_after(3, "out", "kept")
    (tmp_path / "kept" / "last.ckpt").write_bytes(b"PK\x03\x04 cut short")
    again = made.run("out", "kept")
    assert "begins anew" in capsys.readouterr().out
    assert_same(again, undisturbed)


def test_of_quick_epochs_few_are_kept_but_always_the_one_that_ends_the_training(training, monkeypatch, capsys):
    made, stopped = training(epochs=4), training(epochs=50, early_stopping=1, learning_rate=1e-9)
    monkeypatch.setattr("dl_assets.training.recovery._SECONDS_BETWEEN_EPOCHS_KEPT", 1000.0)
    made.ended_after(4, "out", "kept")
    made.run("out", "kept")
    assert "going on after epoch 1," in capsys.readouterr().out
    out = stopped.run("out", "stopped")
    last = read_checkpoint(out.parent / "stopped" / "last.ckpt")
    assert len(kept_rows(last)) == len(rows_of(out / "history.csv")) < 50


def test_it_says_where_it_goes_on(training, capsys):
    made = training(epochs=3)
    made.ended_after(3, "out", "kept")
    made.run("out", "kept")
    assert "going on after epoch 2" in capsys.readouterr().out
