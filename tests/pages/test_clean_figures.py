"""The figures show what was counted, at the place where it belongs."""

import io

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from PIL import Image

from dl_assets.pages.canvas import KEPT, REJECTED, SCALE, Canvas
from dl_assets.pages.clean_classes import MAX_BARS, class_balance, count_classes
from dl_assets.pages.clean_measures import histograms, together
from dl_assets.pages.clean_sizes import sizes
from dl_assets.pages.scales import Scale

Pixels = NDArray[np.uint8]


def pixels(canvas: Canvas) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(canvas.png())))


def is_colour(canvas: Canvas, colour: str) -> NDArray[np.bool_]:
    """[H, W]: where just this colour is."""
    return (pixels(canvas) == [int(colour[place : place + 2], 16) for place in (1, 3, 5)]).all(axis=-1)


def series(*names: str) -> pl.Series:
    return pl.Series("target", names, dtype=pl.String)


def measured(*values: float) -> pl.DataFrame:
    return pl.DataFrame({"brightness": values}, schema={"brightness": pl.Float64})


def test_classes_are_counted_largest_first() -> None:
    table = count_classes(series("cat", "dog", "cat", "ant"), series("dog", "fox"))
    assert table.rows() == [("cat", 2, 0), ("ant", 1, 0), ("dog", 1, 1), ("fox", 0, 1)]


def test_bars_are_as_long_as_their_counts() -> None:
    figure = class_balance(count_classes(series(*["cat"] * 30), series(*["cat"] * 10)), None)
    lengths = [
        is_colour(figure, colour)[round(SCALE * 56)].sum() for colour in (KEPT, REJECTED)
    ]  # a line of pixels through the bar
    assert lengths[0] / lengths[1] == pytest.approx(3, rel=0.02)
    assert lengths[1] > 100


def test_of_many_classes_only_the_largest_and_the_smallest_are_drawn() -> None:
    names = [f"class {index:03}" for index in range(200)]
    figure = class_balance(count_classes(series(*names), series()), None)
    rows = is_colour(figure, KEPT)[:, round(SCALE * 250)]  # a column of pixels that every bar crosses
    assert np.count_nonzero(np.diff(rows.astype(int)) == 1) == MAX_BARS


def test_a_picture_is_at_the_place_of_its_size() -> None:
    def place(*one: tuple[int, int]) -> tuple[float, float]:
        found = is_colour_near_kept(sizes(*tables(one)))
        return float(found[1].mean()), float(found[0].mean())

    def tables(one: tuple[tuple[int, int], ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
        table = pl.DataFrame(one, schema={"width": pl.Int64, "height": pl.Int64}, orient="row")
        return table, table.clear()

    def is_colour_near_kept(canvas: Canvas) -> tuple[NDArray[np.int64], ...]:
        blue = pixels(canvas)[: round(SCALE * 276)].astype(int)  # above the legend
        return np.nonzero(blue[..., 2] - blue[..., 0] > 60)

    middle, wide, high = place((50, 50)), place((50, 50), (200, 50)), place((50, 50), (50, 200))
    assert middle == pytest.approx((SCALE * 270, SCALE * 164), abs=4)
    assert wide[0] == pytest.approx(middle[0], abs=4) and high[1] == pytest.approx(middle[1], abs=4)


def test_a_histogram_has_its_bars_where_the_values_are() -> None:
    figure = histograms(measured(*[0.1] * 90, *[0.9] * 10), measured(), {})["Brightness, 0 to 1"]
    blue = is_colour(figure, KEPT)
    columns = np.flatnonzero(blue.any(axis=0))
    heights = blue[:, columns[0]].sum(), blue[:, columns[-1]].sum()
    assert heights[0] / heights[1] == pytest.approx(3, rel=0.02)  # the root of 9
    assert columns[-1] - columns[0] == pytest.approx(SCALE * 210, abs=4)  # from the first bin to the last


def test_rejected_ones_stand_on_the_kept_ones() -> None:
    figure = histograms(measured(0.5, 0.5), measured(0.5, 0.5), {})["Brightness, 0 to 1"]
    kept, rejected = (np.flatnonzero(is_colour(figure, colour).any(axis=1)) for colour in (KEPT, REJECTED))
    assert rejected.max() + 1 == kept.min()
    assert len(kept) / (len(kept) + len(rejected)) == pytest.approx(np.sqrt(0.5), rel=0.02)


def test_a_value_of_nought_is_in_the_first_bin_of_a_logarithm() -> None:
    samples = pl.DataFrame({"sharpness": [0.0, 0.1, 10.0]})
    figure = histograms(samples, samples.clear(), {"min_sharpness": 0.01})["Sharpness"]
    assert is_colour(figure, KEPT)[:, round(SCALE * 42)].any()


def test_all_histograms_are_on_the_sheet() -> None:
    panels = histograms(measured(0.2, 0.5), measured(), {})
    sheet, panel = pixels(together(panels.values())), pixels(panels["Brightness, 0 to 1"])
    np.testing.assert_array_equal(sheet[: panel.shape[0], : panel.shape[1]], panel)


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(0, 127), [0, 50, 100]),
        (Scale(-0.35, 0.81), [-0.2, 0, 0.2, 0.4, 0.6, 0.8]),
        (Scale(8, 500, is_log=True), [10, 20, 50, 100, 200, 500]),
        (Scale(8, 1500, is_log=True), [10, 30, 100, 300, 1000]),
        (Scale(90, 520, is_log=True), [100, 200, 500]),
        (Scale(25, 47, is_log=True), [25, 30, 35, 40, 45]),
        (Scale(0.0001, 2000, is_log=True), [0.0001, 0.01, 1, 100]),
    ],
)
def test_ticks_are_round_and_few(scale: Scale, ticks: list[float]) -> None:
    assert scale.ticks(6) == pytest.approx(ticks)


def test_the_same_calls_give_the_same_bytes() -> None:
    first, second = (class_balance(count_classes(series("cat", "dog"), series()), 10).png() for _ in range(2))
    assert first == second
