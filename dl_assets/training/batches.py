"""Stored samples as batches of tensors, shuffled and augmented for the train part."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from dl_assets.artifacts.shards import LARGE_BYTES, Array, Arrays
from dl_assets.inference.network import middle

Batch = tuple[Tensor, Tensor]
Indices = NDArray[np.int64]
Keys = NDArray[np.uint64]
# The epoch travels with the indices: processes that live as long as the training could not be told of it otherwise.
Item = tuple[int, Indices]


class Policy(Protocol):
    """What a module of `transforms` composes."""

    def keys(self, numbers: Keys, *, seed: int, epoch: int) -> Keys: ...
    def batch(self, samples: Iterable[Array], keys: Keys, /) -> Array: ...


class Batches(Dataset[Batch]):
    """Epoch and indices in, one batch out: raw samples [B, ...] as they are stored, and encoded targets [B, ...].

    With a policy, what happens to a sample follows from `seed`, its number [N] and the epoch, and from nothing else.
    """

    def __init__(
        self,
        arrays: Arrays,
        encoded: NDArray[Any],
        policy: Policy | None = None,
        numbers: Keys | None = None,
        seed: int = 0,
    ) -> None:
        assert policy is None or numbers is not None, "a policy needs to know the samples"
        self._arrays, self._encoded = arrays, encoded
        self._policy, self._numbers, self._seed = policy, numbers, seed

    @property
    def num_samples(self) -> int:
        return len(self._encoded)

    def __getitem__(self, item: Item) -> Batch:
        epoch, indices = item
        return torch.from_numpy(self._read(epoch, indices)), torch.from_numpy(self._encoded[indices])

    def _read(self, epoch: int, indices: Indices) -> Array:
        if self._policy is None or self._numbers is None:
            return self._arrays.batch(indices)
        keys = self._policy.keys(self._numbers[indices], seed=self._seed, epoch=epoch)
        return self._policy.batch(self._arrays.each(indices), keys)


class Joined:
    """Several `Arrays` one after the other. Of those with larger arrays than the smallest the middle is taken."""

    def __init__(self, parts: Sequence[Arrays]) -> None:
        self._parts, self._ends = parts, np.cumsum([len(part) for part in parts])
        self._shape = min(part.shape for part in parts)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> Array:
        number = int(np.searchsorted(self._ends, index, side="right"))
        part = self._parts[number]
        return part[index - self._start(number)][middle(part.shape, self._shape)]

    def each(self, indices: Indices) -> Iterator[Array]:
        return map(self.__getitem__, indices.tolist())

    def batch(self, indices: Indices) -> Array:
        first = self[int(indices[0])]
        out = np.empty((len(indices), *self._shape), first.dtype)
        if first.nbytes > LARGE_BYTES:
            for place, array in zip(out, self.each(indices), strict=True):
                place[...] = array
            return out
        numbers = np.searchsorted(self._ends, indices, side="right")
        for number in np.unique(numbers).tolist():
            part, is_here = self._parts[number], numbers == number
            shown = (slice(None), *middle(part.shape, self._shape))
            out[is_here] = part.batch(indices[is_here] - self._start(number))[shown]
        return out

    def _start(self, number: int) -> int:
        return int(self._ends[number]) - len(self._parts[number])

    @property
    def shape(self) -> tuple[int, ...]:
        return self._shape


class ShuffledIndices(Sampler[Item]):
    """Every sample once an epoch, in batches of nearly equal size and never of one (batch norm needs two).

    Where several devices share every batch, the one of number `rank` has every so many samples of it, from that number on.
    """

    def __init__(self, num_samples: int, batch_size: int, seed: int, *, rank: int = 0, devices: int = 1) -> None:
        self._num_samples, self._seed, self._epoch = num_samples, seed, 0
        self._rank, self._devices = rank, devices
        self._num_batches = self._num_shown = max(1, min(-(-num_samples // batch_size), num_samples // (2 * devices)))

    def __len__(self) -> int:
        return self._num_shown

    @property
    def num_samples(self) -> int:
        """How many samples an epoch has."""
        return self._num_samples * self._num_shown // self._num_batches

    def shorten(self, num_batches: int) -> None:
        """Let an epoch end after so many batches: it then has a random share of the samples, each time another."""
        self._num_shown = min(num_batches, self._num_batches)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; Lightning calls this."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[Item]:
        epoch = self._epoch
        order = self._order(np.random.default_rng((self._seed, epoch)))
        for indices in np.array_split(order, self._num_batches)[: self._num_shown]:
            yield epoch, indices[self._rank :: self._devices]

    def _order(self, rng: np.random.Generator) -> Indices:
        return rng.permutation(self._num_samples)


class DrawnIndices(ShuffledIndices):
    """As many samples an epoch, drawn with replacement in proportion to `weights` [N]."""

    def __init__(self, weights: NDArray[np.float32], batch_size: int, seed: int, *, rank: int = 0, devices: int = 1) -> None:
        super().__init__(len(weights), batch_size, seed, rank=rank, devices=devices)
        self._shares = weights.astype(np.float64) / weights.sum(dtype=np.float64)

    def _order(self, rng: np.random.Generator) -> Indices:
        return rng.choice(self._num_samples, self._num_samples, p=self._shares)


class OrderedIndices(Sampler[Item]):
    """Every sample once, in order."""

    def __init__(self, num_samples: int, batch_size: int) -> None:
        self._num_samples, self._batch_size = num_samples, batch_size

    def __len__(self) -> int:
        return -(-self._num_samples // self._batch_size)

    def __iter__(self) -> Iterator[Item]:
        for start in range(0, self._num_samples, self._batch_size):
            yield 0, np.arange(start, min(start + self._batch_size, self._num_samples))


def loader(batches: Batches, indices: Sampler[Item], workers: int, seed: int) -> "DataLoader[Batch]":
    """Load in this process where `workers` is 0, else in as many others, which live as long as the training.

    What is loaded does not depend on `workers`.
    """
    return DataLoader(
        batches,
        batch_size=None,
        sampler=indices,
        num_workers=workers,
        persistent_workers=workers > 0,
        # Torch's own generator would be drawn from as often as processes are started, and dropout would differ by that.
        generator=torch.Generator().manual_seed(seed),
        pin_memory=torch.cuda.is_available(),
    )
