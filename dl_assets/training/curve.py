"""The learning curve as a picture."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

TRAIN, VAL, INK, GRID = "#8a94a6", "#1f6feb", "#24292f", "#e6e8eb"


def learning_curve(rows: list[dict[str, float]], best_epoch: int) -> Figure:
    """Draw the losses, and below them every val score, over the epochs; mark the epoch that was kept."""
    scores = [name for name in rows[0] if name.startswith("val_") and name != "val_loss"]
    figure = Figure(figsize=(6.0, 2.4 * (1 + len(scores))), dpi=120, layout="constrained")
    axes = figure.subplots(1 + len(scores), 1, sharex=True, squeeze=False)[:, 0]
    _draw(axes[0], rows, {"train": ("train_loss", TRAIN), "val": ("val_loss", VAL)}, best_epoch, "loss")
    for axis, name in zip(axes[1:], scores, strict=True):
        _draw(axis, rows, {"val": (name, VAL)}, best_epoch, name.removeprefix("val_"))
    axes[-1].set_xlabel("epoch", color=INK)
    return figure


def _draw(axis: Axes, rows: list[dict[str, float]], lines: dict[str, tuple[str, str]], best_epoch: int, title: str) -> None:
    epochs = [row["epoch"] for row in rows]
    for label, (column, color) in lines.items():
        axis.plot(
            epochs, [row[column] for row in rows], label=label, color=color, linewidth=1.8, marker="o" if len(rows) < 3 else ""
        )
    column, color = lines["val"]
    best = rows[best_epoch - 1][column]
    axis.plot(
        [best_epoch],
        [best],
        "o",
        color=color,
        markersize=6,
        markeredgecolor="white",
        zorder=3,
        label=f"kept: epoch {best_epoch}, {best:.4g}",
    )
    axis.set_title(title, loc="left", color=INK, fontsize=11, fontweight="bold")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(GRID)
    axis.tick_params(colors=INK, length=0)
    axis.legend(frameon=False, fontsize=9, labelcolor=INK)
