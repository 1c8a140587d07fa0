"""What random changes make of rows, and that nothing but a row's key decides about it."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dl_assets.artifacts.report import write_json
from dl_assets.artifacts.shards import ArrayReader, ArrayWriter
from dl_assets.augmentation import Augment, read_augment
from dl_assets.config import Choice
from dl_assets.errors import ArtifactError, ConfigError
from dl_assets.inputs._table.codes import code_of
from dl_assets.problems import Document
from dl_assets.transforms import table as transforms
from dl_assets.transforms._policy.keys import keys_of, numbers_of

NUM_ROWS = 4000
RED, GREEN, BLUE = (code_of(word) for word in ("red", "green", "blue"))
AGE, BORN, COLOUR = range(3)  # of which a tenth is missing each
KINDS = {"age": "number", "born": "date", "colour": "category"}


def people() -> NDArray[np.float64]:
    """Age has mean 50 and deviation 10, born is a day of 1970, and of the colours 60 % are red and 10 % blue."""
    rng = np.random.default_rng(0)
    colours = rng.choice([RED, GREEN, BLUE], NUM_ROWS, p=[0.6, 0.3, 0.1])
    rows = np.stack([rng.normal(50, 10, NUM_ROWS), rng.integers(0, 365, NUM_ROWS), colours], axis=1)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


def stored(folder: Path, rows: NDArray[np.float64], kinds: dict[str, str] = KINDS) -> ArrayReader:
    """Write rows as clean does, and open them."""
    write_json(folder / "columns.json", {"columns": [{"name": name, "kind": kind} for name, kind in kinds.items()]})
    with ArrayWriter(folder) as writer:
        shards, places = writer.write_all(rows)
    return ArrayReader(folder, pl.DataFrame({"shard": shards, "row": places}))


def policy(folder: Path, *choices: Choice, rows: NDArray[np.float64] | None = None) -> transforms.Policy:
    arrays = stored(folder, people() if rows is None else rows)
    return transforms.compose(choices, arrays.shape, arrays, folder)


def keys(count: int, epoch: int = 0) -> NDArray[np.uint64]:
    return keys_of(numbers_of(f"sample{index}" for index in range(count)), seed=17, epoch=epoch)


ALL = [Choice(name, {"p": 0.5}) for name in transforms.names()]


# ---- what decides -----------------------------------------------------------------------------------------------


def test_what_happens_to_a_row_depends_on_its_key_alone(tmp_path: Path) -> None:
    made, rows = policy(tmp_path, *ALL), people()
    together = made.batch(rows, keys(NUM_ROWS))
    np.testing.assert_array_equal(rows, people())
    for indices in ([7], [3999, 0, 7], range(100, 163), range(NUM_ROWS - 1, -1, -1)):
        place = np.array(indices)
        np.testing.assert_array_equal(made.batch(rows[place], keys(NUM_ROWS)[place]), together[place])


def test_the_way_in_which_rows_are_given_changes_nothing(tmp_path: Path) -> None:
    made, arrays, indices = policy(tmp_path, *ALL), ArrayReader(tmp_path, places(NUM_ROWS)), np.array([5, 3, 5])
    from_files, out = made.batch(arrays.each(indices), keys(3)), np.zeros((3, 3))
    np.testing.assert_array_equal(from_files, made.batch(iter([arrays[index] for index in indices]), keys(3)))
    assert made.batch(people()[indices], keys(3), out) is out
    np.testing.assert_array_equal(from_files, out)


def places(count: int) -> pl.DataFrame:
    return pl.DataFrame({"shard": [0] * count, "row": range(count)})


def test_every_epoch_changes_other_values(tmp_path: Path) -> None:
    made = policy(tmp_path, Choice("GaussianNoise", {"p": 1.0}))
    first, second = (made.batch(people(), keys(NUM_ROWS, epoch))[:, AGE] for epoch in (0, 1))
    known = ~np.isnan(first)
    assert (first[known] != second[known]).all()


def test_cells_and_changes_are_drawn_independently(tmp_path: Path) -> None:
    made = policy(tmp_path, Choice("MissingValues", {"p": 0.5}), rows=np.ones((NUM_ROWS, 3)))
    twice = policy(tmp_path, *[Choice("MissingValues", {"p": 0.5})] * 2, rows=np.ones((NUM_ROWS, 3)))
    blank, blank_twice = (np.isnan(found.batch(np.ones((NUM_ROWS, 3)), keys(NUM_ROWS))) for found in (made, twice))
    assert np.abs(np.corrcoef(blank.T) - np.eye(3)).max() < 0.05
    assert blank_twice.mean() == pytest.approx(0.75, abs=0.02)


def test_a_policy_comes_back_from_disk_and_from_another_process(tmp_path: Path) -> None:
    made = policy(tmp_path, *ALL)
    expected = made.batch(people(), keys(NUM_ROWS))
    from_disk = transforms.load(json.loads(json.dumps(made.serialise(), allow_nan=False)))
    for again in (from_disk, pickle.loads(pickle.dumps(made))):
        assert (again.stored, again.shape, len(again)) == ((3,), (3,), 4)
        np.testing.assert_array_equal(again.batch(people(), keys(NUM_ROWS)), expected)


# ---- what happens -----------------------------------------------------------------------------------------------


def test_noise_is_normal_in_deviations_of_the_train_part_on_a_share_of_the_known_numbers_and_dates(tmp_path: Path) -> None:
    rows = people()
    changed = policy(tmp_path, Choice("GaussianNoise", {"scale": 0.2, "p": 0.25})).batch(rows, keys(NUM_ROWS))
    np.testing.assert_array_equal(changed[:, COLOUR], rows[:, COLOUR])
    np.testing.assert_array_equal(np.isnan(changed), np.isnan(rows))
    for column in (AGE, BORN):
        noise = (changed - rows)[~np.isnan(rows[:, column]), column]
        assert (noise != 0).mean() == pytest.approx(0.25, abs=0.03)
        noise = noise[noise != 0] / np.nanstd(rows[:, column])
        assert noise.mean() == pytest.approx(0, abs=0.03) and noise.std() == pytest.approx(0.2, abs=0.02)
        assert (np.abs(noise) < 0.2).mean() == pytest.approx(0.683, abs=0.05)


def test_another_category_is_drawn_as_often_as_the_train_part_has_it(tmp_path: Path) -> None:
    rows = people()
    changed = policy(tmp_path, Choice("SwapCategories", {"p": 0.5})).batch(rows, keys(NUM_ROWS))
    np.testing.assert_array_equal(changed[:, :COLOUR], rows[:, :COLOUR])
    before, after = rows[:, COLOUR], changed[:, COLOUR]
    np.testing.assert_array_equal(np.isnan(after), np.isnan(before))
    assert (before != after)[~np.isnan(before)].mean() == pytest.approx(0.5, abs=0.03)
    from_red = after[(before == RED) & (after != RED)]
    assert (from_red == GREEN).mean() == pytest.approx(0.75, abs=0.04) and set(from_red) == {GREEN, BLUE}


def test_a_category_of_one_word_stays_and_a_word_that_train_has_not_is_replaced(tmp_path: Path) -> None:
    rows = np.full((8, 3), RED)
    swap = Choice("SwapCategories", {"p": 1.0})
    assert (policy(tmp_path, swap, rows=rows).batch(rows, keys(8)) == RED).all()
    rows = np.array([[0.0, 0.0, RED], [0.0, 0.0, GREEN]] * 4)
    found = policy(tmp_path, swap, rows=rows).batch(np.full((8, 3), BLUE), keys(8))
    assert set(found[:, COLOUR]) == {RED, GREEN}


def test_swapped_values_are_those_of_other_rows_as_often_as_they_are_there(tmp_path: Path) -> None:
    rows = people()
    changed = policy(tmp_path, Choice("SwapValues", {"p": 1.0})).batch(np.zeros((NUM_ROWS, 3)), keys(NUM_ROWS))
    for column in (AGE, BORN, COLOUR):
        assert np.isnan(changed[:, column]).mean() == pytest.approx(np.isnan(rows[:, column]).mean(), abs=0.02)
        assert set(changed[~np.isnan(changed[:, column]), column]) <= set(rows[:, column])
    for share in (0.1, 0.5, 0.9):
        expected = np.nanquantile(rows[:, AGE], share)
        assert np.nanquantile(changed[:, AGE], share) == pytest.approx(expected, abs=1)
    assert (changed[:, COLOUR] == BLUE).mean() == pytest.approx(0.09, abs=0.02)


def test_a_share_of_all_values_is_blanked(tmp_path: Path) -> None:
    rows = people()
    changed = policy(tmp_path, Choice("MissingValues", {"p": 0.3})).batch(rows, keys(NUM_ROWS))
    known = ~np.isnan(rows)
    for column in range(3):
        assert np.isnan(changed[known[:, column], column]).mean() == pytest.approx(0.3, abs=0.03)
    kept = ~np.isnan(changed)
    np.testing.assert_array_equal(changed[kept], rows[kept])


@pytest.mark.parametrize("name", transforms.names())
def test_nothing_is_changed_where_p_is_0(tmp_path: Path, name: str) -> None:
    made = policy(tmp_path, Choice(name, {"p": 0.0}))
    np.testing.assert_array_equal(made.batch(people(), keys(NUM_ROWS)), people())


@pytest.mark.parametrize(
    "column", [np.full(6, np.nan), np.full(6, 7.0), np.array([1e308, -1e308] * 3), np.array([np.nan, 1.0] * 3)]
)
def test_columns_without_values_or_without_spread_do_no_harm(tmp_path: Path, column: NDArray[np.float64]) -> None:
    rows = np.stack([column, column, column], axis=1)
    changed = policy(tmp_path, *ALL, rows=rows).batch(rows, keys(6))
    assert set(changed[~np.isnan(changed)]) <= set(column)


def test_an_outlier_is_swapped_in_no_oftener_than_it_is_there(tmp_path: Path) -> None:
    rows = people()
    rows[0, AGE] = 1e6
    changed = policy(tmp_path, Choice("SwapValues", {"p": 1.0}), rows=rows).batch(rows, keys(NUM_ROWS))
    assert np.nanmax(changed[:, AGE]) < 100


# ---- what is asked for ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", transforms.PRESETS)
def test_a_preset_suits_every_table(tmp_path: Path, name: str) -> None:
    made = policy(tmp_path, *(Choice(*step) for step in transforms.PRESETS[name](())))
    changed = made.batch(people(), keys(NUM_ROWS))
    assert changed.shape == (NUM_ROWS, 3)
    assert 0.05 < (changed != people())[~np.isnan(people())].mean() < 0.6


def test_no_changes_need_no_data(tmp_path: Path) -> None:
    made = transforms.compose([], (3,))
    np.testing.assert_array_equal(made.batch(people(), keys(NUM_ROWS)), people())
    assert len(transforms.load(made.serialise())) == 0


def test_a_table_that_columns_json_does_not_describe_is_told(tmp_path: Path) -> None:
    arrays = stored(tmp_path, np.zeros((3, 4)))
    with pytest.raises(ArtifactError, match=r"columns\.json describes 3 columns, .* \(4,\)\. Delete the folder and run clean"):
        transforms.compose(ALL, arrays.shape, arrays, tmp_path)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"transforms": [{"Gone": {}}], "stored": [3], "columns": []},
        {"transforms": [{"SwapValues": {"p": 0.1}}], "stored": [3], "columns": []},
        {"transforms": [{"SwapValues": {"q": 0.1}}], "stored": [0], "columns": []},
        {"transforms": [], "stored": [8, 8, 1], "columns": []},
    ],
)
def test_a_broken_policy_says_what_to_run(broken: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match="Run the augment stage again"):
        transforms.load(broken)


def read(section: Any) -> Augment:
    return read_augment(Document(Path("pipelines/people.yaml"), {"augment": section}), section, "table", lambda: None)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (["GausianNoise"], r"augment\[0\] is 'GausianNoise', did you mean 'GaussianNoise'\? Allowed: GaussianNoise, Swap"),
        ([{"GaussianNoise": {"scal": 1}}], r"augment\[0\]\.GaussianNoise\.scal is not known here, did you mean 'scale'\?"),
        ([{"SwapValues": {"p": 2}}], r"augment\[0\]\.SwapValues\.p is 2, but must be at most 1\."),
        ([3], r"must be one transform with its options, such as `- GaussianNoise: \{scale: 0\.1, p: 0\.5\}`"),
        ("digits", r"augment is 'digits'. Allowed: light, medium, heavy"),
        ({"cutmix": 1.0}, r"augment\.cutmix is 1, but CutMix puts a part of one picture on another.* Allowed: mixup\."),
        ({"test_time": "flip"}, r"augment\.test_time is 'flip', but there is no other view of such samples\. Delete it\."),
    ],
)
def test_what_does_not_suit_tables_is_a_problem_of_the_file(section: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(section)


def test_the_section_is_read_before_there_is_data() -> None:
    section = {"transforms": ["SwapValues", {"GaussianNoise": {"scale": 0.3}}], "mixup": 0.2, "cutmix": 0.0, "copies": 2}
    expected = [Choice("SwapValues", {}), Choice("GaussianNoise", {"scale": 0.3})]
    assert read(section) == Augment(expected, mixup=0.2, copies=2)
    assert [choice.name for choice in read("medium").transforms] == ["GaussianNoise", "SwapCategories"]


@pytest.mark.parametrize("num_rows", [300, 100_000])
def test_what_is_suggested_can_be_used(num_rows: int) -> None:
    read(transforms.suggest(num_rows))
