"""What is decided by measuring before a training begins: how it computes and loads, how long it lasts, how fast it learns."""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch

from dl_assets.config import Train
from dl_assets.training.batches import Batch, loader
from dl_assets.training.data import Data
from dl_assets.training.learner import Learner
from dl_assets.training.rates import find_learning_rate
from dl_assets.training.rehearsal import Way, seconds_per_step, ways_worth_trying
from dl_assets.training.workers import choose_workers

DEFAULT_EPOCHS = 20
_MOST_EPOCHS = 10_000
_FEW_EPOCHS = 20  # of which a part matters
_FEWEST_EPOCHS = 4  # so that what is left can be planned anew after each, and the val loss is seen to fall
_JUDGING_SHARE = 0.25  # of the time, which judging the epochs may take at most where there are few
_WORTH_SECONDS = 20.0  # of training; below that, a faster way of computing gains nothing
_CLEARLY_FASTER = 0.9
_GLANCE_SECONDS, _MEASURED_SECONDS, _BUDGET_SECONDS = 0.02, 0.3, 1.5


@dataclass(frozen=True)
class Plan:
    """An epoch has `steps` batches, or all where that is None.

    `step_seconds` is None where nothing had to be measured, and so is `seconds`, the time that is left for the epochs.
    """

    epochs: int
    workers: int
    learning_rate: float
    precision: int | str
    channels_last: bool
    step_seconds: float | None = None
    steps: int | None = None
    seconds: float | None = None

    @property
    def way(self) -> Way:
        return Way(self.precision, self.channels_last)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def make_plan(options: Train, learner: Callable[[Way, float], Learner], data: Data, device: torch.device) -> Plan:
    """Measure what the YAML leaves open, on copies of what `learner` makes."""
    started = time.monotonic()
    plain = learner(Way(), 1.0)
    batch = next(iter(loader(data.train, data.indices, 0, options.seed)))
    is_picture = plain.network.preprocess(batch[0][:1]).ndim == 4

    def measure(way: Way, batches: Iterator[Batch], least_seconds: float) -> float:
        return seconds_per_step(plain, options, device, way, batches, least_seconds)

    ways = ways_worth_trying(options, device, is_picture)
    glance = measure(ways[0], itertools.repeat(batch), _GLANCE_SECONDS)
    most = most_epochs(options)
    planned = min(glance * most * len(data.indices), 60 * (options.budget_minutes or math.inf))
    way = ways[0]
    if planned >= _WORTH_SECONDS and len(ways) > 1:
        way = _fastest({way: measure(way, itertools.repeat(batch), _MEASURED_SECONDS) for way in ways})
    workers = choose_workers(options.workers, data.train, data.indices, math.ceil(planned / (glance * len(data.indices))))
    rate = options.learning_rate
    if rate == "auto":
        rate = find_learning_rate(learner(way, 1.0), data.train, data.indices, options)
    if not options.budget_minutes:
        return Plan(most, workers, rate, way.precision, way.channels_last)
    loading = itertools.chain.from_iterable(itertools.repeat(loader(data.train, data.indices, workers, options.seed)))
    step = measure(way, loading, _BUDGET_SECONDS)
    judging = data.val.num_samples / options.batch_size * step / 3  # forward alone is about a third of a step
    left = 60 * options.budget_minutes - (time.monotonic() - started)
    epochs, steps = epochs_within(left, step, len(data.indices), judging, most)
    print(f"{epochs} epochs of {steps} steps fit into {options.budget_minutes:g} minutes, at {step:.3g} s a step", flush=True)
    return Plan(epochs, workers, rate, way.precision, way.channels_last, round(step, 6), steps, round(left, 3))


def most_epochs(options: Train) -> int:
    """Return the number of epochs that a training does not exceed."""
    return options.epochs or (_MOST_EPOCHS if options.budget_minutes else DEFAULT_EPOCHS)


def epochs_within(
    seconds: float, step_seconds: float, steps: int, judging_seconds: float, most: int, least: int = _FEWEST_EPOCHS
) -> tuple[int, int]:
    """Return how many epochs fit into the time, and of how many steps each; `judging_seconds` go to val after each.

    Where only a few fit, they are one more and shorter, so that the time is used; a little time is shared by `least` epochs,
    and not exceeded.

    >>> epochs_within(300, step_seconds=0.1, steps=50, judging_seconds=1, most=20)
    (20, 50)
    >>> epochs_within(33, step_seconds=0.1, steps=50, judging_seconds=1, most=20)
    (6, 45)
    >>> epochs_within(9, step_seconds=0.1, steps=500, judging_seconds=0.25, most=20)
    (4, 20)
    >>> epochs_within(3, step_seconds=0.1, steps=50, judging_seconds=1, most=20)
    (1, 20)
    """
    fitting = seconds / (steps * step_seconds + judging_seconds)
    if fitting >= min(most, _FEW_EPOCHS):
        return min(int(fitting), most), steps
    bearable = int(_JUDGING_SHARE * seconds / max(judging_seconds, 1e-9))
    epochs = max(1, math.ceil(fitting), min(least, most, _FEWEST_EPOCHS, bearable))
    return epochs, max(1, min(int((seconds / epochs - judging_seconds) / step_seconds), steps))


def _fastest(seconds: dict[Way, float]) -> Way:
    """Return the plainest way, unless another is clearly faster: what changes nothing need not change from run to run."""
    plainest = next(iter(seconds))
    best = min(seconds, key=lambda way: seconds[way])
    chosen = best if seconds[best] < _CLEARLY_FASTER * seconds[plainest] else plainest
    shown = ", ".join(f"{way}: {1000 * found:.3g} ms" for way, found in seconds.items())
    print(f"computing in {chosen}; a step takes in {shown}", flush=True)
    return chosen
