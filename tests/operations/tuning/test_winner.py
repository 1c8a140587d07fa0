"""Values are written into a pipeline file as a careful person would: nothing else changes."""

import difflib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dl_assets.errors import PipelineError
from dl_assets.operations.tuning.winner import Proposal, with_values
from dl_assets.problems import plain
from dl_assets.search_space import put

CASES = {
    "one line": (
        "augment: digits  # never mirrored\nmodel: {name: cnn}\ntrain: {epochs: 20, learning_rate: 3.0e-3}\nevaluate: {}\n",
        {"train.learning_rate": 0.00123, "train.seed": 3, "augment.mixup": 0.2, "model.width": 16},
        "augment: {preset: digits, mixup: 0.2}  # never mirrored\nmodel: {name: cnn, width: 16}\n"
        "train: {epochs: 20, learning_rate: 0.00123, seed: 3}\nevaluate: {}\n",
    ),
    "blocks": (
        "# the network\nmodel:\n    name: cnn   # simple\n\n# training\ntrain:\n    epochs: 20  # long\n"
        "    # about the rate\n    learning_rate: 3.0e-3\n\nexport: {}\n",
        {"train.batch_size": 32, "model.width": 8, "train.learning_rate": 3e-5},
        "# the network\nmodel:\n    name: cnn   # simple\n    width: 8\n\n# training\ntrain:\n    epochs: 20  # long\n"
        "    # about the rate\n    learning_rate: 3.0e-05\n    batch_size: 32\n\nexport: {}\n",
    ),
    "a list becomes a name": (
        "augment:\n  - HorizontalFlip   # yes\n  - Affine: {rotate: 3}  # last\n\n# next\nmodel: {}\n",
        {"augment": "light"},
        "augment: light  # last\n\n# next\nmodel: {}\n",
    ),
    "a name becomes a list": (
        "augment: light\n",
        {"augment": [{"HorizontalFlip": {"p": 0.5}}, "Blur"]},
        "augment: [{HorizontalFlip: {p: 0.5}}, Blur]\n",
    ),
    "nothing there": (
        "train:\naugment:   # none\nmodel: {}\n",
        {"train.epochs": 3, "augment": "light", "model.name": "cnn"},
        "train: {epochs: 3}\naugment: light   # none\nmodel: {name: cnn}\n",
    ),
    "deep inside": (
        "train:\n  optimizer:\n    name: sgd\n    momentum: 0.9   # m\n\n  epochs: 3",
        {"train.optimizer.momentum": 0.95, "train.optimizer.nesterov": True, "train.seed": 1},
        "train:\n  optimizer:\n    name: sgd\n    momentum: 0.95   # m\n    nesterov: true\n\n  epochs: 3\n  seed: 1",
    ),
    "a mapping on several lines": (
        "train: {epochs: 3,\n   seed: 1,  # s\n   }\n",
        {"train.batch_size": 8},
        "train: {epochs: 3,\n   seed: 1, batch_size: 8,  # s\n   }\n",
    ),
    "line ends of Windows": ("train:\r\n  epochs: 3\r\n", {"train.epochs": 5}, "train:\r\n  epochs: 5\r\n"),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_only_the_values_change(case: str) -> None:
    before, values, after = CASES[case]
    document = plain(YAML().load(before))
    assert with_values(before, document, values) == after
    assert plain(YAML().load(after)) == put(document, values)


def test_a_proposal_shows_a_diff_and_writes_only_when_it_is_told_to(project: Any) -> None:
    before = project.file.read_text()
    proposal = Proposal(
        Path("pipelines/tiny.yaml"), project.root, {"train.learning_rate": 0.01, "train.epochs": 3, "model.width": 16}
    )
    lines = proposal.diff().splitlines()
    assert [line for line in lines if line[0] in "+-"] == [
        "--- pipelines/tiny.yaml",
        "+++ pipelines/tiny.yaml",
        "-model: {name: cnn, width: 8, depth: 1}",
        "+model: {name: cnn, width: 16, depth: 1}",
        "-  learning_rate: 3.0e-3",
        "+  learning_rate: 0.01",
    ]
    assert project.file.read_text() == before
    proposal.write()
    after = project.file.read_text()
    assert list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3))[2:] == lines[2:]
    assert "  # as it was\n" in after and "epochs: 3  # few\n" in after


def test_equal_values_are_no_change(project: Any) -> None:
    assert Proposal(Path("pipelines/tiny.yaml"), project.root, {"train.learning_rate": 0.003}).diff() == ""


def test_a_file_that_cannot_be_changed_by_itself_is_left_alone_and_the_values_are_told(project: Any) -> None:
    text = project.file.read_text()
    project.file.write_text(text.replace("  early_stopping: 0\n", "  early_stopping: 0\n  more: >\n    folded\n    text\n"))
    with pytest.raises(PipelineError, match=r"tiny.yaml is written in a way .* Write there: train.seed: 3, model.depth: 2"):
        Proposal(Path("pipelines/tiny.yaml"), project.root, {"train.seed": 3, "model.depth": 2})
