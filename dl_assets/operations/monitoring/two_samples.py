"""How far two samples lie apart, and how likely chance alone would bring them so far: numbers, words and embeddings."""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import cdist, pdist

Floats = NDArray[np.float64]
REST = "all others"
_LEAST_EXPECTED = 5.0  # samples of a word, below which the chi-squared distribution does not hold (Cochran, 1954)
_MOST_EMBEDDINGS = 500  # of each sample, drawn; the cost grows with the square
_PERMUTATIONS = 9_999  # else no p-value would be small enough after the correction for many tests
_AT_ONCE = 500  # of them
_SEED = 17
_ROUNDING = 1e-12


def compare_numbers(reference: Floats, window: Floats) -> tuple[float, float]:
    """Return the Kolmogorov-Smirnov distance, 0 to 1, of two samples [N] and [M], and its p-value.

    >>> compare_numbers(np.array([1.0, 2.0]), np.array([3.0, 4.0]))[0]
    1.0
    """
    found = stats.ks_2samp(reference, window)
    return float(found.statistic), float(found.pvalue)


def compare_words(reference: pl.Series, window: pl.Series) -> tuple[float, float]:
    """Return the population stability index of the shares of words, and the p-value of the chi-squared test.

    PSI = sum over words of (q - p) ln(q / p), with half a sample added to each count, so that a word that is new has a
    finite one. Words too rare to be told from chance count as one; where no two are left, nothing differs.

    >>> compare_words(pl.Series(["a", "b"] * 50), pl.Series(["a", "b"] * 20))
    (0.0, 1.0)
    """
    counts = count_words(reference, window)
    if counts.shape[1] < 2:
        return 0.0, 1.0
    shares = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    index = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    return index, float(stats.chi2_contingency(counts, correction=False).pvalue)


def count_words(reference: pl.Series, window: pl.Series) -> Floats:
    """Return how often each word is in both, [2, words]; those expected less than five times in the smaller one are one."""
    frames = [series.drop_nulls().value_counts(name=name) for series, name in ((reference, "p"), (window, "q"))]
    word = reference.name
    both = frames[0].join(frames[1].rename({window.name: word}), on=word, how="full", coalesce=True).sort(word)
    counts: Floats = both.select("p", "q").fill_null(0).to_numpy().astype(np.float64).T
    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / max(counts.sum(), 1)
    rare = expected < _LEAST_EXPECTED
    rest = counts[:, rare].sum(axis=1, keepdims=True)
    return np.hstack([counts[:, ~rare], rest]) if rest.any() else counts[:, ~rare]


def compare_missing(num_missing: tuple[int, int], num_samples: tuple[int, int]) -> tuple[float, float]:
    """Return by how much the share of missing values differs, 0 to 1, and the p-value of Fisher's exact test."""
    missing, there = np.array(num_missing), np.array(num_samples) - np.array(num_missing)
    shares = missing / np.maximum(num_samples, 1)
    return float(abs(shares[1] - shares[0])), float(stats.fisher_exact([missing, there]).pvalue)


def compare_embeddings(reference: Floats, window: Floats, permutations: int = _PERMUTATIONS) -> tuple[float, float]:
    """Return the maximum mean discrepancy of embeddings [N, K] and [M, K], and the p-value by permutation.

    The kernel is Gaussian, exp(-d^2 / m), m the median squared distance within the reference; the discrepancy is the root
    of the unbiased estimate (Gretton et al., 2012), 0 where that is negative. Of each sample at most 500 are drawn.
    """
    random = np.random.default_rng(_SEED)
    drawn = [one[np.sort(random.permutation(len(one))[:_MOST_EMBEDDINGS])] for one in (reference, window)]
    scale = float(np.median(pdist(drawn[0], "sqeuclidean"))) or 1.0
    both = np.vstack(drawn)
    kernel = np.exp(-cdist(both, both, "sqeuclidean") / scale)
    np.fill_diagonal(kernel, 0)
    first = (np.arange(len(both)) < len(drawn[0])).astype(np.float64)  # 1 for those of the reference
    found = float(_discrepancies(kernel, first[None])[0])
    at_least = 0
    for start in range(0, permutations, _AT_ONCE):
        divisions = np.broadcast_to(first, (min(_AT_ONCE, permutations - start), len(both)))
        at_least += int((_discrepancies(kernel, random.permuted(divisions, axis=1)) >= found - _ROUNDING).sum())
    return float(np.sqrt(max(found, 0.0))), (1 + at_least) / (1 + permutations)


def _discrepancies(kernel: Floats, first: Floats) -> Floats:
    """Return the unbiased squared discrepancy of each division [P, N + M]; the kernel [N + M, N + M] has zeros as diagonal."""
    n = first[0].sum()
    m = len(kernel) - n
    towards = first @ kernel  # [P, N + M]
    within_first = (towards * first).sum(axis=1)
    between = towards.sum(axis=1) - within_first
    within_second = kernel.sum() - within_first - 2 * between
    found: Floats = within_first / (n * (n - 1)) + within_second / (m * (m - 1)) - 2 * between / (n * m)
    return found
