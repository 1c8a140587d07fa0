"""A pipeline file for pictures: which size, network, changes and training suit what the source holds."""

from pathlib import Path
from typing import Any

from dl_assets import registry
from dl_assets.config import clean_options
from dl_assets.operations.flow import flow
from dl_assets.operations.new_source import look_at, source_section

_TINY_PX = 32
_LEAST_WHITENED_PX = 16
_WIDTHS = [48, 96, 192]
_MANY = 20_000  # samples
_FEW = 5_000  # samples: the fewer, the more a training can gain from mixing them

_TEMPLATE = """\
# Every option: `dl schema`. Mistakes in this file: `dl check {name}`. To run it: `dl run {name}`.
# {num_samples} samples were found when this file was written; the options below were chosen for them.
task: {task}

# Where the samples come from.
source: {source}

# How a sample is decoded and judged; what does not fit is rejected with a reason: see reports/clean/clean.html after a run.
clean: {clean}

# Shares of the parts. What looks alike, and groups, stay in one part; a sample keeps its part when data is added.
split: {split}

# Random changes of the train part: a preset (light, medium, heavy, digits), or transforms of albumentations in this order.
# Where left and right differ in meaning, as in letters and signs, nothing may be mirrored: no flip, no `test_time: flip`.
augment:{augment}

# The network; wider layers (`width`, `widths`), or a `stem` of 1, learn more of each picture and take longer.
model: {model}

# More time, or epochs, helps most where there are few samples; `early_stopping: 10` ends a run that has not got better for ten.
train: {train}

# What the report of the test part holds.
evaluate: {{}}

# How exactly the exported ONNX file must answer as the trained model does. `resize: true` lets it take photos of any size,
# `int8: true` writes a smaller and faster model beside it.
export: {{}}

# When a new model replaces the one that serves: `dl promote`, and the Dagster job, compare both on the same test part.
promote: {{}}

# When the pipeline runs by itself, e.g. {{cron: "0 3 * * 1", timezone: Europe/Berlin}} for every Monday at three.
schedule: {{}}
"""


def pictures_text(name: str, task: str, source: str, root: Path, minutes: float | None) -> str:
    """Return the text of `pipelines/<name>.yaml`. Raises DataError or ConfigError where the source cannot be made out."""
    kind = registry.find("tasks", task).inputs
    inputs, transforms = registry.module("inputs", kind), registry.module("transforms", kind)
    loss = registry.module("targets", registry.find("tasks", task).targets).LOSS
    section = source_section(source, name, root, several_labels=registry.find("tasks", task).targets == "labels")
    num_samples, payloads = look_at(section, root)
    clean = inputs.suggest(payloads)
    stored = clean_options(kind)(**clean).model_dump()
    is_tiny = stored["image_size"] <= _TINY_PX
    recipe = _digits if is_tiny and stored["channels"] == 1 else _thumbnails if is_tiny else _photos
    train = recipe(num_samples, loss)
    if minutes is not None:
        train.pop("epochs", None)
        train["budget_minutes"] = minutes
    augment = transforms.suggest(num_samples, image_size=stored["image_size"], channels=stored["channels"])
    return _TEMPLATE.format(
        name=name,
        num_samples=f"{num_samples:,}",
        task=task,
        source=flow(section),
        clean=flow(clean),
        split=flow({**_shares(num_samples), "stratify": True, "seed": 17}),
        augment=_augment(augment),
        model=flow(_model(stored["image_size"], stored["channels"])),
        train=flow(train),
    )


def _shares(num_samples: int) -> dict[str, float]:
    """Choose the shares of the parts; of many samples a small share tells the best epoch well enough."""
    return {"train": 0.7, "val": 0.15, "test": 0.15} if num_samples < _MANY else {"train": 0.8, "val": 0.05, "test": 0.15}


