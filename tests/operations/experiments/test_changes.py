"""What the words of `dl experiment` mean, and which of them are refused before anything runs."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML
from workspace import DIGITS

from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError
from dl_assets.operations.experiments.changes import MAX_COMBINATIONS, combinations, read_changes, require_valid
from dl_assets.orchestration.experiment_fields import experiment_words


def config() -> Pipeline:
    return Pipeline(Path("pipelines/digits.yaml"), YAML().load(DIGITS.replace("augment: digits", "augment: []")))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("train.learning_rate=0.01,1e-3", [0.01, 0.001]),
        ("model.width=8", [8]),
        ("model.hidden=[64, 32],[128]", [[64, 32], [128]]),
        ("augment=light,none", ["light", "none"]),
        ('clean.labels={"Cat": "cat"}', [{"Cat": "cat"}]),
        ("train.compile=true,false", [True, False]),
        ("train.clip_gradients=null,1.0", [None, 1.0]),
    ],
)
def test_values_are_read_as_yaml_reads_them_but_exponents_need_no_point(word: str, expected: list[object]) -> None:
    assert list(read_changes([word]).values()) == [expected]


@pytest.mark.parametrize("word", ["train.epochs", "=3", "train.epochs=", "model.hidden=[1,2"])
def test_words_that_name_no_place_and_values_are_refused(word: str) -> None:
    with pytest.raises(ConfigError, match=r"train\.learning_rate=0\.01,0\.001"):
        read_changes([word])


def test_a_place_is_given_once() -> None:
    with pytest.raises(ConfigError, match=r"train\.epochs is given twice"):
        read_changes(["train.epochs=1", "train.epochs=2"])


def test_every_combination_is_one_experiment_and_equal_ones_are_one() -> None:
    assert combinations({"a.b": [1, 2, 1], "c.d": ["x", "y"]}) == [
        {"a.b": 1, "c.d": "x"},
        {"a.b": 1, "c.d": "y"},
        {"a.b": 2, "c.d": "x"},
        {"a.b": 2, "c.d": "y"},
    ]


@pytest.mark.parametrize("changes", [{}, {"train.epochs": []}])
def test_nothing_changed_is_no_experiment(changes: dict[str, list[object]]) -> None:
    with pytest.raises(ConfigError, match="changes something"):
        combinations(changes)


def test_too_many_combinations_are_refused() -> None:
    with pytest.raises(ConfigError, match="dl tune"):
        combinations({"train.seed": list(range(MAX_COMBINATIONS + 1))})


def test_wrong_places_and_values_are_told_in_the_words_of_the_pipeline_file_each_once() -> None:
    changes = {"train.lerning_rate": [1], "train.epochs": [3, 0], "schedule.cron": ["x"], "task.name": [1]}
    with pytest.raises(ConfigError) as caught:
        require_valid(config(), [{"train.lerning_rate": 1, "train.epochs": epochs} for epochs in (3, 0)])
    message = str(caught.value)
    assert message.count("train.lerning_rate is not known here, did you mean 'learning_rate'?") == 1
    assert message.count("train.epochs is 0, but must be at least 1.") == 1
    with pytest.raises(ConfigError, match=r"schedule\.cron is no place that an experiment can change\. Allowed: source, clean"):
        require_valid(config(), combinations(changes))


def test_a_place_inside_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"train\.epochs\.x is inside train\.epochs, which is 2"):
        require_valid(config(), [{"train.epochs.x": 1}])


def test_what_is_typed_in_the_launchpad_is_read_by_the_command_as_it_was_meant() -> None:
    changes = {"train.learning_rate": [0.01, 1], "augment": ["light", "a, b"], "model.hidden": [[1, 2], None]}
    words = experiment_words({"changes": changes, "name": "mine"})
    assert words[-2:] == ["--name", "mine"]
    assert read_changes(words[:-2]) == changes
