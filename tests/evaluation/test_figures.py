"""The figures can be drawn for whatever classes there are, and give the same bytes every time."""

from typing import Any

import polars as pl
import pytest

from dl_assets.evaluation import classes, style
from dl_assets.evaluation.learning_curve import learning_curve

HISTORY = pl.DataFrame({"epoch": [1, 2], "train_loss": [1.0, 0.5], "val_loss": [1.1, 0.7], "val_accuracy": [0.6, 0.8],
                        "learning_rate": [0.01, 0.001]})


@pytest.mark.parametrize("names", [["cat", "dog"], [f"class {index}" for index in range(40)], ["$x_{1$", "_b", "<&>"]])
def test_figures_can_be_drawn_for_any_classes(make: Any, names: list[str]) -> None:
    drawn = {name: style.png(figure) for name, figure in classes.figures(make(120, names), {"classes": names}).items()}
    assert set(drawn) == {"roc_curve", "confusion_matrix", "calibration"}
    assert all(png.startswith(b"\x89PNG") for png in drawn.values())


def test_above_twenty_classes_only_the_mean_and_the_worst_curves_are_drawn(make: Any) -> None:
    names = [f"class {index}" for index in range(40)]
    axes, = classes.figures(make(400, names), {"classes": names})["roc_curve"].axes
    assert [text.get_text()[7:] for text in axes.get_legend().get_texts()][0] == "macro mean"
    assert len(axes.get_legend().get_texts()) == 1 + 6


def test_a_class_without_samples_does_not_break_a_figure(make: Any) -> None:
    classes.figures(make(30, ["cat", "dog", "fish"], without="fish"), {"classes": ["cat", "dog", "fish"]})


def test_the_same_figure_gives_the_same_bytes(make: Any) -> None:
    first, second = (style.png(learning_curve(HISTORY, 2)) for _ in range(2))
    assert first == second
    assert b"matplotlib" not in first.lower()


def test_the_learning_curve_shows_losses_and_scores_but_no_learning_rate() -> None:
    shown = {text.get_text() for axes in learning_curve(HISTORY, 2).axes for text in axes.get_legend().get_texts()}
    assert shown == {"train loss", "val loss", "val accuracy", "kept: epoch 2"}


def test_a_long_class_name_keeps_its_start_and_its_end() -> None:
    assert style.short("a very long class name 17") == "a very long …name 17"