def _model(image_size: int, channels: int) -> dict[str, Any]:
    """Choose the network. Of colour pictures half the default width takes a third of the time, better spent on more epochs.

    So does a stem that shrinks photos. Measured on cats and dogs at 64 px, in about as much time, each the mean of two runs
    with 250 test photos: 0.782 with this, 0.780 with a stem of 4 and a width of 32; 0.78 in a third more with a depth of 5.

    Thumbnails by `whitened_cnn`. On CIFAR-10, as many samples as two cores see in 285 seconds in bfloat16, one run each: 0.863
    with widths of 32, 64 and 128, 0.873 with 48, 96 and 192, 0.868 with 64, 128 and 256. Of 2,000 of its pictures, in 170
    seconds: 0.699, with `cnn` 0.694.
    """
    if image_size > _TINY_PX:
        return {"name": "cnn", "width": 16, "depth": _depth(image_size // 2), "stem": 2}
    if channels > 1 and image_size >= _LEAST_WHITENED_PX:
        return {"name": "whitened_cnn", "widths": _WIDTHS[: _depth(image_size) - 1]}
    return {"name": "cnn", "depth": _depth(image_size), **({} if channels == 1 else {"width": 16})}


def _depth(side: int) -> int:
    """Stages between which the picture is halved down to 4 px or a little more, but two at least.

    >>> [_depth(side) for side in (8, 20, 32, 40, 64, 128)]
    [2, 3, 4, 4, 5, 5]
    """
    return min(5, max(2, (side // 2).bit_length() - 1))


def _digits(num_samples: int, loss: str) -> dict[str, Any]:
    """Learn from tiny grey pictures, of which there is little to overfit to."""
    epochs, batch_size = (20, 64) if num_samples < 50_000 else (6, 128)
    return {"epochs": epochs, "batch_size": batch_size, "learning_rate": 0.003, "average": "ema"}


def _thumbnails(num_samples: int, loss: str) -> dict[str, Any]:
    """Learn from tiny pictures in colours, of which a training sees each a few times only where there are many.

    Measured on CIFAR-10 with `cnn`, 6 epochs, one run each, test accuracy: 0.827 with Muon at a rate of 0.005, 0.835 at 0.01
    and less smoothing, 0.831 at 0.02; 0.816 with AdamW at 0.005 after 10 epochs of another network, where Muon had 0.833. In
    2.5 epochs, of which the rate rises for an eighth of one: 0.779 with batches of 256, 0.793 of 128; 0.788 if for half of one.
    With `whitened_cnn` of 32, 64 and 128 channels, 3.5 epochs: 0.824 at 0.01, 0.827 at 0.015, 0.829 at 0.02, 0.823 at 0.03.
    """
    return {
        "budget_minutes": 3 if num_samples < _FEW else 5,
        "batch_size": 32 if num_samples < _FEW else 64 if num_samples < _MANY else 128,
        "optimizer": "muon",
        "learning_rate": 0.02,
        **({} if num_samples < _MANY else {"warmup_epochs": 0.25}),  # of a few epochs, the usual one would be much
        "weight_decay": 0.05,
        "loss": {"name": loss, "label_smoothing": 0.05},
        "average": "ema",
        "early_stopping": 0,
    }


def _photos(num_samples: int, loss: str) -> dict[str, Any]:
    """Learn from photos by AdamW: a step of Muon costs most beside batches that are small.

    Measured on 700 photos of cats and dogs at 64 px, each the mean of three seeds with 150 test photos: 0.776 after 45 epochs,
    0.800 after 100.
    """
    return {
        "budget_minutes": 3 if num_samples < _FEW else 5,
        "batch_size": 32 if num_samples < _FEW else 64,
        "learning_rate": 0.002,
        "weight_decay": 0.05,
        "loss": {"name": loss, "label_smoothing": 0.1},
        "average": "ema",
        "early_stopping": 0,
    }


def _augment(section: str | dict[str, Any]) -> str:
    """Return the section as it stands behind `augment:`, a transform a line."""
    if isinstance(section, str):
        return f" {section}"
    lines = []
    for name, value in section.items():
        lines += (
            [f"{name}:", *(f"  - {flow(entry)[1:-1]}" for entry in value)] if isinstance(value, list) else [f"{name}: {value}"]
        )
    return "".join(f"\n  {line}" for line in lines)
