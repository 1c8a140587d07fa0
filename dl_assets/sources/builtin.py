"""Pictures that come with scikit-learn, so that a first pipeline needs no data and no network."""

from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dl_assets.artifacts.raw import RawSample, Source


def builtin(*, name: Literal["digits"]) -> Source:
    """Yield the 1,797 handwritten digits as lossless 8 x 8 px PNGs; their 17 grey levels are spread over 0..255."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    description = {
        "kind": "builtin",
        "uri": f"sklearn.datasets.load_{name}",
        "licence": "CC BY 4.0 (UCI Machine Learning Repository, Optical Recognition of Handwritten Digits, test set)",
        "num_samples": len(digits.target),
        "skipped_files": 0,
    }
    return Source(description, _samples(name, digits))


def watched(*, name: Literal["digits"]) -> tuple[str, ...]:
    """Return nothing: the pictures change only with scikit-learn."""
    return ()


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
