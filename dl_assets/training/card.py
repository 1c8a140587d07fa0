"""`card.json`: what a model is, what it was made from, by what and at what cost."""

import json
import platform
import subprocess
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from dl_assets.config import Pipeline
from dl_assets.inference.network import Network
from dl_assets.training.data import Data
from dl_assets.training.history import Row
from dl_assets.training.plan import Plan
from dl_assets.training.recovery import hash_of_code


def make_card(
    config: Pipeline, network: Network, data: Data, plan: Plan, rows: list[Row], best: Row, energy_joules: float | None
) -> dict[str, Any]:
    """Describe a trained network; `seconds` are those of all its epochs, also where it was killed and went on."""
    return {
        "pipeline": config.name,
        "task": config.task_name,
        "model": model_of(config),
        **data.fitted["targets"],
        "num_parameters": sum(parameter.numel() for parameter in network.parameters()),
        "flops": count_flops(network, data),
        "seed": config.train.seed,
        "num_samples": {part: len(rows) for part, rows in data.parts.items()},
        "data": data.version,
        "code": hash_of_code(),
        "git": git_revision(),
        "plan": plan.as_json(),
        "epochs": len(rows),
        "best_epoch": best["epoch"],
        "val": scores_of(best),
        "hardware": hardware(config.train.accelerator),
        "torch": str(torch.__version__),
        "lightning": version("pytorch-lightning"),
        "seconds": round(sum(row["seconds"] for row in rows), 2),
        "energy_joules": energy_joules,
    }


def model_of(config: Pipeline) -> dict[str, Any]:
    return {"name": config.model.name, "options": json.loads(json.dumps(config.model.options))}


def scores_of(row: Row) -> dict[str, float]:
    """Return what was found on val beside the loss."""
    return {name: value for name, value in row.items() if name.startswith("val_") and name != "val_loss"}


def count_flops(network: Network, data: Data) -> int:
    """Return the floating-point operations of one answer; a multiplication with an addition is two."""
    epoch_and_indices = next(iter(data.indices))
    raw = data.train[epoch_and_indices[0], epoch_and_indices[1][:1]][0]
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.body(network.preprocess(raw.to(device)))
    network.train(was_training)
    return int(counter.get_total_flops())


def hardware(accelerator: str) -> str:
    if accelerator != "cpu" and torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"


def git_revision() -> str | None:
    """Return the commit of the working directory, with `-dirty` where files differ from it; None outside of Git."""
    with suppress(OSError, subprocess.CalledProcessError):
        command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        return found or None
    return None


class Energy:
    """Counters of the machine that count joules, where there are some that may be read: Intel's and AMD's RAPL, NVIDIA's."""

    def __init__(self) -> None:
        self._before = _joules()

    def joules(self) -> float | None:
        """Return what was spent since, by everything on the machine; None where no counter can be read."""
        now = _joules()
        spent = [now[name] - before for name, before in self._before.items() if name in now and now[name] >= before]
        return round(sum(spent), 1) if spent else None


def _joules() -> dict[str, float]:
    counters = {}
    for path in Path("/sys/class/powercap").glob("intel-rapl:?/energy_uj"):
        with suppress(OSError, ValueError):
            counters[str(path)] = int(path.read_text()) / 1e6
    with suppress(ImportError, RuntimeError):
        import pynvml

        counters |= _nvidia_joules(pynvml)
    return counters


def _nvidia_joules(nvml: Any) -> dict[str, float]:
    try:
        nvml.nvmlInit()
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        return {f"gpu{index}": nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3 for index, handle in enumerate(handles)}
    except nvml.NVMLError:
        return {}
