from io import BytesIO
from typing import Literal, get_args

import numpy as np
import polars as pl
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from dl_assets.artifacts.raw import RawRows
from dl_assets.sources import builtin


def test_the_digits_are_those_of_scikit_learn_at_sixteen_times_the_brightness() -> None:
    samples = list(builtin.builtin(name="digits"))
    pixels = np.stack([np.asarray(Image.open(BytesIO(sample.read()))) for sample in samples])
    digits = load_digits()
    np.testing.assert_allclose(pixels, digits.images * 255 / 16, atol=0.5)
    assert [sample.target for sample in samples] == [str(target) for target in digits.target]


def test_the_digits_have_unique_origins_in_a_fixed_order() -> None:
    origins = [sample.origin for sample in builtin.builtin(name="digits")]
    assert origins[:2] == ["digits/00000.png", "digits/00001.png"]
    assert len(set(origins)) == 1797 == builtin.builtin(name="digits").description["num_samples"]


def rows_of(name: Literal["breast_cancer", "diabetes"]) -> RawRows:
    source = builtin.builtin(name=name)
    assert source.rows is not None
    assert list(source.samples) == []
    (rows,) = source.rows()
    assert source.description["num_samples"] == len(rows.found)
    return rows


def test_the_tumours_are_those_of_scikit_learn_with_their_diagnoses_in_words() -> None:
    found, cells = rows_of("breast_cancer")
    data = load_breast_cancer()
    np.testing.assert_array_equal(cells.cast(pl.Float64).to_numpy(), data.data)
    assert cells.columns == list(data.feature_names)
    assert found["target"].to_list() == [["malignant", "benign"][target] for target in data.target]


def test_the_diabetes_patients_are_those_of_scikit_learn_in_their_own_units() -> None:
    found, cells = rows_of("diabetes")
    data = load_diabetes(scaled=False)
    np.testing.assert_array_equal(cells.cast(pl.Float64).to_numpy(), data.data)
    np.testing.assert_array_equal(found["target"].cast(pl.Float64).to_numpy(), data.target)
    assert found["origin"][16] == "diabetes:17"


def test_every_built_in_data_set_tells_its_licence_and_is_not_watched() -> None:
    for name in get_args(builtin.Name):
        assert builtin.builtin(name=name).description["licence"]
        assert builtin.watched(name=name) == ()
