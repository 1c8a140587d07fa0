"""Real steps of a training on a copy of its network, to find out how long they take here."""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from dl_assets.config import Train
from dl_assets.schedulers._steps import Steps
from dl_assets.training.batches import Batch
from dl_assets.training.learner import Learner, make_optimizer

_NOT_COUNTED = 2  # steps in which memory is laid out and kernels are chosen
_LEAST_STEPS = 3


@dataclass(frozen=True)
class Way:
    """How a step computes: `precision` is 32, 16 or bf16; `channels_last` is the order in which pictures lie in memory."""

    precision: int | str = 32
    channels_last: bool = False

    @property
    def order(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def __str__(self) -> str:
        return f"{self.precision}{' channels last' if self.channels_last else ''}"


def ways_worth_trying(options: Train, device: torch.device, is_picture: bool) -> list[Way]:
    """Return what may be fastest on this device, the plainest first; only that where exact repetition is asked for."""
    if options.deterministic and options.precision == "auto":
        return [Way()]
    precisions = _precisions(device) if options.precision == "auto" else [options.precision]
    orders = [False, True] if is_picture and not options.deterministic else [False]
    return [Way(precision, is_last) for precision in precisions for is_last in orders]


def seconds_per_step(
    learner: Learner, options: Train, device: torch.device, way: Way, batches: Iterator[Batch], least_seconds: float
) -> float:
    """Train a copy of the network on the batches for a while; return the seconds from one step to the next."""
    network = copy.deepcopy(learner.network).to(device).train()
    network.body.to(memory_format=way.order)  # type: ignore[call-overload]
    rate = 1e-6  # moves next to nothing: a copy that diverged would compute with other numbers
    optimizer, _ = make_optimizer(network, options, rate, Steps(1, 1, 0), lambda name: 1.0)
    started, count = time.perf_counter(), -_NOT_COUNTED
    while True:
        raw, encoded = (tensor.to(device) for tensor in next(batches))
        with torch.autocast(device.type, _TYPES.get(way.precision), enabled=way.precision != 32):
            outputs = network.body(network.preprocess(raw).contiguous(memory_format=way.order))
            loss = learner.objective.loss(outputs, encoded)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        count += 1
        if count == 0:
            started = _now(device)
        elif count >= _LEAST_STEPS and (seconds := _now(device) - started) >= least_seconds:
            return seconds / count


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


_TYPES = {16: torch.float16, "bf16": torch.bfloat16}


def _precisions(device: torch.device) -> list[int | str]:
    if device.type == "cuda":
        return ["bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else 16]
    # Without these instructions a CPU computes bfloat16 several times slower than float32.
    if device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return [32, "bf16"]
    return [32]
