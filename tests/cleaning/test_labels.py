"""Names of classes: renamed by the mapping alone, suggested where they look like a slip, counted."""

import polars as pl
import pytest

from dl_assets.cleaning.labels import class_checks, label_checks, suggestions


def targets(**sizes: int) -> pl.Series:
    return pl.Series("target", [name for name, size in sizes.items() for _ in range(size)])


def found(**sizes: int) -> list[tuple[str, str]]:
    return [(suggestion.found, suggestion.instead) for suggestion in suggestions(targets(**sizes))]


@pytest.mark.parametrize("slip", ["Cat", "cat ", " CAT", "ｃａｔ"])
def test_the_same_but_for_its_spelling_is_suggested(slip: str) -> None:
    assert found(**{slip: 2, "cat": 5, "dog": 5}) == [(slip, "cat")]


def test_separators_are_one_spelling() -> None:
    assert found(**{"red panda": 3, "red_panda": 2, "red-panda": 1}) == [("red-panda", "red panda"), ("red_panda", "red panda")]


@pytest.mark.parametrize("slip", ["tigre", "tigr", "tiiger", "tigeR", "figer"])
def test_a_rare_name_one_letter_from_a_common_one_is_suggested(slip: str) -> None:
    assert found(**{slip: 1, "tiger": 100}) == [(slip, "tiger")]


@pytest.mark.parametrize(
    "names",
    [
        {"tiger": 100, "tigre": 50},  # as common
        {"grade1": 100, "grade2": 1},  # a digit
        {"cat": 100, "car": 1},  # short
        {"1": 100, "-1": 2},
        {"A": 100, "A-": 2},
        {"tiger": 100, "lion": 1},
    ],
)
def test_other_names_are_no_slips(names: dict[str, int]) -> None:
    assert found(**names) == []


def test_a_suggestion_says_how_many_and_why() -> None:
    suggestion = suggestions(targets(Cat=2, cat=5))[0]
    assert (suggestion.num_samples, suggestion.reason) == (2, "the same but for its spelling")


def test_a_name_in_the_mapping_that_no_sample_has_is_a_warning() -> None:
    check = label_checks(targets(cat=1), {"cta": "cat"})[0]
    assert (check.passed, check.severity, check.value) == (False, "warning", 1)
    assert "'cta'" in check.detail


def test_a_mapping_that_is_used_or_empty_passes() -> None:
    assert [label_checks(targets(Cat=1), mapping)[0].passed for mapping in ({"Cat": "cat"}, {})] == [True, True]


def checked(**sizes: int) -> dict[str, bool]:
    found = class_checks(targets(**sizes).cast(pl.String).to_frame(), min_class_size=3, max_imbalance=4)
    assert all(check.severity == "warning" for check in found)
    return {check.name: check.passed for check in found}


def test_even_classes_pass() -> None:
    assert checked(cat=3, dog=12) == {"class_size": True, "class_imbalance": True}


def test_a_tiny_class_is_a_warning() -> None:
    assert checked(cat=2, dog=8) == {"class_size": False, "class_imbalance": True}


def test_imbalance_is_a_warning() -> None:
    assert checked(cat=3, dog=13) == {"class_size": True, "class_imbalance": False}


def test_no_samples_at_all_are_too_few() -> None:
    assert checked() == {"class_size": False, "class_imbalance": True}
