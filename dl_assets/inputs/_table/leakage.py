"""Single columns that predict the target almost perfectly: most of them were written down after it was known."""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

PERFECT = 0.99  # accuracy, or R2, from which a column is suspected
_LOPSIDED = 0.95  # share of the commonest class from which classes count alike, for accuracy says nothing then
_MAX_ROWS, _FIRST_ROWS = 20_000, 2_000
_FOLDS, _SEED = 5, 17
_DEPTH, _MIN_LEAF = 8, 3
_PROMISING = 0.97  # on the rows that it was fitted on: what is less cannot be PERFECT on others

Values = NDArray[np.float64]


def leaks(typed: pl.LazyFrame, targets: pl.Series) -> list[tuple[str, float]]:
    """Return the suspected columns and how well each predicts the target by itself, best first.

    `targets` are Float64 (then by R2), or words (by accuracy; by the mean over the classes where one is nearly all). A
    decision tree on one column answers every fifth of 20,000 rows at most from the others; of words, the commonest target of
    the same word does.
    """
    every = -(-len(targets) // _MAX_ROWS) or 1
    rows = typed.gather_every(every).collect()
    wanted = targets.gather_every(every)
    known = wanted.is_not_null()
    rows, wanted = rows.filter(known), wanted.filter(known)
    if len(rows) < 2 * _FOLDS or wanted.n_unique() < 2:
        return []
    judge = _Numbers(wanted) if wanted.dtype.is_numeric() else _Classes(wanted)
    found = [(column.name, score) for column in rows.iter_columns() if (score := _score(column, judge)) >= PERFECT]
    return sorted(found, key=lambda item: -item[1])


class _Numbers:
    """How well numbers are predicted."""

    is_classes = False

    def __init__(self, targets: pl.Series) -> None:
        self.targets = _float(targets)

    def score(self, wanted: Values, given: Values) -> float:
        spread = float(np.square(wanted - wanted.mean()).sum())
        return 1 - float(np.square(wanted - given).sum()) / spread if spread else 0.0

    def typical(self, targets: Values) -> float:
        return float(targets.mean())


class _Classes:
    """How well classes are predicted."""

    is_classes = True

    def __init__(self, targets: pl.Series) -> None:
        self.targets = _float(targets.rank("dense"))
        self._is_lopsided = np.bincount(self.targets.astype(np.int64)).max() >= _LOPSIDED * len(targets)

    def score(self, wanted: Values, given: Values) -> float:
        is_right = wanted == given
        if not self._is_lopsided:
            return float(is_right.mean())
        return float(np.mean([is_right[wanted == name].mean() for name in np.unique(wanted)]))

    def typical(self, targets: Values) -> float:
        return float(np.bincount(targets.astype(np.int64)).argmax())


_Judge = _Numbers | _Classes


def _score(column: pl.Series, judge: _Judge) -> float:
    """Return how well the column answers what it was not fitted on; 0 where it does badly on what it was."""
    is_words = column.dtype == pl.String
    # Missing is a word, too; a tree takes it as it is.
    inputs = _float(column.fill_null("").rank("dense") if is_words else column)
    predict = _by_word if is_words else _by_tree
    first = np.random.default_rng(_SEED).permutation(len(inputs))[:_FIRST_ROWS]
    few, wanted = inputs[first], judge.targets[first]
    if judge.score(wanted, predict(few, wanted, few, judge)) < _PROMISING:
        return 0.0
    answers = np.zeros(len(inputs))
    for seen, unseen in _folds(judge):
        answers[unseen] = predict(inputs[seen], judge.targets[seen], inputs[unseen], judge)
    return judge.score(judge.targets, answers)


def _folds(judge: _Judge) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    fold = np.random.default_rng(_SEED).permutation(len(judge.targets)) % _FOLDS
    for index in range(_FOLDS):
        yield np.flatnonzero(fold != index), np.flatnonzero(fold == index)


def _by_tree(seen: Values, targets: Values, asked: Values, judge: _Judge) -> Values:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    tree = (DecisionTreeClassifier if judge.is_classes else DecisionTreeRegressor)(
        max_depth=_DEPTH, min_samples_leaf=_MIN_LEAF, random_state=_SEED
    )
    answers: Values = tree.fit(seen[:, None], targets).predict(asked[:, None])
    return answers


def _by_word(seen: Values, targets: Values, asked: Values, judge: _Judge) -> Values:
    """Answer the typical target of a word; of one that was not seen, that of all."""
    answer_of = np.full(int(max(seen.max(), asked.max())) + 1, judge.typical(targets))
    order = np.argsort(seen, kind="stable")
    words, starts = np.unique(seen[order], return_index=True)
    for word, group in zip(words, np.split(targets[order], starts[1:]), strict=True):
        if len(group) >= _MIN_LEAF:  # a word of its own in every row predicts nothing
            answer_of[int(word)] = judge.typical(group)
    answers: Values = answer_of[asked.astype(np.int64)]
    return answers


def _float(numbers: pl.Series) -> Values:
    return numbers.cast(pl.Float64).to_numpy().astype(np.float64)
