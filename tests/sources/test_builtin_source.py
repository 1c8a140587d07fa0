from io import BytesIO

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

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
