"""Pictures that come with scikit-learn, so that a first pipeline needs no data and no network."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dl_assets.artifacts.raw import RawSample


def builtin(*, name: Literal["digits"]) -> Iterator[RawSample]:
    """Yield the 1,797 handwritten digits as lossless 8 x 8 px PNGs; their 17 grey levels are spread over 0..255."""
    digits = _load_digits()
    for index, (image, target) in enumerate(zip(digits.images, digits.target, strict=True)):
        yield RawSample(f"{name}/{index:05d}.png", _png(np.round(image * 255 / 16).astype(np.uint8)), str(target))


def describe(*, name: Literal["digits"]) -> dict[str, Any]:
    return {
        "kind": "builtin",
        "uri": f"sklearn.datasets.load_{name}",
        "licence": "CC BY 4.0 (UCI Machine Learning Repository, Optical Recognition of Handwritten Digits, test set)",
        "num_samples": len(_load_digits().target),
    }


def _load_digits() -> Any:
    from sklearn.datasets import load_digits

    return load_digits()


def _png(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = BytesIO()
    # Stored, not deflated: the bytes (and so the fingerprint) must not depend on which zlib is installed.
    Image.fromarray(image).save(file, "PNG", compress_level=0)
    return file.getvalue()
