"""Figures of experiments: the scores by each place that was changed, and the trainings over each other."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dl_assets.operations.experiments.findings import Findings, Row, text
from dl_assets.pages import style

_WORSE, _OTHER, _BEST = "#b9c4ce", style.COLOURS[0], style.COLOURS[1]
_SHADES = LinearSegmentedColormap.from_list("shades", [_WORSE, _OTHER])
_DASHED: dict[str, Any] = {"color": style.MUTED, "linewidth": 1.2, "linestyle": (0, (4, 3))}
MAX_PLACES = 4
_FAR = 20  # from the least to the greatest of the values: beyond that they are shown by their logarithm


def figures(findings: Findings) -> dict[str, bytes]:
    """Return name -> PNG of those that there is something to see of."""
    drawn = {}
    measured = [row for row in findings.done if findings.val_metric in row.val]
    if measured and findings.places:
        drawn["parameters"] = parameters(findings, measured)
    if any(row.curve for row in measured):
        drawn["curves"] = curves(findings, measured)
    return {name: style.png(figure) for name, figure in drawn.items()}


@style.house
def parameters(findings: Findings, rows: Sequence[Row]) -> Figure:
    """A column for each place with different values, with val in the upper row and test in the lower one."""
    places = [place for place in findings.places if len({text(row.values.get(place)) for row in rows}) > 1]
    places = (places or findings.places)[:MAX_PLACES]
    figure = style.blank(max(6.0, 1.0 + 2.8 * len(places)), 5.4)
    grid = figure.subplots(2, len(places), sharey="row", squeeze=False)
    for column, place in enumerate(places):
        _place(grid[0][column], findings, rows, place, _val)
        _place(grid[1][column], findings, rows, place, _test)
        grid[1][column].set_xlabel(place)
    grid[0][0].set_ylabel(findings.val_metric)
    grid[1][0].set_ylabel(f"test {findings.metric}")
    return figure


@style.house
def curves(findings: Findings, rows: Sequence[Row]) -> Figure:
    """The score of val over the epochs, one line an experiment."""
    figure = style.blank(8.0, 4.2)
    axes = figure.add_subplot()
    axes.set(xlabel="epoch", ylabel=findings.val_metric)
    for rank, row in reversed(list(enumerate(rows))):  # the best is drawn last
        is_best = row is findings.best
        look = {"color": _BEST, "linewidth": 2.2} if is_best else {"color": _shade(rank, len(rows)), "linewidth": 1.3}
        _curve(axes, row, look | ({"label": row.name} if is_best else {}))
    if findings.workspace and findings.workspace.curve:
        _curve(axes, findings.workspace, _DASHED | {"label": "workspace"})
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(True, axis="y")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    return figure


def _curve(axes: Axes, row: Row, look: dict[str, Any]) -> None:
    axes.plot(range(1, len(row.curve) + 1), row.curve, marker="o" if len(row.curve) == 1 else "", markersize=4, **look)


def _place(axes: Axes, findings: Findings, rows: Sequence[Row], place: str, measure: Any) -> None:
    positions = _positions(axes, [row.values.get(place) for row in rows])
    for rank, (row, x) in reversed(list(enumerate(zip(rows, positions, strict=True)))):
        found = measure(findings, row)
        if found is not None:
            value, low, high = found
            colour = _BEST if row is findings.best else _shade(rank, len(rows))
            axes.errorbar(
                x, value, [[value - low], [high - value]], fmt="o", color=colour, markersize=5, linewidth=1.2, capsize=0
            )
    own = measure(findings, findings.workspace) if findings.workspace else None
    if own is not None:
        axes.axhline(own[0], zorder=1, **_DASHED)
    axes.grid(True, axis="y")


def _positions(axes: Axes, values: list[Any]) -> list[float]:
    """Return where the values lie: by their size where they are numbers, else side by side; name them below the axis."""
    names = list(dict.fromkeys(text(value) for value in sorted(values, key=_order)))
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(values):
        axes.set_xticks(range(len(names)), [style.short(name) for name in names])
        axes.margins(x=0.2)
        return [float(names.index(text(value))) for value in values]
    if min(numbers) > 0 and max(numbers) >= _FAR * min(numbers):
        axes.set_xscale("log")
    axes.set_xticks(
        sorted(set(numbers)),
        names if len(names) <= 6 else [name if i % math.ceil(len(names) / 6) == 0 else "" for i, name in enumerate(names)],
    )
    axes.minorticks_off()
    axes.margins(x=0.15)
    return [float(value) for value in numbers]


def _order(value: Any) -> tuple[bool, float, str]:
    is_number = isinstance(value, int | float)
    return not is_number, value if is_number else 0.0, text(value)


def _val(findings: Findings, row: Row) -> tuple[float, float, float] | None:
    value = row.val.get(findings.val_metric)
    return None if value is None else (value, value, value)


def _test(findings: Findings, row: Row) -> tuple[float, float, float] | None:
    entry = row.test.get(findings.metric)
    return None if entry is None else (entry["value"], entry.get("low", entry["value"]), entry.get("high", entry["value"]))


def _shade(rank: int, count: int) -> tuple[float, float, float, float]:
    return _SHADES(1 - rank / max(count - 1, 1))
