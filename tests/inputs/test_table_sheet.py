"""Rows as people see them in a preview."""

import numpy as np
from matplotlib.figure import Figure

from dl_assets.inputs._table.codes import code_of
from dl_assets.inputs._table.sheet import sheet_of_rows

STORED = {
    "columns": [
        {"name": "age", "kind": "number"},
        {"name": "born", "kind": "date"},
        {"name": "where", "kind": "category"},
    ],
    "words": {"where": ["$home$", "a word that is much too long for a figure"]},
}


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_values_are_written_as_people_write_them_and_what_differs_is_marked() -> None:
    original = np.array([37.0, 19782.0, code_of("$home$")])
    variants = [np.array([37.123456789, 19782.25, np.nan]), np.array([37.0, 1e9, code_of(STORED["words"]["where"][1])])]
    figure = sheet_of_rows([[original, *variants]], ["ill"], STORED)
    assert texts(figure) == [
        *["age", "born", "where"],
        *["ill (original)", "37", "2024-02-29", "$home$"],
        *["variant 1", "37.1235", "2024-02-29 06:00", "–"],
        *["variant 2", "37", "day 1e+09", "a word that is mu…"],
    ]
    assert len(figure.axes[0].patches) == 5
    figure.canvas.draw()  # a word with dollars is no formula


def test_what_is_missing_in_both_is_no_difference() -> None:
    row = np.full(3, np.nan)
    assert len(sheet_of_rows([[row, row]], ["ill"], STORED).axes[0].patches) == 0


def test_of_many_columns_the_first_are_shown() -> None:
    stored = {"columns": [{"name": f"x{number}", "kind": "number"} for number in range(1000)], "words": {}}
    figure = sheet_of_rows([[np.zeros(1000)] * 4] * 6, ["1"] * 6, stored)
    assert figure.get_figwidth() < 20 and texts(figure)[11] == "x11" and texts(figure)[-1] == "and 988 more"
