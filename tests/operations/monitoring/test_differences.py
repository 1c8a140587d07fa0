"""What is compared of two frames, and when it has drifted."""

import numpy as np
import polars as pl
import pytest

from dl_assets.operations.monitoring.difference import Difference, settle
from dl_assets.operations.monitoring.differences import compare


def frame(size: int, seed: int, *, brightness: float = 0.0, shares: tuple[float, float] = (0.5, 0.5)) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "brightness": random.normal(brightness, 1, size),
            "embedding": pl.Series(random.normal(brightness, 1, (size, 3)).tolist(), dtype=pl.List(pl.Float32)),
            "prediction": random.choice(["cat", "dog"], size, p=shares).tolist(),
            "confidence": random.uniform(0.5, 1, size),
        }
    )


def drifted(reference: pl.DataFrame, window: pl.DataFrame) -> set[str]:
    return {one.name for one in settle(compare(reference, window, psi=0.2), 0.01) if one.drifted}


def test_each_column_has_a_measure_of_its_kind() -> None:
    found = {one.name: (one.about, one.method) for one in compare(frame(100, 1), frame(100, 2), psi=0.2)}
    assert found == {
        "brightness": ("inputs", "ks"),
        "embedding": ("inputs", "mmd"),
        "prediction": ("predictions", "psi, chi2"),
        "confidence": ("predictions", "ks"),
    }


def test_what_shifted_has_drifted_and_nothing_else() -> None:
    reference = frame(800, 1)
    assert drifted(reference, frame(400, 2)) == set()
    assert drifted(reference, frame(400, 3, brightness=1)) == {"brightness", "embedding"}
    assert drifted(reference, frame(400, 4, shares=(0.8, 0.2))) == {"prediction"}


def test_a_difference_beyond_chance_that_does_not_matter_is_no_drift() -> None:
    reference, window = frame(20_000, 1), frame(20_000, 2, brightness=0.1)
    (found,) = [one for one in settle(compare(reference, window, psi=0.2), 0.01) if one.name == "brightness"]
    assert found.adjusted is not None and found.adjusted < 0.001
    assert found.statistic < found.limit and not found.drifted


def test_steady_predictions_raise_an_alarm_no_oftener_than_promised() -> None:
    reference = frame(400, 0).drop("embedding")  # whose permutations take a second each
    alarms = [seed for seed in range(1, 301) if drifted(reference, frame(200, seed).drop("embedding"))]
    assert len(alarms) <= 7  # 3 are expected of 300 at 0.01, at most; of more than 7 the chance is 1 in 100


def test_values_that_are_missing_now_are_a_difference_of_their_own() -> None:
    reference, window = frame(400, 1), frame(400, 2).with_columns(pl.when(pl.col("confidence") > 0.6).then("brightness"))
    assert "brightness, missing" in drifted(reference, window)


def test_a_column_with_too_few_values_is_left_out() -> None:
    window = frame(100, 2).with_columns(brightness=pl.lit(None, pl.Float64))
    assert "brightness" not in {one.name for one in compare(frame(100, 1), window, psi=0.2)}


def test_p_values_are_corrected_for_how_many_there_are() -> None:
    found = settle([Difference(f"{p}", "inputs", "ks", 0.5, 0.1, p) for p in (0.01, 0.02, 0.9)], 0.01)
    assert [one.adjusted for one in found] == pytest.approx([0.03, 0.03, 0.9])  # p * n / rank, by hand
    assert not any(one.drifted for one in found)
    assert settle([Difference("a", "inputs", "ks", 0.5, 0.1, 0.01)], 0.01)[0].drifted
