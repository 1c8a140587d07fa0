"""The panel that tells on which samples the network is worse: those of one class, one word, or a quarter of a number."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.panel import Panel
from dl_assets.explanations._slices.metric import Metric
from dl_assets.explanations._slices.slice import Slice

MAX_SHOWN, SMALL = 20, 30
ALL = "all samples"


class SliceJudge(Protocol):
    """How slices are measured and compared."""

    slice_metric: ClassVar[Metric]  # what is told of few samples

    def least_error(self, counts: Floats, sums: Floats, squares: Floats) -> Floats:
        """Return how low the true mean error of each slice may be, [S], of the sums of its errors and of their squares."""
        ...

    def slice_values(self, errors: Floats, inside: NDArray[np.bool_], *, resamples: int, seed: int) -> Floats:
        """Return value, low and high of the slice metric, [3, S], of errors [N] and which samples are inside, [N, S]."""
        ...


def where_it_is_worse(
    judge: SliceJudge, slices: Sequence[Slice], errors: Floats, *, told: str, named: str, cut: str, resamples: int, seed: int
) -> Panel:
    """Tell for which samples the answers, which are so wrong [N], are surely worse, worst first.

    `told` says how many samples these are. What cuts them into slices is a column, say (`named`); `cut` says how.
    """
    worst = _worst_first(judge, slices, errors)[:MAX_SHOWN]
    shown = [Slice(ALL, "", np.arange(len(errors))), *worst]
    inside = np.zeros((len(errors), len(shown)), dtype=np.bool_)
    for place, one in enumerate(shown):
        inside[one.members, place] = True
    values = judge.slice_values(errors, inside, resamples=resamples, seed=seed)  # [3, shown]
    return Panel(
        title="Where it is worse",
        note=_note(len(slices), len(worst), f"{told} samples of test by one {named}: {cut}"),
        columns=[named, "values", "samples", judge.slice_metric.title],
        rows=[
            [one.column, one.values, _count(one), judge.slice_metric.cell(*values[:, place])] for place, one in enumerate(shown)
        ],
    )


def _worst_first(judge: SliceJudge, slices: Sequence[Slice], errors: Floats) -> list[Slice]:
    """Sort by how wrong the answers are at least, small slices last, ties in their order."""
    if not slices:
        return []
    inside = [errors[one.members] for one in slices]
    counts, sums, squares = (
        np.array([measure(found) for found in inside], dtype=np.float64) for measure in (len, np.sum, lambda e: np.sum(e**2))
    )
    order = np.lexsort((-judge.least_error(counts, sums, squares), counts < SMALL))
    return [slices[index] for index in order]


def _count(one: Slice) -> str:
    return f"{len(one.members):,}{' (few)' if len(one.members) < SMALL else ''}"


def _note(num_slices: int, num_shown: int, told: str) -> str:
    shown = f"The worst {num_shown} of {num_slices:,} slices" if num_shown < num_slices else f"All {num_slices:,} slices"
    return (
        f"{shown} of {told}. First stands the one whose 95 % interval is worst even at its better end; those of fewer than "
        f"{SMALL} samples come last. Among so many slices some look bad by chance."
    )
