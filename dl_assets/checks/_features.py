"""Numbers that say what a picture looks like, without any pretrained network: edges, a thumbnail, and colours."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dl_assets.artifacts.shards import Arrays

NUM_COMPONENTS = 128
_SIDE, _CELLS, _ORIENTATIONS = 48, 6, 9
_THUMBNAIL, _LEVELS = 8, 4
_BATCH, _MAX_FITTED = 256, 10_000

Floats = NDArray[np.float32]


def features(arrays: Arrays, indices: NDArray[np.int64], *, seed: int) -> Floats:
    """Return [N, up to 128] for the arrays of these indices: principal components of what `describe` says, of variance 1.

    The components are fitted on 10,000 pictures at most, and the others are read in batches: half a kilobyte each is kept.
    """
    from sklearn.decomposition import PCA

    fitted = in_batches(describe, arrays, np.random.default_rng(seed).permutation(indices)[:_MAX_FITTED])
    mean, deviation = fitted.mean(axis=0), fitted.std(axis=0)
    scale = 1 / np.where(deviation > 1e-6, deviation, np.inf)
    components = PCA(min(NUM_COMPONENTS, *fitted.shape), svd_solver="covariance_eigh").fit((fitted - mean) * scale)
    found = in_batches(lambda pictures: components.transform((describe(pictures) - mean) * scale), arrays, indices)
    scaled: Floats = found / found.std()
    return scaled


def in_batches(measure: Callable[[NDArray[np.uint8]], Floats], arrays: Arrays, indices: NDArray[np.int64]) -> Floats:
    """Apply `measure` to the arrays of these indices, 256 at a time, and put the rows that it returns together."""
    batches = (indices[start : start + _BATCH] for start in range(0, len(indices), _BATCH))
    return np.concatenate([measure(arrays.batch(batch)).astype(np.float32) for batch in batches])


def describe(pictures: NDArray[np.uint8]) -> Floats:
    """[B, H, W, C] -> [B, F]: histograms of oriented gradients (Dalal and Triggs 2005), thumbnail, colour histogram.

    F is 580 for colours and 392 for grey pictures.
    """
    import cv2

    def resized(side: int) -> Floats:
        how = cv2.INTER_AREA if pictures.shape[1] > side else cv2.INTER_LINEAR
        small = [cv2.resize(picture, (side, side), interpolation=how) for picture in pictures]
        return np.stack(small).reshape(len(pictures), side, side, -1).astype(np.float32) / np.float32(255)

    thumbnails = resized(_THUMBNAIL)
    parts = (_gradients(resized(_SIDE).mean(axis=-1)), thumbnails.reshape(len(pictures), -1), _colours(resized(_SIDE // 2)))
    return np.concatenate(parts, axis=1)


def _gradients(grey: Floats) -> Floats:
    """[B, 48, 48] -> [B, 6 * 6 * 9]: how strong the edges of each direction are in each cell, as shares of the picture."""
    down, right = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, right)
    direction = (np.arctan2(down, right) % np.pi * (_ORIENTATIONS / np.pi)).astype(np.int64) % _ORIENTATIONS
    place = np.arange(_SIDE) * _CELLS // _SIDE
    cell = (place[:, None] * _CELLS + place) * _ORIENTATIONS + direction  # [B, 48, 48]
    return _histograms(cell, strength, _CELLS * _CELLS * _ORIENTATIONS)


def _colours(pictures: Floats) -> Floats:
    """[B, 24, 24, C] -> [B, 4 ** C]: the share of the pixels in each box of colours."""
    levels = np.minimum((pictures * _LEVELS).astype(np.int64), _LEVELS - 1)
    num_channels = pictures.shape[-1]
    box = levels @ _LEVELS ** np.arange(num_channels)  # [B, 24, 24]
    return _histograms(box, np.ones(box.shape, np.float32), _LEVELS**num_channels)


def _histograms(values: NDArray[np.int64], weights: Floats, num_bins: int) -> Floats:
    """[B, ...] of bins and weights -> [B, bins]: square roots of shares, so that few strong ones do not hide the others."""
    first = num_bins * np.arange(len(values)).reshape(-1, *[1] * (values.ndim - 1))
    counts = np.bincount((values + first).ravel(), weights.ravel(), num_bins * len(values)).reshape(-1, num_bins)
    shares: Floats = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-6)).astype(np.float32)
    return np.sqrt(shares)
