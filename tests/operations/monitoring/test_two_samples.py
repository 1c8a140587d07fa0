"""Distances of two samples, against scipy, sums by hand, and what chance does."""

import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from dl_assets.operations.monitoring.two_samples import (
    compare_embeddings,
    compare_missing,
    compare_numbers,
    compare_words,
    count_words,
)

RANDOM = np.random.default_rng(5)


def words(**counts: int) -> pl.Series:
    return pl.Series("word", [word for word, count in counts.items() for _ in range(count)])


def test_the_distance_of_numbers_is_the_largest_gap_of_the_two_distributions() -> None:
    distance, p = compare_numbers(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6]))
    assert distance == 0.5
    assert p == stats.ks_2samp([1, 2, 3, 4], [3, 4, 5, 6]).pvalue


def test_the_stability_index_is_the_sum_by_hand() -> None:
    index, p = compare_words(words(a=50, b=50), words(a=30, b=70))
    before, now = (50.5 / 101, 50.5 / 101), (30.5 / 101, 70.5 / 101)
    assert index == pytest.approx(sum((q - p) * math.log(q / p) for p, q in zip(before, now, strict=True)))
    assert p == pytest.approx(stats.chi2_contingency([[50, 50], [30, 70]], correction=False).pvalue)


def test_a_word_that_is_new_has_a_finite_index_and_is_beyond_chance() -> None:
    index, p = compare_words(words(a=500), words(a=400, b=100))
    assert 0.2 < index < 10 and p < 1e-9


def test_words_too_rare_to_tell_are_counted_as_one() -> None:
    assert count_words(words(a=100, b=3, c=4), words(a=90, d=6)).tolist() == [[100, 7], [90, 6]]


def test_where_one_word_is_left_nothing_differs() -> None:
    assert compare_words(words(a=100), words(a=50)) == (0.0, 1.0)


def test_missing_values_are_held_against_each_other_by_fishers_exact_test() -> None:
    share, p = compare_missing((0, 30), (1000, 200))
    assert share == pytest.approx(0.15)
    assert p == pytest.approx(stats.fisher_exact([[0, 30], [1000, 170]]).pvalue)


def test_the_discrepancy_of_embeddings_is_the_unbiased_estimate() -> None:
    one, other = RANDOM.normal(size=(6, 2)), RANDOM.normal(size=(5, 2)) + 2

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return math.exp(-((a - b) ** 2).sum() / scale)

    scale = np.median([((one[i] - one[j]) ** 2).sum() for i in range(6) for j in range(i)])
    within = [np.mean([kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]) for x in (one, other)]
    between = np.mean([kernel(a, b) for a in one for b in other])
    distance, p = compare_embeddings(one, other)
    assert distance == pytest.approx(math.sqrt(within[0] + within[1] - 2 * between))
    assert 0 < p < 0.05


def test_embeddings_of_the_same_kind_differ_by_chance_as_often_as_they_should() -> None:
    found = [compare_embeddings(RANDOM.normal(size=(60, 3)), RANDOM.normal(size=(40, 3)), 99)[1] for _ in range(100)]
    assert stats.kstest(found, "uniform").pvalue > 0.01
