"""The figures can be drawn for whatever classes there are, and give the same bytes every time."""

from typing import Any

import pytest
from matplotlib.figure import Figure

from dl_assets.evaluation import classes
from dl_assets.pages import style


def legend_texts(figure: Figure) -> list[str]:
    legends = [axes.get_legend() for axes in figure.axes]
    return [text.get_text() for legend in legends if legend for text in legend.get_texts()]


@pytest.mark.parametrize("names", [["cat", "dog"], [f"class {index}" for index in range(40)], ["$x_{1$", "_b", "<&>"]])
def test_figures_can_be_drawn_for_any_classes(make: Any, names: list[str]) -> None:
    drawn = {name: style.png(figure) for name, figure in classes.figures(make(120, names), {"classes": names}).items()}
    curves = {"roc_curve", "precision_recall"} | ({"cumulative_gain"} if len(names) == 2 else set())
    assert set(drawn) == {"confusion_matrix", "confusion_shares", "calibration", *curves}
    assert all(png.startswith(b"\x89PNG") for png in drawn.values())


def test_above_twenty_classes_only_the_averages_and_the_worst_curves_are_drawn(make: Any) -> None:
    names = [f"class {index}" for index in range(40)]
    figures = classes.figures(make(400, names), {"classes": names})
    for name in ("roc_curve", "precision_recall"):
        first, second, *others = legend_texts(figures[name])
        assert first.endswith("macro average") and second.endswith("micro average")
        assert len(others) == 6


def test_a_class_without_samples_does_not_break_a_figure(make: Any) -> None:
    found = classes.figures(make(30, ["cat", "dog", "fish"], without="fish"), {"classes": ["cat", "dog", "fish"]})
    assert found and all(style.png(figure).startswith(b"\x89PNG") for figure in found.values())


def test_the_same_figure_gives_the_same_bytes(make: Any) -> None:
    predictions = make(60, ["cat", "dog"])
    first, second = (style.png(classes.figures(predictions, {"classes": ["cat", "dog"]})["roc_curve"]) for _ in range(2))
    assert first == second
    assert b"matplotlib" not in first.lower()


def test_a_long_class_name_keeps_its_start_and_its_end() -> None:
    assert style.short("a very long class name 17") == "a very long …name 17"
