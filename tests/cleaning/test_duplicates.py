"""What stays of equal and nearly equal samples, and that nobody is judged twice or without a reason."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_assets.cleaning.duplicates import cluster_names, resolve

Case = tuple[pl.DataFrame, pl.DataFrame]
PAIRS = {"first": pl.UInt32, "second": pl.UInt32, "distance": pl.UInt32}


def table(*rows: tuple[str, str, str | None]) -> pl.DataFrame:
    """Samples of (digest, target, part); origin 0.png, 1.png, ..."""
    columns = {"id": pl.String, "origin": pl.String, "digest": pl.String, "target": pl.String, "part": pl.String}
    numbered = [(str(index), f"{index}.png", *row) for index, row in enumerate(rows)]
    return pl.DataFrame(numbered, schema=columns, orient="row")


def near(*rows: tuple[int, int, int]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=PAIRS, orient="row")


@st.composite
def cases(draw: st.DrawFn) -> Case:
    sample = st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(("cat", "dog")), st.sampled_from((None, "train", "test")))
    samples = table(*draw(st.lists(sample, min_size=1, max_size=14)))
    firsts = samples.with_row_index().unique("digest", keep="first", maintain_order=True)["index"].to_list()
    possible = [(i, j, (i + j) % 7) for j in firsts for i in firsts if i < j]
    pairs = draw(st.lists(st.sampled_from(possible), unique=True, max_size=12)) if possible else []
    return samples, near(*pairs)


def neighbours(case: Case) -> dict[str, set[str]]:
    """Return id -> ids of what is equal or near to it; the reference, by the definition alone."""
    samples, pairs = case
    digests = samples["digest"].to_list()
    linked = {frozenset((digests[i], digests[j])) for i, j, _ in pairs.iter_rows()}
    ids = range(len(samples))
    return {
        str(i): {str(j) for j in ids if j != i and (digests[i] == digests[j] or {digests[i], digests[j]} in linked)}
        for i in ids
    }


def left(case: Case) -> set[str]:
    return set(case[0]["id"]) - set(resolve(*case)["id"])


def targets(case: Case) -> dict[str, str]:
    return dict(case[0].select("id", "target").iter_rows())


@settings(deadline=None)
@given(case=cases())
def test_nobody_is_found_twice(case: Case) -> None:
    assert resolve(*case)["id"].is_unique().all()


@settings(deadline=None)
@given(case=cases())
def test_whoever_has_no_neighbour_is_not_found(case: Case) -> None:
    lonely = {sample for sample, others in neighbours(case).items() if not others}
    assert lonely <= left(case)


@settings(deadline=None)
@given(case=cases())
def test_of_those_that_stay_no_two_are_equal_or_near(case: Case) -> None:
    staying = left(case)
    assert not [sample for sample in staying if neighbours(case)[sample] & staying]


@settings(deadline=None)
@given(case=cases())
def test_label_conflicts_are_just_those_with_a_neighbour_of_another_target(case: Case) -> None:
    target = targets(case)
    expected = {
        sample for sample, others in neighbours(case).items() if any(target[other] != target[sample] for other in others)
    }
    assert set(resolve(*case).filter(reason="label_conflict")["id"]) == expected


@settings(deadline=None)
@given(case=cases())
def test_for_every_near_duplicate_a_near_one_stays(case: Case) -> None:
    staying = left(case)
    for sample in resolve(*case).filter(reason="near_duplicate")["id"]:
        assert neighbours(case)[sample] & staying


@settings(deadline=None)
@given(case=cases())
def test_a_sample_of_test_goes_only_for_another_of_test(case: Case) -> None:
    parts = dict(case[0].select("id", "part").iter_rows())
    staying = left(case)
    for sample, reason in resolve(*case).select("id", "reason").iter_rows():
        if parts[sample] == "test" and reason == "near_duplicate":
            assert [other for other in neighbours(case)[sample] & staying if parts[other] == "test"]


@settings(deadline=None)
@given(case=cases())
def test_a_cluster_is_what_hangs_together_named_by_its_smallest_digest(case: Case) -> None:
    names = dict(zip(case[0]["id"], cluster_names(*case), strict=True))
    digests = dict(case[0].select("id", "digest").iter_rows())
    linked = neighbours(case)
    for sample in names:
        reached, front = {sample}, [sample]
        while front:
            new = linked[front.pop()] - reached
            reached |= new
            front += new
        assert names[sample] == min(digests[other] for other in reached)


def test_of_equal_samples_the_first_stays() -> None:
    samples = table(("a", "cat", None), ("a", "cat", None), ("b", "cat", None), ("a", "cat", None))
    assert resolve(samples, near()).drop("other").rows() == [
        ("1", "exact_duplicate", "same pixels as 0.png"),
        ("3", "exact_duplicate", "same pixels as 0.png"),
    ]


def test_a_near_duplicate_names_the_one_that_stays_and_the_distance() -> None:
    samples = table(("a", "cat", None), ("b", "cat", None), ("c", "cat", None))
    found = resolve(samples, near((0, 1, 3), (1, 2, 2)))
    assert found.rows() == [("1", "near_duplicate", "like 0.png (distance 3)", "0")]


def test_a_leak_is_taken_out_of_train() -> None:
    samples = table(("a", "cat", "train"), ("a", "cat", "test"), ("b", "dog", "train"), ("c", "dog", "val"))
    assert resolve(samples, near((2, 3, 1))).drop("other").rows() == [
        ("0", "exact_duplicate", "same pixels as 1.png, which is in test; this one is in train"),
        ("2", "near_duplicate", "like 3.png (distance 1), which is in val; this one is in train"),
    ]


def test_two_targets_of_one_picture_are_both_told() -> None:
    samples = table(("a", "cat", None), ("a", "dog", None), ("b", "cat", None))
    assert resolve(samples, near((0, 2, 4))).drop("other").rows() == [
        ("0", "label_conflict", "same pixels as 1.png, whose target is 'dog' and not 'cat'"),
        ("1", "label_conflict", "same pixels as 0.png, whose target is 'cat' and not 'dog'"),
        ("2", "label_conflict", "like 1.png (distance 4), whose target is 'dog' and not 'cat'"),
    ]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"exact_duplicates": "keep"}, [("2", "near_duplicate")]),
        ({"exact_duplicates": "flag"}, [("1", "exact_duplicate"), ("2", "near_duplicate")]),
        ({"near_duplicates": "keep"}, [("1", "exact_duplicate")]),
    ],
)
def test_what_is_kept_is_not_told(options: dict[str, str], found: list[tuple[str, str]]) -> None:
    samples = table(("a", "cat", None), ("a", "cat", None), ("b", "cat", None))
    assert resolve(samples, near((0, 2, 1)), **options).select("id", "reason").rows() == found


def test_where_conflicts_are_only_flagged_repeats_are_still_found() -> None:
    samples = table(("a", "cat", None), ("a", "cat", None), ("a", "dog", None))
    found = resolve(samples, near(), label_conflicts="flag").select("id", "reason").rows()
    assert found == [("0", "label_conflict"), ("1", "label_conflict"), ("2", "label_conflict"), ("1", "exact_duplicate")]


@settings(deadline=None)
@given(case=cases())
def test_the_other_one_is_a_neighbour(case: Case) -> None:
    linked = neighbours(case)
    assert all(other in linked[sample] for sample, other in resolve(*case).select("id", "other").iter_rows())
