"""Tables: what validation costs beside plain pandera, training beside a bare loop, and a million rows in memory and time."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest
import torch
from benchmarks import bench_training
from benchmarks.bench_memory import peak_bytes
from benchmarks.bench_training import by_lightning, ratios
from benchmarks.side_by_side import cpu_seconds, show

from dl_assets.artifacts.report import write_json
from dl_assets.config import Pipeline
from dl_assets.index import write_index
from dl_assets.inputs import table
from dl_assets.inputs._table.inference import infer
from dl_assets.inputs._table.schema import Column, Schema
from dl_assets.inputs._table.typed import apply
from dl_assets.schedulers._steps import Steps
from dl_assets.training.data import open_data
from dl_assets.training.learner import make_optimizer
from dl_assets.transforms.table import compose

ROWS = 200_000
NUMBERS, CATEGORIES = 12, 8
WORDS = [f"word {index}" for index in range(50)]
PIPELINE = """\
task: tabular_classification
source: {kind: table, path: many.csv, target: target}
clean: {}
split: {}
augment: []
model: {name: fnn}
train: {}
evaluate: {}
export: {}
schedule: {}
"""


def frame(num_rows: int, seed: int = 17) -> pl.DataFrame:
    """Return numbers with gaps and words, typed, and a target of two classes."""
    draw = np.random.default_rng(seed)
    numbers = {f"number {index}": draw.normal(index, 1 + index, num_rows).round(4) for index in range(NUMBERS)}
    words = {f"category {index}": draw.choice(WORDS, num_rows) for index in range(CATEGORIES)}
    is_there = pl.Series(draw.random(num_rows) >= 0.1)
    rows = pl.DataFrame({**numbers, **words}).with_columns(pl.when(is_there).then("number 0").alias("number 0"))
    return rows.with_columns(target=pl.Series(np.where(numbers["number 1"] + draw.normal(0, 1, num_rows) > 1, "yes", "no")))


def test_validation_beside_plain_pandera() -> None:
    """The same rules on the same frame; ours also reads the cells from text and says which cell of which row breaks what."""
    typed = frame(ROWS).drop("target")
    cells = typed.cast(pl.String)
    rules = {name: Column(name, "number", minimum=-1e6, maximum=1e6) for name in typed.columns[:NUMBERS]}
    schema = Schema(tuple(rules.get(column.name, column) for column in infer([cells]).columns))
    plain = pa.DataFrameSchema(
        {
            column.name: pa.Column(
                pl.String if column.kind == "category" else pl.Float64,
                [pa.Check.ge(-1e6), pa.Check.le(1e6)] if column.kind == "number" else [],
                nullable=True,
            )
            for column in schema.columns
        }
    )

    def read_and_validate() -> None:
        plain.validate(cells.cast(dict.fromkeys(rules, pl.Float64)), lazy=True)

    seconds = cpu_seconds(
        {
            "ours: strip, read, validate, tell each cell": lambda: apply(schema, cells),
            "read by polars, validated by pandera": read_and_validate,
            "pandera alone, of what is typed": lambda: plain.validate(typed, lazy=True),
        }
    )
    show(f"Validation of {ROWS:,} rows x {typed.width} columns", seconds, count=ROWS, unit="row")
    print(f"  {ROWS / next(iter(seconds.values())):,.0f} rows a second of CPU")


class Setting:
    """A table as clean stores it, and a pipeline that learns from it, as `bench_training` takes them."""

    def __init__(self, folder: Path, num_samples: int, epochs: int) -> None:
        rows = frame(num_samples)
        clean, augmented = folder / "clean", folder / "augmented"
        clean.mkdir(), augmented.mkdir()
        matrix = table.matrix(rows.drop("target"))
        np.save(clean / "pixels-00000.npy", matrix)
        kinds = ["number"] * NUMBERS + ["category"] * CATEGORIES
        columns = [{"name": name, "kind": kind} for name, kind in zip(rows.columns, kinds, strict=False)]
        words = {column["name"]: WORDS for column in columns if column["kind"] == "category"}
        write_json(clean / "columns.json", {"columns": columns, "words": words, "schema": {"columns": {}}})
        samples = pl.DataFrame(
            {
                "id": [str(index) for index in range(num_samples)],
                "target": rows["target"],
                "digest": [str(index) for index in range(num_samples)],
                "shard": np.zeros(num_samples, np.int64),
                "row": np.arange(num_samples),
                "part": ["val" if index % 8 == 7 else "train" for index in range(num_samples)],
            }
        )
        train = {"epochs": epochs, "batch_size": 1024, "accelerator": "cpu", "early_stopping": 0, "workers": 0}
        sections = {"clean": {}, "augment": [], "model": {"name": "fnn"}, "train": train}
        self.config = Pipeline(Path("pipelines/bench.yaml"), {"task": "tabular_classification", **sections})
        mixing = {"mixup": 0.0, "cutmix": 0.0, "mix_share": 0.0, "copies": 0, "test_time": None}
        write_json(augmented / "policy.json", {"policy": compose([], (len(kinds),)).serialise(), **mixing})
        self.data = open_data(self.config, samples, clean, augmented)
        self.raw, self.encoded = (
            torch.from_numpy(matrix),
            torch.from_numpy((rows["target"] == "yes").to_numpy().astype(np.int64)),
        )
        self.parts = [
            torch.from_numpy((samples["part"] == part).arg_true().to_numpy().astype(np.int64)) for part in ("train", "val")
        ]

    network = bench_training.Setting.network
    objective = bench_training.Setting.objective


def by_hand(setting: Any) -> None:
    """Train on tensors in memory: the same network, preprocessing, optimizer, schedule and losses, and val after each epoch."""
    options, network, objective = setting.config.train, setting.network(), setting.objective()
    train, val = setting.parts
    steps = -(-len(train) // options.batch_size)
    optimizer, [schedule] = make_optimizer(
        network, options, 1e-3, Steps(steps * options.epochs, steps, steps), lambda name: 1.0
    )
    for _ in range(options.epochs):
        network.train()
        for indices in train[torch.randperm(len(train))].split(options.batch_size):
            loss = objective.loss(network.body(network.preprocess(setting.raw[indices])), setting.encoded[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            loss.item()
        network.eval()
        with torch.inference_mode():
            for indices in val.split(4 * options.batch_size):
                objective.judge(network(setting.raw[indices]), setting.encoded[indices])


@pytest.mark.timeout(1800)
def test_training_beside_a_bare_loop_on_tensors_in_memory(tmp_path: Path) -> None:
    setting = Setting(tmp_path, 40_000, epochs=5)
    found = ratios((lambda: by_lightning(setting), lambda: by_hand(setting)))  # type: ignore[arg-type]
    middle = bench_training.show(f"train stage / bare loop in memory, 40,000 rows x {NUMBERS + CATEGORIES} columns", found)
    assert middle <= 1.10


@pytest.mark.timeout(3600)
def test_a_million_rows_in_less_than_two_gigabytes(tmp_path: Path) -> None:
    for part in range(10):
        with (tmp_path / "many.csv").open("ab") as file:
            frame(100_000, seed=part).write_csv(file, include_header=part == 0)
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "many.yaml").write_text(PIPELINE)
    write_index(tmp_path)
    print(f"\n1,000,000 rows x {NUMBERS + CATEGORIES} columns, {(tmp_path / 'many.csv').stat().st_size / 1e6:,.0f} MB of CSV")
    for stage in ("ingest", "clean", "split"):
        started = time.monotonic()
        peak = peak_bytes(stage, tmp_path)
        print(f"  {stage:<10}{peak / 1e6:>8,.0f} MB{time.monotonic() - started:>8,.1f} s")
        assert peak < 2 * 1024**3
