"""The panel that tells how easily the network is fooled by changes that are made for it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.panel import Panel
from dl_assets.explanations._image.attacks import LEVELS, STEPS, many_steps, one_step
from dl_assets.explanations._image.curves import cells, draw, shares
from dl_assets.explanations._image.exam import Exam
from dl_assets.pages import style

FIGURE = "attacks"


def under_attack(exam: Exam) -> Panel:
    """Attack the network with one step along the gradient and with many, each pixel changed by ever more."""
    found = {"one step (FGSM)": shares(one_step(exam)), f"{STEPS} steps (PGD)": shares(many_steps(exam))}
    levels = [f"{level:g}" for level in LEVELS]
    metric = exam.kind.judge.slice_metric
    return Panel(
        title="Made to be fooled",
        note=(
            f"{metric.label.capitalize()} for {exam.told} samples of test where every pixel of a picture may be changed by at "
            "most so many levels of 255, in the direction that harms most: a change of up to 2 is hardly seen. Networks that "
            "are not trained against it break down early, and that is no fault of this one; it matters where somebody would "
            "gain by fooling it. Whoever is fooled at one level is fooled at larger ones. 95 % intervals (Wilson)."
        ),
        figures={FIGURE: style.png(_figure(found, levels, metric.title))},
        columns=[f"{metric.title}, changed by", *levels],
        rows=[[name, *cells(values)] for name, values in found.items()],
    )


@style.house
def _figure(found: dict[str, Floats], levels: Sequence[str], label: str) -> Figure:
    figure = style.blank(4.6, 3.2)
    axes = figure.subplots()
    for (name, values), stroke in zip(found.items(), style.strokes(), strict=False):
        draw(axes, np.arange(len(levels)), values, stroke, name)
    axes.set(title="Under attack", xlabel="largest change of a pixel, levels of 255", ylabel=label)
    axes.set_xticks(range(len(levels)), levels)
    axes.legend(loc="lower left")
    return figure
