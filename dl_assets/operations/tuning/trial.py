"""One trial: the pipeline with other values, trained; only the val part decides."""

import contextlib
import gc
import json
import math
import tempfile
from hashlib import blake2b
from pathlib import Path

import optuna
import polars as pl
import torch
from optuna.trial import Trial, TrialState

from dl_assets import files
from dl_assets.artifacts.tables import read_parted
from dl_assets.config import Pipeline
from dl_assets.errors import PipelineError
from dl_assets.operations.tuning.home import Home
from dl_assets.operations.tuning.space import values_of, with_values
from dl_assets.operations.tuning.study import REASON, SCORES, VALUES, Study
from dl_assets.problems import plain
from dl_assets.stages.augment import augment
from dl_assets.training.fit import fit

_MAX_REASON = 400


def run_trial(study: Study, trial: Trial) -> None:
    """Train and tell the study how it went; only what stops this process comes through."""
    folder = study.home.scratch / f"trial-{trial.number}"
    values = values_of(study.search, trial.params)
    trial.set_user_attr(VALUES, values)
    try:
        value, scores = _train(study, trial, with_values(study.pipeline, values), folder)
    except optuna.TrialPruned:
        study.optuna.tell(trial, state=TrialState.PRUNED)
    except Exception as error:  # noqa: BLE001 - whatever these values lead to, the next ones may do better
        trial.set_user_attr(REASON, reason_of(error))
        study.optuna.tell(trial, state=TrialState.FAIL)
    else:
        trial.set_user_attr(SCORES, scores)
        study.optuna.tell(trial, value)
    finally:
        files.remove(folder)
        gc.collect()  # the network is in a ring of references; the next one needs its memory
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _train(study: Study, trial: Trial, pipeline: Pipeline, folder: Path) -> tuple[float, dict[str, float]]:
    """Return the metric in the epoch that is kept, and all that was measured on val in it."""
    home, metric, rows = study.home, study.search.options.metric, list[dict[str, float]]()

    def on_epoch(row: dict[str, float]) -> None:
        rows.append(row)
        trial.report(_finite(metric, min(rows, key=lambda row: row["val_loss"])), len(rows))
        if trial.should_prune():
            raise optuna.TrialPruned

    files.remove(folder)
    (folder / "model").mkdir(parents=True)
    report = fit(
        pipeline,
        samples=_without_test(home),
        clean=home.artifact("clean"),
        augmented=_augmented(study, pipeline),
        out=folder / "model",
        on_epoch=on_epoch,
    )
    kept = next(row for row in rows if row["epoch"] == report.numbers["best_epoch"])
    return _finite(metric, kept), {name: value for name, value in kept.items() if name.startswith("val_")}


def _without_test(home: Home) -> pl.DataFrame:
    return read_parted(home.artifact("clean"), home.artifact("parts")).filter(pl.col("part") != "test")


def _augmented(study: Study, pipeline: Pipeline) -> Path:
    """Return what the augment stage made, or would make of another policy; each policy is made once."""
    home, policy = study.home, plain(pipeline.document.get("augment"))
    if policy == plain(study.pipeline.document.get("augment")):
        return home.artifact("augmented")
    made = home.policies / blake2b(json.dumps(policy, sort_keys=True).encode(), digest_size=8).hexdigest()
    if not made.exists():
        out = Path(tempfile.mkdtemp(dir=made.parent))
        augment(pipeline, clean=home.artifact("clean"), parts=home.artifact("parts"), out=out)
        with contextlib.suppress(OSError):  # another worker was faster
            out.rename(made)
    return made


def _finite(metric: str, row: dict[str, float]) -> float:
    if not math.isfinite(row[metric]):
        raise PipelineError(f"{metric} became {row[metric]:g} in epoch {row['epoch']:.0f}.")
    return row[metric]


def reason_of(error: Exception) -> str:
    """Say on one line why a trial failed."""
    told = " ".join(str(error).split())
    told = told if len(told) <= _MAX_REASON else f"{told[:_MAX_REASON]}..."
    return told if isinstance(error, PipelineError) else f"{type(error).__name__}: {told}"
