"""All folds of a cross-validation, one after another, and their publication."""

import os
from hashlib import blake2b
from pathlib import Path

from dl_assets import files, progress
from dl_assets.artifacts.report import read_json
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS_TABLE, PREDICTIONS, read_table
from dl_assets.config import Pipeline
from dl_assets.errors import ArtifactError, PipelineError
from dl_assets.operations.crossval.folds import choose_folds
from dl_assets.operations.crossval.places import NAME, PAGE, RESULT, address
from dl_assets.runner import DATA, locked, writable


def crossval(config: Pipeline, num_folds: int, key: str) -> None:
    """Train and measure fold after fold in the working directory, and publish data/<name>/crossval/.

    `key` stands for data, code and options: under the same key a killed run goes on where it was, and a finished one is not
    repeated; what another key left unfinished is deleted. A second run of the same pipeline waits for the first.
    """
    folder, state = DATA / config.name / NAME, DATA / ".tmp" / config.name / NAME / key
    clean, parts = DATA / config.name / "clean", DATA / config.name / "parts"
    os.environ[progress.ADDRESS] = address(config.name, 0)
    with writable(DATA / config.name), locked(DATA / ".tmp" / f"{config.name}.{NAME}.lock"):
        if _is_done(folder, key):
            for fold in range(num_folds):
                progress.emit("stage", address=address(config.name, fold), state="unchanged")
            return
        files.publish(_train_all(config, num_folds, key, clean=clean, parts=parts, state=state), folder, state / "old")
        files.remove(state.parent)


def _train_all(config: Pipeline, num_folds: int, key: str, *, clean: Path, parts: Path, state: Path) -> Path:
    """Train every fold and write the result below `state`."""
    samples, version = choose_folds(config, num_folds, clean=clean, parts=parts), _version(clean)
    _forget_others(state)  # not before the folds are known to be possible
    # These import torch and matplotlib, which takes seconds: not for a run that has nothing to do, or that is a mistake.
    from dl_assets.operations.crossval.publication import write_result
    from dl_assets.operations.crossval.training import train_fold

    found, config = [], _on_one_device(config)
    for fold in range(num_folds):
        found.append(train_fold(config, samples, fold, num_folds, clean=clean, state=state))
        if _version(clean) != version:
            files.remove(found[-1])
            raise PipelineError(
                f"{clean} was made anew while fold {fold} was trained. Run it again, to begin with the new data."
            )
    out = state / "published"
    files.remove(out)
    write_result(config, found, num_test=read_table(PARTS_TABLE, parts).filter(part="test").height, key=key, out=out)
    return out


def _on_one_device(config: Pipeline) -> Pipeline:
    """Several devices would be served by processes that Lightning starts by our command line, once for each fold's training.

    A batch is as large on one device as on several together, so the folds learn the same.
    """
    train = {name: value for name, value in (config.document.get("train") or {}).items() if name != "devices"}
    return Pipeline(config.path, {**config.document, "train": train})


def _version(clean: Path) -> str | None:
    """Name what is in clean/ by its table, which holds a digest of every sample; None while a stage is about to write it."""
    path = clean / CLEAN_SAMPLES.file
    return blake2b(path.read_bytes(), digest_size=16).hexdigest() if path.is_file() else None


def _is_done(folder: Path, key: str) -> bool:
    try:
        return bool(read_json(folder / RESULT)["key"] == key) and all(
            (folder / name).is_file() for name in (PAGE, PREDICTIONS.file)
        )
    except (ArtifactError, KeyError):
        return False


def _forget_others(state: Path) -> None:
    state.mkdir(parents=True, exist_ok=True)
    for other in state.parent.iterdir():
        if other != state:
            files.remove(other)
