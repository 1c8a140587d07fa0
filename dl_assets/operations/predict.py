"""An exported model as it is asked: opened beside its signature, with all that is needed to read its answers."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from dl_assets import registry
from dl_assets.artifacts.report import read_json
from dl_assets.config import Pipeline
from dl_assets.errors import ArtifactError, ConfigError
from dl_assets.operations.promotion.folder import MODEL, SIGNATURE

BATCH_SIZE = 64

Ask = Callable[[dict[str, NDArray[Any]]], NDArray[np.float32]]  # inputs [B, ...] by name -> [B, outputs]
Look = Callable[[dict[str, NDArray[Any]]], tuple[NDArray[np.float32], NDArray[np.float32]]]  # and the embedding, [B, K]


@dataclass(frozen=True)
class Exported:
    """The exported model, and what must be known to ask it and to read its answer."""

    targets: ModuleType
    fitted: dict[str, Any]  # of the targets
    inputs: ModuleType
    asked: dict[str, Any]  # what signature.json says of the input
    decoding: dict[str, Any]  # the options of `clean` with which it is made
    ask: Ask
    properties: dict[str, str]  # what the file says of itself
    look: Look | None  # `ask`, and the embedding in the same call, where the model has one

    def answer(self, inputs: dict[str, NDArray[Any]], num_samples: int) -> pl.DataFrame:
        """Return the predictions for inputs [B, ...] by their names."""
        nothing = np.zeros((0, self.targets.num_outputs(self.fitted)), dtype=np.float32)
        answers: pl.DataFrame = self.targets.predictions(self.ask(inputs) if num_samples else nothing, self.fitted)
        return answers


def open_exported(config: Pipeline, root: Path) -> Exported:
    """Open `data/<name>/exported`. Files are decoded as those were that the model learnt from, whatever the YAML says now.

    Raises ArtifactError where the model is missing, broken, or made by a version that decodes otherwise.
    """
    _, folder = read_signature(config, root)
    exported = open_model(folder, f"Run: dl run {config.name}")
    _tell_changed(config, exported.asked["made_by"]["clean"])
    return exported


def open_model(folder: Path, remedy: str, file: str | None = None) -> Exported:
    """Open the model that lies in `folder` beside its signature, or another `file` of it that answers alike.

    Raises ArtifactError, which ends with the remedy.
    """
    signature = read_json(folder / SIGNATURE)
    try:
        task = registry.find("tasks", signature["task"])
        inputs, targets = registry.module("inputs", task.inputs), registry.module("targets", task.targets)
        options = registry.options_of(inputs.clean)
        made_by = signature["input"]["made_by"]["clean"]
        if set(made_by) != set(options.model_fields):
            raise ValueError(f"its options of clean are {', '.join(made_by)}, but must be {', '.join(options.model_fields)}")
        decoding = dict(options.model_validate_json(json.dumps(made_by)))
        fitted = signature["output"]["fitted"]
        path, answered = folder / (file or signature["file"]), signature["output"]["name"]
        session, properties = _session(path, targets.num_outputs(fitted))
    except (KeyError, TypeError, ValueError, ValidationError, ConfigError) as error:
        raise ArtifactError(f"{folder / SIGNATURE} does not fit this version ({error}). {remedy}") from error
    asking = _asking(session, answered, signature.get("embedding"))
    return Exported(targets, fitted, inputs, signature["input"], decoding, asking[0], properties, asking[1])


def read_signature(config: Pipeline, root: Path) -> tuple[dict[str, Any], Path]:
    """Return what the exported model says of itself, and its folder."""
    folder = root / "data" / config.name / "exported"
    if not (folder / SIGNATURE).is_file():
        raise ArtifactError(
            f"{folder / MODEL} does not exist: there is no exported model of '{config.name}' yet. Run: dl run {config.name}"
        )
    return read_json(folder / SIGNATURE), folder


def _session(path: Path, num_outputs: int) -> tuple[Any, dict[str, str]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # threads that wait would take others' time
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has an exception of its own for each mistake, below RuntimeError or not
        raise ValueError(f"{path} cannot be opened: {error}") from error
    found = session.get_outputs()[0].shape[-1]
    if found != num_outputs:
        raise ValueError(f"{path} has {found} outputs, but {num_outputs} are needed")
    return session, dict(session.get_modelmeta().custom_metadata_map)


def _asking(session: Any, answered: str, embedding: dict[str, Any] | None) -> tuple[Ask, Look | None]:
    def ask(inputs: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        answers: NDArray[np.float32] = session.run([answered], inputs)[0]
        return answers

    if embedding is None or embedding["name"] not in [one.name for one in session.get_outputs()]:
        return ask, None  # as of a model that was exported before there were any, or of one of 8 bits
    both = [answered, embedding["name"]]
    return ask, lambda inputs: tuple(session.run(both, inputs))


def _tell_changed(config: Pipeline, made_by: dict[str, Any]) -> None:
    now = config.clean.model_dump(mode="json")
    changed = [f"{option} was {was} and is {now.get(option)} now" for option, was in made_by.items() if now.get(option) != was]
    if changed:
        print(
            f"NOTE: {config.path}: since the model was exported, clean.{', clean.'.join(changed)}. Files are decoded as it "
            f"was; for a model with the new options run: dl run {config.name}",
            file=sys.stderr,
        )
