"""Stored samples as batches of tensors, shuffled and augmented for the train part."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from dl_assets.artifacts.shards import ArrayReader

Augmentation = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
MakeAugmentation = Callable[[int], Augmentation]
Batch = tuple[Tensor, Tensor]


class Batches(Dataset[Batch]):
    """Indices of samples in, one batch out: raw uint8 [B, ...] and encoded targets [B, ...]."""

    def __init__(self, arrays: ArrayReader, encoded: NDArray[np.int64], augment: MakeAugmentation | None, seed: int) -> None:
        self._arrays, self._encoded = arrays, encoded
        self._make_augmentation, self._seed = augment, seed
        self._augmentation: Augmentation | None = None

    @property
    def num_samples(self) -> int:
        return len(self._encoded)

    def __getitem__(self, indices: NDArray[np.int64]) -> Batch:
        raw = self._arrays.batch(indices)
        if self._make_augmentation:
            self._augmentation = self._augmentation or self._make_augmentation(self._process_seed())
            raw = np.stack([self._augmentation(array) for array in raw])
        return torch.from_numpy(raw), torch.from_numpy(self._encoded[indices])

    def _process_seed(self) -> int:
        # Each loading process draws its own numbers, else all of them would augment alike.
        worker = get_worker_info()
        return self._seed + (worker.id if worker else 0)


class ShuffledIndices(Sampler[NDArray[np.int64]]):
    """Every sample once an epoch, in batches of nearly equal size and never of one (batch norm needs two)."""

    def __init__(self, num_samples: int, batch_size: int, seed: int) -> None:
        self._num_samples, self._rng = num_samples, np.random.default_rng(seed)
        self._num_batches = max(1, min(-(-num_samples // batch_size), num_samples // 2))

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        yield from np.array_split(self._rng.permutation(self._num_samples), self._num_batches)


class OrderedIndices(Sampler[NDArray[np.int64]]):
    """Every sample once, in order."""

    def __init__(self, num_samples: int, batch_size: int) -> None:
        self._num_samples, self._batch_size = num_samples, batch_size

    def __len__(self) -> int:
        return -(-self._num_samples // self._batch_size)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        for start in range(0, self._num_samples, self._batch_size):
            yield np.arange(start, min(start + self._batch_size, self._num_samples))


def loader(batches: Batches, indices: Sampler[NDArray[np.int64]], *, workers: int, seed: int) -> "DataLoader[Batch]":
    """Load in this process where `workers` is 0, else in as many others, which live as long as the training."""
    return DataLoader(
        batches,
        batch_size=None,
        sampler=indices,
        num_workers=workers,
        persistent_workers=workers > 0,
        generator=torch.Generator().manual_seed(seed),
        pin_memory=torch.cuda.is_available(),
    )
