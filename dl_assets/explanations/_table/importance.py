"""The panel that tells which columns the network looks at: by shuffling them, and by its gradients."""

import numpy as np
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.panel import Panel
from dl_assets.explanations._drawn import some
from dl_assets.explanations._slices.metric import in_percent
from dl_assets.explanations._table.asked import Asked
from dl_assets.explanations._table.figure import bars
from dl_assets.explanations._table.gradients import attributions, num_attributed
from dl_assets.explanations._table.judge import Judge
from dl_assets.explanations._table.part import Columns, Part
from dl_assets.explanations._table.shuffling import MAX_COLUMNS, REPEATS, harms, num_shuffled
from dl_assets.pages import style

MAX_SHOWN = 20
FIGURE = "importance"


def importance(judge: Judge, columns: Columns, asked: Asked, train: Part, test: Part, *, resamples: int, seed: int) -> Panel:
    """Tell of each column how much worse the network is without it, and what share of its answers comes from it."""
    attributed = some(len(test), num_attributed(asked, len(test)), seed)
    shares = _shares(attributions(asked, test.raw[attributed], train.raw))
    candidates = np.sort(np.argsort(-shares, kind="stable")[:MAX_COLUMNS])
    shuffled = some(len(test), num_shuffled(asked, len(candidates), len(test)), seed)
    harmed = np.full((3, len(judge.harms), len(columns)), np.nan)  # value, low and high
    truth = judge.truth(test.targets)[shuffled]
    harmed[:, :, candidates] = harms(judge, asked, test.raw[shuffled], truth, candidates, resamples=resamples, seed=seed)
    order = _order(harmed[0, 0], shares)[:MAX_SHOWN]

    names = [columns.names[place] for place in order]
    return Panel(
        title="What it looks at",
        note=_note(len(columns), len(order), test.told(len(shuffled)), test.told(len(attributed))),
        figures={FIGURE: style.png(bars(names, harmed[:, 0, order], shares[order], judge.harms[0].title))},
        columns=["column", "kind", *(f"{harm.title} when shuffled" for harm in judge.harms), "share of integrated gradients %"],
        rows=[
            [
                columns.names[place],
                columns.kinds[place],
                *(harm.cell(*harmed[:, index, place]) for index, harm in enumerate(judge.harms)),
                in_percent(shares[place]),
            ]
            for place in order
        ],
    )


def _shares(attributed: Floats) -> Floats:
    """Return which share of all attributions [N, n] is each column's, [n]."""
    sizes = np.abs(attributed).mean(axis=0)
    shares: Floats = sizes / (sizes.sum() or 1.0)
    return shares


def _order(harmed: Floats, shares: Floats) -> NDArray[np.int64]:
    """Return the columns, most important first; what was not shuffled comes last, ties in the order of the shares."""
    return np.lexsort((-shares, -np.nan_to_num(harmed, nan=-np.inf)))


def _note(num_columns: int, num_shown: int, shuffled: str, attributed: str) -> str:
    shown = "" if num_shown == num_columns else f"The first {num_shown} of {num_columns:,} columns. "
    candidates = "" if num_columns <= MAX_COLUMNS else f", only for the {MAX_COLUMNS} columns of the largest gradients"
    return (
        f"{shown}Shuffling a column takes away what it tells; where that does no harm, the network does not need it "
        f"({shuffled} samples of test, {REPEATS} shuffles each{candidates}; 95 % intervals by bootstrap). Of two columns that "
        "tell the same, neither may seem needed. Integrated gradients say what share of its answers comes from a column, right "
        f"or wrong, against a sample of mean features ({attributed} samples of test). Neither says what causes the target."
    )
