"""A pipeline file for a table, and the schema of its columns, with options that suit what the source holds."""

from pathlib import Path
from typing import Any

import polars as pl

from dl_assets import registry
from dl_assets.config import SCHEMAS
from dl_assets.errors import ConfigError
from dl_assets.inputs._table.inference import infer
from dl_assets.inputs._table.schema_file import schema_text
from dl_assets.operations.flow import flow
from dl_assets.operations.new_table_source import all_rows, look_at_rows, table_section

_FEW, _MANY = 5_000, 100_000  # rows
_NUMERIC = 0.5  # share of the targets that must be numbers for a task of numbers; clean rejects the others one by one
_SOME_CLASSES, _MOST_CLASSES = 100, 1_000  # that are let pass however few the rows are, or many
_REPEATED = 0.01  # share of rows that are equal to another above which that is how the data is, and no mistake

_TEMPLATE = """\
# Every option: `dl schema`. Mistakes in this file: `dl check {name}`. To run it: `dl run {name}`.
# {num_rows} rows were found when this file was written; the options below were chosen for them.
task: {task}
source: {source}
# The schema says what each column holds: mend it there. A row that does not fit is rejected with its reason.
clean: {clean}
# Equal rows, and groups, stay in one part; a row keeps its part when data is added.
split: {split}
# Random changes of the train part: a preset (light, medium, heavy), a list of transforms, or none.
augment: {augment}
# How values are encoded (numbers, bins, rare), and the network: fnn, wide_deep or ft_transformer.
model: {model}
train: {train}
# The report also has trees and a linear model beside the network.
evaluate: {{}}
export: {{}}
# `dl promote` lets a new model replace the one that serves only if it is as good on the same test rows.
promote: {{}}
schedule: {{}}
"""


def table_texts(
    name: str, task: str, source: str, target: str | None, root: Path, minutes: float | None
) -> tuple[str, dict[Path, str]]:
    """Return the text of `pipelines/<name>.yaml`, and the other files that belong to it.

    Raises DataError or ConfigError where the source or its target cannot be made out.
    """
    section = table_section(source, target, name, root)
    num_rows, first = look_at_rows(section, root)
    _require_fitting_target(first.found["target"], task)
    schema = infer(rows.cells for rows in all_rows(section, root))
    file = SCHEMAS / f"{name}.yaml"
    train = _train(num_rows)
    if minutes is not None:
        train = {**{key: value for key, value in train.items() if key != "epochs"}, "budget_minutes": minutes}
    text = _TEMPLATE.format(
        name=name,
        num_rows=f"{num_rows:,}",
        task=task,
        source=flow(section),
        clean=flow({"schema": file.as_posix(), **_duplicates(first.cells)}),
        split=flow({"train": 0.7, "val": 0.15, "test": 0.15, "stratify": True, "seed": 17}),
        augment=flow({"mixup": 1.0, "mix_share": 1.0}) if num_rows < _FEW else "[]",
        model=flow({"name": "fnn", "bins": 8 if num_rows < _FEW else 32}),
        train=flow(train),
    )
    return text, {root / file: schema_text(schema)}


def _require_fitting_target(targets: pl.Series, task: str) -> None:
    """Raise ConfigError where a target of words is to be learnt as a number, or one of many numbers as classes."""
    known = targets.drop_nulls()
    share = registry.module("targets", "numbers").problem_of(known).is_null().sum() / max(len(known), 1)
    num_different = known.n_unique()
    if registry.find("tasks", task).targets == "numbers" and share < _NUMERIC:
        shown = ", ".join(known.unique(maintain_order=True).head(3))
        raise ConfigError(
            f"Only {share:.0%} of the targets are numbers (they are such as {shown}). Choose another --target, or "
            "--task tabular_classification."
        )
    if registry.find("tasks", task).targets == "classes" and num_different > min(
        max(_SOME_CLASSES, len(known) / 2), _MOST_CLASSES
    ):
        raise ConfigError(
            f"The target has {num_different:,} different values in {len(known):,} rows, too many for classes. Choose another "
            f"--target{', or --task tabular_regression' if share >= _NUMERIC else ''}."
        )


def _duplicates(cells: pl.DataFrame) -> dict[str, str]:
    """Where rows of few different words repeat each other by nature, they are not rejected but only listed."""
    share = cells.is_duplicated().sum() / max(len(cells), 1)
    return {"exact_duplicates": "flag", "label_conflicts": "flag"} if share > _REPEATED else {}


def _train(num_rows: int) -> dict[str, Any]:
    """Choose how long and in which batches is learnt: of few rows in small ones and long, mixed with each other.

    Measured by `dl crossval`, 5 folds, split seed 17: titanic 0.822 accuracy (0.810 in batches of 256), penguins 0.990,
    mpg 0.873 R2, California housing 0.829 R2 (0.830 after twice the epochs).
    """
    epochs, batch_size = (60, 32) if num_rows < _FEW else (30, 256) if num_rows < _MANY else (10, 1024)
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": 0.002,
        "scheduler": "one_cycle",
        "average": "ema",
        "ema_decay": 0.99,
        "early_stopping": 20 if num_rows < _FEW else 8,
    }
