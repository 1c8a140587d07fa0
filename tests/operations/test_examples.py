"""The examples are pipelines that pass every check but that of their data, which is not here."""

import re
from pathlib import Path

import pytest

from dl_assets.config import SECTIONS, read_pipeline, scan_pipelines

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = sorted((REPOSITORY / "pipelines" / "examples").glob("*.yaml"))


def test_there_are_examples_and_none_of_them_is_a_pipeline_of_this_project() -> None:
    assert {path.stem for path in EXAMPLES} >= {"cifar10", "dogs_vs_cats"}
    assert not {path.stem for path in EXAMPLES} & set(scan_pipelines(REPOSITORY)[0])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_passes_every_check_and_has_every_section(path: Path) -> None:
    pipeline = read_pipeline(path, REPOSITORY).check()
    assert list(pipeline.document) == list(SECTIONS)


def test_the_pattern_of_dogs_vs_cats_fits_the_names_of_the_competition() -> None:
    pattern = read_pipeline(REPOSITORY / "pipelines" / "examples" / "dogs_vs_cats.yaml", REPOSITORY).source.options["pattern"]
    found = [re.search(pattern, name) for name in ("cat.0.jpg", "dog.12499.jpg", "1.jpg")]
    assert [match and match["target"] for match in found] == ["cat", "dog", None]


def test_a_tenth_of_the_training_photos_of_cifar10_becomes_val() -> None:
    split = read_pipeline(REPOSITORY / "pipelines" / "examples" / "cifar10.yaml", REPOSITORY).split
    assert split.val / (split.train + split.val) == pytest.approx(0.1)
