"""Rows of a table as a figure: what was there, and below it what was made of it, with the cells that differ marked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dl_assets.inputs._table.codes import code_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Values = NDArray[np.float64]

_INK, _MUTED, _LINE, _MARK = "#1f2933", "#8a949e", "#d5dbe1", "#fbd9b5"
_MOST_COLUMNS, _MOST_LETTERS = 12, 18
_LETTER, _LINE_HEIGHT, _MARGIN, _POINTS = 0.078, 0.23, 0.12, 8.0  # inches; and the size of the letters


class _Line(NamedTuple):
    head: str
    cells: list[str]
    is_changed: list[bool]
    top: float  # inches from the upper edge


def sheet_of_rows(samples: Sequence[Sequence[Values]], targets: Sequence[str], stored: Mapping[str, Any]) -> "Figure":
    """Draw the rows [n] of each sample below each other, the first as it is stored; `stored` is what columns.json holds.

    Of many columns the first are shown.
    """
    from matplotlib.figure import Figure

    columns = stored["columns"][:_MOST_COLUMNS]
    names = [_short(column["name"]) for column in columns]
    values = np.array(samples)[:, :, : len(columns)]  # [samples, rows, columns]
    words = {code_of(word): word for column in columns for word in stored["words"].get(column["name"], ())}
    lines = list(_lines(values, [column["kind"] for column in columns], targets, words))
    widths = [max(map(len, texts)) for texts in zip(["", *names], *([line.head, *line.cells] for line in lines), strict=True)]
    rights = _MARGIN + _LETTER * np.cumsum([width + 1.5 for width in widths])  # of every column, in inches
    more = len(stored["columns"]) - len(columns)
    width, height = float(rights[-1]) + _MARGIN, lines[-1].top + (2 if more else 1) * _LINE_HEIGHT + _MARGIN
    figure = Figure(figsize=(width, height), dpi=120)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    for name, right in zip(names, rights[1:], strict=True):
        _write(axes, right, _MARGIN, name, _INK, weight="bold")
    for line in lines:
        _draw(axes, line, rights)
    if more:
        _write(axes, _MARGIN, height - _MARGIN - _LINE_HEIGHT, f"and {more} more", _MUTED, "left")
    return figure


def _lines(values: Values, kinds: Sequence[str], targets: Sequence[str], words: Mapping[float, str]) -> Iterator[_Line]:
    top = _MARGIN + _LINE_HEIGHT
    for target, rows in zip(targets, values, strict=True):
        top += _MARGIN
        for number, row in enumerate(rows):
            head = f"variant {number}" if number else _short(f"{target} (original)", 2 * _MOST_LETTERS)
            cells = [_text(value, kind, words) for value, kind in zip(row.tolist(), kinds, strict=True)]
            is_changed = (row != rows[0]) & ~(np.isnan(row) & np.isnan(rows[0]))
            yield _Line(head, cells, is_changed.tolist(), top)
            top += _LINE_HEIGHT


def _draw(axes: "Axes", line: _Line, rights: Values) -> None:
    from matplotlib.patches import Rectangle

    is_first = not line.head.startswith("variant ")
    if is_first:
        axes.plot([_MARGIN, rights[-1]], [line.top - _MARGIN / 2] * 2, color=_LINE, linewidth=0.8)
    _write(axes, _MARGIN, line.top, line.head, _INK if is_first else _MUTED, "left", weight="bold" if is_first else "normal")
    for left, right, text, is_changed in zip(rights[:-1], rights[1:], line.cells, line.is_changed, strict=True):
        if is_changed:
            place = (left + _LETTER / 2, line.top)
            axes.add_patch(Rectangle(place, right - left, _LINE_HEIGHT, facecolor=_MARK, edgecolor="white"))
        _write(axes, right, line.top, text, _INK if is_first or is_changed else _MUTED)


def _write(axes: "Axes", x: float, top: float, text: str, colour: str, side: str = "right", weight: str = "normal") -> None:
    axes.text(
        x,
        top + _LINE_HEIGHT / 2,
        text,
        color=colour,
        ha=side,
        va="center_baseline",
        fontsize=_POINTS,
        fontweight=weight,
        family=["DejaVu Sans"],
        parse_math=False,
    )


def _text(value: float, kind: str, words: Mapping[float, str]) -> str:
    """Return a value as people write it.

    >>> [_text(value, kind, {1.0: "female"}) for value, kind in ((1.0, "category"), (19782.5, "date"), (0.12345678, "number"))]
    ['female', '2024-02-29 12:00', '0.123457']
    """
    if np.isnan(value):
        return "–"  # noqa: RUF001
    if kind == "category":
        return _short(words.get(value, f"{value:.0f}"))
    if kind == "date":
        return _date(value)
    return f"{value:.6g}"


def _date(days: float) -> str:
    """Return a date, with its time of the day where it has one."""
    if abs(days) > 10_000_000:  # years of six digits and more
        return f"day {days:.6g}"
    minute = np.datetime64("1970-01-01T00:00") + np.timedelta64(round(days * 1440), "m")
    return str(minute).removesuffix("T00:00").replace("T", " ")


def _short(text: str, most: int = _MOST_LETTERS) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
