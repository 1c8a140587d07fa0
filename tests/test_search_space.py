"""The section `tune`: what can be searched, and how every mistake in it is told."""

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dl_assets import registry
from dl_assets.config import load_pipeline
from dl_assets.errors import ConfigError
from dl_assets.schema import pipeline_schema
from dl_assets.search_space import Between, NoPlaceError, OneOf, put, take, without

HEAD = """\
task: image_classification
source: {kind: builtin, name: digits}
clean: {image_size: 8, channels: 1}
split: {}
augment: light
model: {name: cnn}
train: {epochs: 20}
evaluate: {}
export: {}
schedule: {}
"""


def load(root: Path, tune: str) -> Any:
    (root / "pipelines").mkdir(exist_ok=True)
    (root / "pipelines" / "digits.yaml").write_text(HEAD + tune)
    return load_pipeline("digits", root).check()


def mistakes(root: Path, tune: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(root, tune)
    return str(error.value)


def test_a_file_without_the_section_is_valid_and_has_no_search(tmp_path: Path) -> None:
    pipeline = load(tmp_path, "")
    with pytest.raises(ConfigError, match=r"tune is missing. Add `tune: \{space:"):
        _ = pipeline.tune


def test_the_space_becomes_typed_values(tmp_path: Path) -> None:
    search = load(
        tmp_path,
        """\
tune:
  metric: val_accuracy
  space:
    train.learning_rate: {low: 1e-4, high: 1e-2, log: true}
    model.width: [8, 16]
    train.batch_size: {low: 32, high: 100, step: 32}
    train.weight_decay: {low: 0, high: 1}
    augment: [light, [HorizontalFlip]]
    augment.mixup: {low: 0.0, high: 0.4}
""",
    ).tune
    assert search.direction == "maximize"
    assert search.dimensions == (
        Between("train.learning_rate", 1e-4, 1e-2, None, log=True, whole=False),
        OneOf("model.width", (8, 16)),
        Between("train.batch_size", 32, 100, 32, log=False, whole=True),
        Between("train.weight_decay", 0, 1, None, log=False, whole=False),
        OneOf("augment", ("light", ["HorizontalFlip"])),
        Between("augment.mixup", 0.0, 0.4, None, log=False, whole=False),
    )
    assert search.dimensions[2].grid() == (32, 64, 96)


@pytest.mark.parametrize(
    ("tune", "message"),
    [
        ("tune: {}", ":11: tune.space is missing."),
        ("tune: 3", ":11: tune is 3, but must be a mapping"),
        ("tune: {space: {}}", ":11: tune.space is {}, but must have at least 1 entries."),
        (
            "tune: {space: {train.epochs: 3}}",
            ":11: tune.space.train.epochs is 3, but must be a list such as [8, 16] or a range",
        ),
        ("tune: {space: {train.epochs: [3, 4]}, trails: 3}", ":11: tune.trails is not known here, did you mean 'trials'?"),
        ("tune: {space: {train.epochs: [3, 4]}, trials: 0}", ":11: tune.trials is 0, but must be at least 1."),
        ("tune: {space: {train.epochs: [3, 4]}, sampler: tpee}", ":11: tune.sampler is 'tpee', did you mean 'tpe'? Allowed:"),
        (
            "tune: {space: {train.epochs: [3, 4]}, metric: val_acuracy}",
            ":11: tune.metric is 'val_acuracy', did you mean 'val_accuracy'? Allowed: val_loss, val_accuracy.",
        ),
    ],
)
def test_a_mistake_beside_the_space_is_told_with_its_line(tmp_path: Path, tune: str, message: str) -> None:
    assert message in mistakes(tmp_path, tune)


IN_SPACE = [
    ("trian.epochs: [1, 2]", "trian.epochs is no place that can be searched, did you mean 'train'? A place begins with model,"),
    (
        "clean.image_size: [8, 16]",
        "clean.image_size is no place that can be searched. A place begins with model, train, augment",
    ),
    ("train.epoch: [1, 2]", "train.epoch is not known here, did you mean 'epochs'? Allowed: epochs, budget_minutes"),
    ("train.epochs: [1, 2.5]", "train.epochs[1] is 2.5, but must be a whole number such as 3."),
    ("train.warmup_epochs: [1.0, 2.0, 1.0]", "train.warmup_epochs[2] is 1.0, which is there already. Delete it."),
    ("model.depth: [1]", "model.depth is [1], but needs two candidates or more"),
    ("train.l1: {low: -1, high: 0.1}", "train.l1.low is -1, but must be at least 0."),
    ("train.weight_decay: {low: 1, high: 0.1}", "train.weight_decay has low 1 and high 0.1, but high must be more than low."),
    (
        "train.weight_decay: {low: 0, high: 0.1, log: true}",
        "train.weight_decay has `log: true` and low 0, but only what is more",
    ),
    ("train.seed: {low: 1, high: 9, log: true, step: 2}", "train.seed has `log: true` and a step. Keep one of them"),
    (
        "train.early_stopping: {low: 1, high: 4, step: 0.5}",
        "train.early_stopping.step is 0.5, but train.early_stopping takes whole",
    ),
    (
        "model.width: {low: 8, hihg: 16}",
        "model.width.hihg is not known here, did you mean 'high'? Allowed: low, high, log, step.",
    ),
    ("model: [{name: cnn, widht: 3}, {name: cnm}]", 'model[0] is {"name": "cnn", "widht": 3}, with which model.widht is not'),
    ("augment: [light, mediun]", "augment[1] is 'mediun', did you mean 'medium'? Allowed: light, medium"),
    ("augment: [light, [Flip]]", "augment[1] is [\"Flip\"], with which augment[0] is 'Flip'"),
    ("augment.mixup: [0.1, 20]", "augment.mixup[1] is 20, but must be at most 10."),
    ("train.epochs.more: [1, 2]", "train.epochs.more is inside train.epochs, which is 20 in this file and no mapping."),
]


def test_every_mistake_in_the_space_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    names = [line.partition(":")[0] for line, _ in IN_SPACE]
    repeated = [index for index, name in enumerate(names) if name in names[:index]]
    lines = [line for index, (line, _) in enumerate(IN_SPACE) if index not in repeated]
    told = mistakes(tmp_path, "tune:\n  space:\n" + "".join(f"    {line}\n" for line in lines))
    for number, (_, message) in enumerate((IN_SPACE[i] for i in range(len(IN_SPACE)) if i not in repeated), 13):
        assert f"pipelines/digits.yaml:{number}: tune.space.{message}" in told
    for index in repeated:
        line, message = IN_SPACE[index]
        assert f":13: tune.space.{message}" in mistakes(tmp_path, f"tune:\n  space:\n    {line}\n")


def test_a_mistake_of_the_file_itself_is_not_told_of_every_candidate(tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    text = HEAD.replace("epochs: 20", "epochs: none") + "tune: {space: {train.batch_size: [8, 16], train.epochs: [1, 2]}}\n"
    (tmp_path / "pipelines" / "digits.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load_pipeline("digits", tmp_path).check()
    assert str(error.value) == "pipelines/digits.yaml:7: train.epochs is 'none', but must be a whole number such as 3."


def test_a_grid_needs_lists_or_steps_and_an_end(tmp_path: Path) -> None:
    told = mistakes(tmp_path, "tune:\n  sampler: grid\n  space:\n    train.epochs: {low: 1, high: 3}\n")
    assert "digits.yaml:14: tune.space.train.epochs is a range without `step`, but a grid tries every value." in told
    told = mistakes(tmp_path, "tune: {sampler: grid, space: {train.seed: {low: 0, high: 20000, step: 1}}}")
    assert "tune.space has 20,001 combinations, but a grid may have 10,000." in told


@pytest.mark.parametrize("name", registry.names("targets"))
def test_every_kind_of_target_says_which_way_its_scores_are_better(name: str) -> None:
    import polars as pl
    import torch

    module = registry.module("targets", name)
    targets = pl.Series(["1", "2"])
    fitted = module.fit(targets)
    encoded = torch.from_numpy(module.encode(targets, fitted))
    assert set(module.SCORES) == set(module.score(torch.zeros(2, module.num_outputs(fitted)), encoded))
    assert set(module.SCORES.values()) <= {"minimize", "maximize"}


# ---- places ------------------------------------------------------------------------------------------------------


def test_a_place_may_be_deep_inside_mappings() -> None:
    document = {"train": {"optimizer": {"name": "sgd", "momentum": 0.9}}, "model": None}
    before = copy.deepcopy(document)
    changed = put(document, {"train.optimizer.momentum": 0.5, "train.schedule.warmup.epochs": 2, "model.width": 8})
    assert changed == {
        "train": {"optimizer": {"name": "sgd", "momentum": 0.5}, "schedule": {"warmup": {"epochs": 2}}},
        "model": {"width": 8},
    }
    assert document == before
    assert take(changed, "train.schedule.warmup.epochs") == 2
    assert take(changed, "train.optimizer.nesterov", "nothing") == "nothing"
    with pytest.raises(NoPlaceError, match=r"is inside train\.optimizer\.name, which is 'sgd'"):
        put(document, {"train.optimizer.name.first": 1})


def test_a_whole_section_comes_before_what_is_inside_it() -> None:
    changed = put({"augment": []}, {"augment.mixup": 0.1, "augment": "medium"})
    assert changed == {"augment": {"preset": "medium", "mixup": 0.1}}


def test_what_is_not_searched_is_the_same_before_and_after_the_best_values_are_written() -> None:
    names = ["train.optimizer.momentum", "augment.mixup", "model.width"]
    document = {"train": {"epochs": 3}, "augment": "light", "model": {"name": "cnn", "width": 8}}
    written = put(document, {names[0]: 0.5, names[1]: 0.1, names[2]: 16})
    assert without(document, names) == without(written, names)
    assert without(document, ["train.epochs"]) != without({**document, "augment": "medium"}, ["train.epochs"])


# ---- the schema --------------------------------------------------------------------------------------------------

DOCUMENT = {
    "task": "image_classification",
    "source": {"kind": "builtin", "name": "digits"},
    "augment": [],
    "model": {"name": "cnn"},
    **{name: {} for name in ("clean", "split", "train", "evaluate", "export", "schedule")},
}


@pytest.fixture(scope="module")
def validator() -> Any:
    return jsonschema.Draft202012Validator(pipeline_schema())


@pytest.mark.parametrize(
    ("tune", "is_valid"),
    [
        (None, False),
        ({}, False),
        ({"space": {}}, False),
        ({"space": {"clean.image_size": [8, 16]}}, False),
        ({"space": {"train.epochs": 3}}, False),
        ({"space": {"train.epochs": {"low": 3}}}, False),
        ({"space": {"train.epochs": [3, 4]}, "sampler": "tpee"}, False),
        (
            {"space": {"train.epochs": [3, 4], "augment": ["light", []], "model.width": {"low": 8, "high": 64, "log": True}}},
            True,
        ),
    ],
    ids=str,
)
def test_the_schema_knows_the_section(validator: Any, tune: Any, is_valid: bool) -> None:
    assert validator.is_valid({**DOCUMENT, "tune": tune}) == is_valid
    assert validator.is_valid(DOCUMENT)
