"""How the training went, from the `history.csv` that it left."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dl_assets.evaluation import style


@style.house
def learning_curve(history: pl.DataFrame, best_epoch: int) -> Figure:
    """Draw the losses of train and val above, the val scores below; a line marks the epoch that was kept.

    `history` has one row an epoch: epoch (from 1), train_loss, val_loss, and any number of val_<score>.
    """
    losses: list[str] = [name for name in ("train_loss", "val_loss") if name in history.columns]
    scores = [name for name in history.columns if name.startswith("val_") and name not in losses]
    panels = [names for names in (losses, scores) if names]
    figure = style.blank(5.8, 4.4)
    for axes, names in zip(figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0], panels, strict=True):
        _draw(axes, history, names, best_epoch)
    figure.axes[0].set_title("Learning curve")
    figure.axes[-1].set_xlabel("epoch")
    figure.axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _draw(axes: Axes, history: pl.DataFrame, names: list[str], best_epoch: int) -> None:
    marker = "o" if history.height == 1 else ""
    for name, stroke in zip(names, style.strokes(), strict=False):
        axes.plot(history["epoch"], history[name], marker=marker, label=name.replace("_", " "), **stroke)
    axes.axvline(best_epoch, color=style.MUTED, linewidth=1, linestyle=(0, (2, 2)), label=f"kept: epoch {best_epoch}")
    axes.grid(True, axis="y")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
