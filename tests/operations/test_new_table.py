"""`dl new` for a table: a short pipeline file and the schema of its columns, which `dl check` finds sound."""

import random
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from dl_assets.errors import ConfigError
from dl_assets.inputs._table.schema_file import read_schema
from dl_assets.operations.check import find_problems
from dl_assets.operations.new import new_pipeline

CLASSES, NUMBERS = "tabular_classification", "tabular_regression"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    draw = random.Random(17)
    rows = [
        f"{draw.gauss(50, 9):.3f},{draw.choice('abc')},{draw.choice(['yes', 'no'])},{draw.gauss(0, 1):.6f}" for _ in range(300)
    ]
    (tmp_path / "shop.csv").write_text("\n".join(["size,shelf,sold,price", *rows]))
    (tmp_path / "pipelines").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("task", "target"), [(CLASSES, "sold"), (NUMBERS, "price")])
def test_the_file_is_short_and_sound_and_the_schema_lies_beside_it(root: Path, task: str, target: str) -> None:
    path = new_pipeline("shop", task, "shop.csv", target=target)
    assert len(path.read_text().splitlines()) <= 25
    kinds = {column.name: column.kind for column in read_schema(root / "pipelines/schemas/shop.yaml").columns}
    assert {"size": "number", "shelf": "category"}.items() <= kinds.items() and target not in kinds
    assert [str(problem) for problem in find_problems("shop", root)] == []


def test_the_time_of_a_training_may_be_given(root: Path) -> None:
    train = YAML(typ="safe").load(new_pipeline("shop", CLASSES, "shop.csv", target="sold", minutes=2).read_text())["train"]
    assert train["budget_minutes"] == 2 and "epochs" not in train


def test_rows_that_repeat_each_other_by_nature_are_kept(root: Path) -> None:
    lines = [f"{index % 5},{index % 3},{'yes' if index % 2 else 'no'}" for index in range(100)]
    (root / "dice.csv").write_text("\n".join(["first,second,won", *lines]))
    clean = YAML(typ="safe").load(new_pipeline("dice", CLASSES, "dice.csv", target="won").read_text())["clean"]
    assert (clean["exact_duplicates"], clean["label_conflicts"]) == ("flag", "flag")


@pytest.mark.parametrize(
    ("task", "target", "says"),
    [
        (NUMBERS, "sold", "Only 0% of the targets are numbers .*--task tabular_classification"),
        (CLASSES, "price", "different values in .* rows, too many for classes.*--task tabular_regression"),
        ("image_classification", "sold", "--target names a column of a table"),
    ],
)
def test_a_target_that_does_not_suit_the_task_is_told(root: Path, task: str, target: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        new_pipeline("shop", task, "shop.csv", target=target)
    assert list((root / "pipelines").glob("**/*.yaml")) == []


def test_a_mistake_in_the_schema_is_told_by_check(root: Path) -> None:
    new_pipeline("shop", CLASSES, "shop.csv", target="sold")
    schema = root / "pipelines/schemas/shop.yaml"
    schema.write_text(schema.read_text().replace("kind: number", "kind: numbr", 1))
    (problem,) = find_problems("shop", root)
    assert "shop.yaml" in str(problem) and "'numbr', did you mean 'number'?" in str(problem)
