"""The trained thing as one module: raw sample in, outputs or probabilities out; and how it is stored in `model/`."""

import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from dl_assets import registry
from dl_assets.artifacts.report import read_json
from dl_assets.config import Choice
from dl_assets.errors import ArtifactError, ConfigError
from dl_assets.inference.trial import Told, build_body, try_body
from dl_assets.tasks._task import Task

CHECKPOINT = "model.ckpt"
PREPROCESSING = "preprocessing.json"
CARD = "card.json"
# Of the inputs in preprocessing.json:
CROP = "crop"  # where the network is shown less of a picture than is stored: height and width in px
VIEW = "test_time"  # where it is also shown another view of every sample: its name


class Network(nn.Module):
    """What was fitted on the train part, all of it: preprocessing, body and activation travel together."""

    def __init__(
        self, preprocess: nn.Module, body: nn.Module, activation: nn.Module, view: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        super().__init__()
        self.preprocess, self.body, self.activation, self._view = preprocess, body, activation, view
        self.calibration: nn.Module = nn.Identity()  # what was fitted after training, on val, to the probabilities
        self.flops: int | None = None  # of one forward, where the card tells

    def forward(self, raw: Tensor) -> Tensor:
        """Return outputs before the activation, [B, outputs], of raw samples as `clean` wrote them (uint8 [B, H, W, C])."""
        return cast(Tensor, self.body(self.preprocess(raw)))

    def probabilities(self, raw: Tensor) -> Tensor:
        """Return float32 [B, outputs] after the activation, calibrated: of another `view` of a sample too, the mean of both."""
        if self._view is None:
            return cast(Tensor, self.calibration(self.activation(self(raw))))
        answers = self.activation(self(torch.cat([raw, self._view(raw)])))  # [2 * B, outputs]
        return cast(Tensor, self.calibration(answers.unflatten(0, (2, -1)).mean(dim=0)))


class Middle(nn.Module):
    """Cuts the middle of `size` out of raw pictures [B, H, W, C], where the train part is shown windows of that size."""

    def __init__(self, size: Sequence[int]) -> None:
        super().__init__()
        self._size = tuple(size)

    def forward(self, raw: Tensor) -> Tensor:
        return raw[(slice(None), *middle(raw.shape[1:3], self._size))]  # [B, H, W, C] -> [B, *size, C]


def middle(whole: Sequence[int], part: Sequence[int]) -> tuple[slice, ...]:
    """Return the slices that keep the middle `part` of an array of shape `whole`; of an odd rest the end loses more.

    >>> middle((6, 5), (4, 2))
    (slice(1, 5, None), slice(1, 3, None))
    """
    starts = [(length - kept) // 2 for length, kept in zip(whole, part, strict=True)]
    return tuple(slice(start, start + kept) for start, kept in zip(starts, part, strict=True))


def build_network(task: Task, model: Choice, fitted: dict[str, Any]) -> Network:
    """Build an untrained network; `fitted` is what preprocessing.json holds. Its weights follow torch's global seed.

    Raises ConfigError where the model cannot take such inputs.
    """
    return _around(try_body(model, *_needs(task, fitted)), task, fitted)


def _needs(task: Task, fitted: dict[str, Any]) -> tuple[Told, int]:
    """Return what the model is told of its input, and how many numbers it is to answer with."""
    inputs, targets = registry.module("inputs", task.inputs), registry.module("targets", task.targets)
    return inputs.told(fitted["inputs"]), targets.num_outputs(fitted["targets"])


def _around(body: nn.Module, task: Task, fitted: dict[str, Any]) -> Network:
    """Put preprocessing and activation around a body."""
    inputs = registry.module("inputs", task.inputs)
    preprocess = inputs.preprocess(fitted["inputs"])
    if CROP in fitted["inputs"]:
        preprocess = nn.Sequential(Middle(fitted["inputs"][CROP]), preprocess)
    view = inputs.VIEWS[fitted["inputs"][VIEW]] if VIEW in fitted["inputs"] else None
    return Network(preprocess, body, registry.module("targets", task.targets).activation(fitted["targets"]), view)


def load_network(folder: Path) -> Network:
    """Read the network that the train stage left in `folder`, on the CPU and in eval mode."""
    card, fitted = read_json(folder / CARD), read_json(folder / PREPROCESSING)
    try:
        task = registry.find("tasks", card["task"])
        options = registry.options_of(registry.find("models", card["model"]["name"]))
        # By way of JSON, in which a list may be a tuple, as when the pipeline file was read.
        model = Choice(card["model"]["name"], dict(options.model_validate_json(json.dumps(card["model"]["options"]))))
        network = _around(build_body(model, *_needs(task, fitted)), task, fitted)
    except (KeyError, TypeError, ValidationError, ConfigError) as error:
        raise ArtifactError(
            f"{folder / CARD} or {PREPROCESSING} beside it does not describe a model that this code can build "
            f"({type(error).__name__}: {error}). Run the train stage again."
        ) from error
    try:
        network.load_state_dict(read_checkpoint(folder / CHECKPOINT)["state_dict"])
    except (KeyError, RuntimeError) as error:
        raise ArtifactError(
            f"{folder / CHECKPOINT} does not hold the weights of the model in {CARD} ({error}). Run the train stage again."
        ) from error
    network.flops = card.get("flops")
    return network.eval()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint without running any code that it may hold."""
    if not path.is_file():
        raise ArtifactError(f"{path} does not exist. Run the train stage again.")
    try:
        if not zipfile.is_zipfile(path):  # torch would try an older format, on which broken bytes raise anything
            raise ValueError("not a zip file")
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, LookupError, ValueError, UnpicklingError) as error:
        first_line = str(error).partition("\n")[0]
        raise ArtifactError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}: {first_line}). "
            "Delete the folder and run the train stage again."
        ) from error
    return checkpoint
