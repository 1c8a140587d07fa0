"""Answers of an exported model for files that it has never seen: one row a file, whether it can be read or not."""

import itertools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from dl_assets import registry
from dl_assets.artifacts.raw import RawSample
from dl_assets.artifacts.rejection import Rejection
from dl_assets.artifacts.report import read_json
from dl_assets.config import Pipeline, load_pipeline
from dl_assets.errors import ArtifactError, ConfigError, DataError

BATCH_SIZE = 64
SIGNATURE = "signature.json"
_NAMED = 5


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


def predict_files(name: str, paths: list[str], root: Path, out: Path | None, *, as_json: bool) -> None:
    """Predict files and folders, and write the rows to `out`, or print them as CSV or as one JSON object a line.

    Raises DataError after all the others are predicted, where a file could not be read.
    """
    files = find_files(paths)
    exported = open_exported(load_pipeline(name, root), root)
    problems: list[str] = []
    with sink(out) as file:
        for number, rows in enumerate(predict(exported, files)):
            file.write(text_of(rows, as_json=as_json, with_header=number == 0))
            problems += [f"{path} ({problem})" for path, problem in rows.select("file", "problem").drop_nulls().iter_rows()]
    if out:
        print(f"Wrote {out}: {len(files)} file{'s' if len(files) != 1 else ''}.")
    if problems:
        raise DataError(
            f"{len(problems)} of {len(files)} files could not be read: {'; '.join(problems[:_NAMED])}"
            f"{'; ...' if len(problems) > _NAMED else ''}. Their rows say so in the column `problem`; the others are predicted."
        )


def predict(exported: Exported, files: Iterable[RawSample]) -> Iterator[pl.DataFrame]:
    """Yield file, prediction, confidence, probability_<class> and problem, a batch of rows at a time, in the given order.

    Where a file cannot be read, `problem` says why, and everything but `file` is null.
    """
    iterator = iter(files)

    def decode(payload: bytes) -> NDArray[np.uint8]:
        array: NDArray[np.uint8] = exported.inputs.clean(payload, **exported.decoding)[0]
        return array

    with ThreadPoolExecutor() as pool:  # decoders let go of the GIL
        while batch := list(itertools.islice(iterator, BATCH_SIZE)):
            # Read one after the other, because an archive is read from its start to its end.
            results = list(pool.map(lambda payload: _try(decode, payload), [_try(sample.read) for sample in batch]))
            yield _rows(exported, [sample.origin for sample in batch], results)


def _try(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what the function returns, or the Rejection that says why it cannot, or that it was given."""
    if arguments and isinstance(arguments[0], Rejection):
        return arguments[0]
    try:
        return function(*arguments)
    except Rejection as rejection:
        return rejection
    except DataError as error:
        return Rejection("unreadable", str(error))


def _rows(exported: Exported, names: list[str], results: list[NDArray[np.uint8] | Rejection]) -> pl.DataFrame:
    arrays = [result for result in results if not isinstance(result, Rejection)]
    answers = exported.answer({exported.asked["name"]: np.stack(arrays)} if arrays else {}, len(arrays))
    problems = [str(result) if isinstance(result, Rejection) else None for result in results]
    files = pl.DataFrame({"file": names, "problem": problems}, schema={"file": pl.String, "problem": pl.String})
    answered = files.filter(pl.col("problem").is_null()).select("file").hstack(answers)
    unanswered = files.filter(pl.col("problem").is_not_null())
    # In the given order again: the place of each file is where it stands in `names`.
    place = np.argsort([problem is not None for problem in problems], kind="stable")
    return pl.concat([answered, unanswered], how="diagonal")[np.argsort(place)]


# ---- the exported model ----------------------------------------------------------------------------------------


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
            f"{folder / 'model.onnx'} does not exist: there is no exported model of '{config.name}' yet. "
            f"Run: dl run {config.name}"
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


# ---- files -----------------------------------------------------------------------------------------------------


def find_files(paths: list[str]) -> list[RawSample]:
    """Return each file, and of each folder every file below it in the order of the names, but for hidden ones.

    Raises DataError where a path does not exist, or where there is no file.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise DataError(f"{path} does not exist (looked in {Path.cwd()}). Give files, or folders of files.")
        below = (
            file
            for file in path.rglob("*")
            if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
        )
        found += sorted(below) if path.is_dir() else [path]
    if not found:
        raise DataError(f"there is no file in {', '.join(paths)}. Give files, or folders of files.")
    return [RawSample(str(file), lambda file=file: _read(file)) for file in found]  # type: ignore[misc]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})") from error


@contextmanager
def sink(out: Path | None) -> Iterator[IO[str]]:
    """Give what is written to `out` whole or not at all; print it where there is none."""
    if out is None:
        yield sys.stdout
        return
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            yield file
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


def text_of(rows: pl.DataFrame, *, as_json: bool, with_header: bool) -> str:
    return rows.write_ndjson() if as_json else rows.write_csv(include_header=with_header)
