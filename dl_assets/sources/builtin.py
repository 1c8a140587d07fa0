"""Pictures and tables that come with scikit-learn, so that a first pipeline needs no data and no network."""

from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.artifacts.raw import RawRows, RawSample, Source

Name = Literal["digits", "breast_cancer", "diabetes"]

_LICENCES = {
    "digits": "CC BY 4.0 (UCI Machine Learning Repository, Optical Recognition of Handwritten Digits, test set)",
    "breast_cancer": "CC BY 4.0 (UCI Machine Learning Repository, Breast Cancer Wisconsin (Diagnostic))",
    "diabetes": "not stated (Efron, Hastie, Johnstone and Tibshirani, Least Angle Regression, 2004; not scaled)",
}


def builtin(*, name: Name) -> Source:
    """Yield digits (1,797 pictures), or the rows of breast_cancer (569 x 30, two classes) or diabetes (442 x 10, a number).

    The digits are lossless 8 x 8 px PNGs; their 17 grey levels are spread over 0..255.
    """
    return _DATA[name]()


def watched(*, name: Name) -> tuple[str, ...]:
    """Return nothing: the data change only with scikit-learn."""
    return ()


def places(*, name: Name) -> tuple[str, ...]:
    """Return nothing, for the same reason."""
    return ()


def _describe(name: str, num_samples: int) -> dict[str, Any]:
    return {
        "kind": "builtin",
        "uri": f"sklearn.datasets.load_{name}",
        "licence": _LICENCES[name],
        "num_samples": num_samples,
        "skipped_files": 0,
    }


# ---- pictures --------------------------------------------------------------------------------------------------


def _digits() -> Source:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return Source(_describe("digits", len(digits.target)), _samples("digits", digits))


def _samples(name: str, digits: Any) -> Iterator[RawSample]:
    for index, (image, target) in enumerate(zip(digits.images, digits.target, strict=True)):
        pixels = np.round(image * 255 / 16).astype(np.uint8)
        yield RawSample(f"{name}/{index:05d}.png", partial(_png, pixels), str(target))


def _png(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = BytesIO()
    # Stored, not deflated: the bytes (and so the fingerprint) must not depend on which zlib is installed.
    Image.fromarray(image).save(file, "PNG", compress_level=0)
    return file.getvalue()


# ---- tables ----------------------------------------------------------------------------------------------------


def _breast_cancer() -> Source:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    return _table("breast_cancer", data, [str(data.target_names[target]) for target in data.target])


def _diabetes() -> Source:
    from sklearn.datasets import load_diabetes

    data = load_diabetes(scaled=False)
    return _table("diabetes", data, [str(target) for target in data.target])


def _table(name: str, data: Any, targets: list[str]) -> Source:
    return Source(_describe(name, len(targets)), iter(()), rows=partial(_rows, name, data, targets))


def _rows(name: str, data: Any, targets: list[str]) -> Iterator[RawRows]:
    cells = pl.DataFrame(data.data, schema=[str(feature) for feature in data.feature_names]).cast(pl.String)
    nothing = dict.fromkeys(("key", "group", "part", "problem"), pl.lit(None, pl.String))
    found = pl.DataFrame({"origin": [f"{name}:{number}" for number in range(1, len(targets) + 1)], "target": targets})
    found = found.with_columns(**nothing, time=pl.lit(None, pl.Datetime("us")))
    yield RawRows(found.select("origin", "key", "target", "group", "time", "part", "problem"), cells)


_DATA: dict[str, Callable[[], Source]] = {"digits": _digits, "breast_cancer": _breast_cancer, "diabetes": _diabetes}
