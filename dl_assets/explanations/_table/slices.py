"""The panel that tells on which samples the network is worse: those of one word, a quarter of a number, or without a value."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.panel import Panel
from dl_assets.explanations._table.judge import Judge
from dl_assets.explanations._table.part import Columns, Part
from dl_assets.explanations._table.values import grouped

MAX_SHOWN, SMALL = 20, 30
ALL = "all samples"


@dataclass(frozen=True)
class Slice:
    """Some samples of the test part, alike in one column."""

    column: str
    values: str
    members: NDArray[np.int64]
    least_error: float  # how low its true mean error may be

    @property
    def is_small(self) -> bool:
        return len(self.members) < SMALL


def where_it_is_worse(judge: Judge, columns: Columns, test: Part, answers: Floats, *, resamples: int, seed: int) -> Panel:
    """Tell for which samples the answers [N, outputs] of the network are surely worse, worst first."""
    errors = judge.errors(judge.truth(test.targets), answers)
    slices = sorted(_slices(judge, columns, test.raw, errors), key=lambda one: (one.is_small, -one.least_error))
    shown = [Slice(ALL, "", np.arange(len(test)), 0.0), *slices[:MAX_SHOWN]]
    inside = np.zeros((len(test), len(shown)), dtype=np.bool_)
    for place, one in enumerate(shown):
        inside[one.members, place] = True
    values = judge.slice_values(errors, inside, resamples=resamples, seed=seed)  # [3, shown]
    return Panel(
        title="Where it is worse",
        note=_note(len(slices), len(shown) - 1, test),
        figures={},
        columns=["column", "values", "samples", judge.slice_metric.title],
        rows=[
            [
                one.column,
                one.values,
                f"{len(one.members):,}{' (few)' if one.is_small else ''}",
                judge.slice_metric.cell(*values[:, place]),
            ]
            for place, one in enumerate(shown)
        ],
    )


def _slices(judge: Judge, columns: Columns, raw: Floats, errors: Floats) -> Iterator[Slice]:
    """Yield the slices of every column that has more than one."""
    for place, name in enumerate(columns.names):
        groups, labels = grouped(raw[:, place], columns.kinds[place], columns.words.get(name, {}))
        if len(labels) < 2:
            continue
        counts, sums, squares = (
            np.bincount(groups, weights, len(labels)).astype(np.float64) for weights in (None, errors, errors**2)
        )
        least = judge.least_error(counts, sums, squares)
        members = np.split(np.argsort(groups, kind="stable"), np.cumsum(counts[:-1]).astype(np.int64))
        for group, label in enumerate(labels):
            yield Slice(name, label, members[group], float(least[group]))


def _note(num_slices: int, num_shown: int, test: Part) -> str:
    shown = f"The worst {num_shown} of {num_slices:,} slices" if num_shown < num_slices else f"All {num_slices:,} slices"
    return (
        f"{shown} of {test.told()} samples of test by one column: the commonest words, quarters of the numbers, and where a "
        f"value is missing. First stands the one whose 95 % interval is worst even at its better end; those of fewer than "
        f"{SMALL} samples come last. Among so many slices some look bad by chance."
    )
