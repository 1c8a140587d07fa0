"""One optuna study: who samples, who prunes, which trial comes next, and what has become of each."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState

from dl_assets.config import Pipeline
from dl_assets.operations.tuning.home import Home
from dl_assets.operations.tuning.journal import locked, open_journal
from dl_assets.operations.tuning.space import Params, distributions, params_of, present_values
from dl_assets.search_space import Between, Search, Values

DEFAULT_TRIALS = 30
_USUAL_EPOCHS = 20
VALUES, SCORES, REASON, WORKER = "values", "scores", "reason", "worker"  # what we note beside optuna's own
_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}
COUNTED = ("complete", "pruned", "failed")

optuna.logging.set_verbosity(optuna.logging.ERROR)


@dataclass(frozen=True)
class Row:
    """One trial. `value` is the metric in the epoch that is kept, `scores` what else was measured on val in it."""

    number: int
    state: str  # complete, pruned, failed, killed, running or waiting
    values: Values
    value: float | None
    scores: dict[str, float]
    epochs: int
    seconds: float | None
    reason: str
    curve: list[float]


class Study:
    """The study in `home`, to which any number of processes may have it open."""

    def __init__(self, home: Home, pipeline: Pipeline) -> None:
        self.home, self.pipeline = home, pipeline
        self.search: Search = pipeline.tune
        self.optuna = optuna.create_study(
            study_name=home.key,
            storage=open_journal(home.journal, home.scratch / "journal.lock"),
            direction=self.search.direction,
            pruner=_pruner(pipeline, self.search),
            load_if_exists=True,
        )

    def rows(self) -> list[Row]:
        return [_row(trial) for trial in self.optuna.get_trials(deepcopy=False)]

    def target(self, wanted: int | None = None) -> int:
        """Return how many trials there are to be in all."""
        wanted = wanted or self.search.options.trials
        if self.search.options.sampler == "grid":
            return min(wanted or len(self._wanted()), len(self._wanted()))
        return wanted or DEFAULT_TRIALS

    def best(self) -> Row | None:
        """Return the best complete trial; of equal ones the first."""
        return best_of(self.rows(), self.search.direction)

    def present(self) -> Row | None:
        """Return the complete trial of the values that the pipeline has now, if there is one."""
        params = params_of(self.search, present_values(self.pipeline, self.search))
        trials = self.optuna.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return next((_row(trial) for trial in trials if trial.params == params), None)

    # ---- what comes next ---------------------------------------------------------------------------------------

    def next_trial(self, worker: str, target: int) -> Trial | None:
        """Begin a trial, or return None where there are enough; never two processes at a time."""
        with self.alone():
            trials = self.optuna.get_trials(deepcopy=False)
            states = [_state(trial) for trial in trials]
            is_grid = self.search.options.sampler == "grid"
            if sum(state in (*COUNTED, "running") for state in states) >= target or (is_grid and "waiting" not in states):
                return None
            # What is drawn depends on the seed and the number alone: two workers, or the same one after it was killed,
            # would draw the same values again from one seed.
            self.optuna.sampler = _sampler(self.search, len(trials))
            trial = self.optuna.ask(distributions(self.search))
            trial.set_user_attr(WORKER, worker)
            return trial

    def line_up(self, target: int) -> None:
        """Put into the queue what has to be tried and is not: the grid, or the values that the pipeline has now."""
        with self.alone():
            trials = self.optuna.get_trials(deepcopy=False)
            lined_up = [_params(trial) for trial in trials if _state(trial) != "killed"]
            room = target - len(lined_up)
            missing = [params for params in self._wanted() if params not in lined_up]
            for params in missing[: max(room, 0)]:
                self.optuna.enqueue_trial(params)

    def mark_killed(self, living: set[str]) -> None:
        """Mark the running trials of workers that live no more; their number is made up for."""
        with self.alone():
            for trial in self.optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                if trial.user_attrs.get(WORKER) not in living:
                    self.optuna.tell(trial.number, state=TrialState.FAIL)

    @contextmanager
    def alone(self) -> Iterator[None]:
        with locked(self.home.scratch / "next.lock", quietly=True):
            yield

    def _wanted(self) -> list[Params]:
        present = params_of(self.search, present_values(self.pipeline, self.search))
        first = [] if present is None else [present]
        if self.search.options.sampler != "grid":
            return first
        grid = [params for values in self.search.grid() if (params := params_of(self.search, values)) is not None]
        random.Random(self.search.options.seed).shuffle(grid)  # so that a grid cut short is not all at one end
        return [*first, *(params for params in grid if params not in first)]


def best_of(rows: list[Row], direction: str) -> Row | None:
    complete = [row for row in rows if row.state == "complete" and row.value is not None]
    sign = 1 if direction == "minimize" else -1
    return min(complete, key=lambda row: sign * (row.value or 0.0), default=None)


def _sampler(search: Search, number: int) -> BaseSampler:
    seed = int(np.random.SeedSequence([search.options.seed, number]).generate_state(1)[0])
    return TPESampler(seed=seed) if search.options.sampler == "tpe" else RandomSampler(seed)


def _pruner(pipeline: Pipeline, search: Search) -> BasePruner:
    epochs = _most_epochs(pipeline, search)
    pruners: dict[str, Any] = {
        # The first epochs tell how fast the learning rate warms up, and little else.
        "median": lambda: MedianPruner(n_startup_trials=5, n_warmup_steps=2 + epochs // 5),
        "hyperband": lambda: HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3),
        "none": NopPruner,
    }
    pruner: BasePruner = pruners[search.options.pruner]()
    return pruner


def _most_epochs(pipeline: Pipeline, search: Search) -> int:
    """Return the most epochs that a trial may have; where something else than the file decides that, a usual number."""
    for dimension in search.dimensions:
        if dimension.name == "train.epochs":
            ends = [dimension.high] if isinstance(dimension, Between) else dimension.candidates
            return max((int(end) for end in ends if end), default=_USUAL_EPOCHS)
    return pipeline.train.epochs or _USUAL_EPOCHS


def _state(trial: FrozenTrial) -> str:
    """A trial that failed by itself has a reason; one without was ended from outside."""
    return _STATES.get(trial.state) or ("failed" if REASON in trial.user_attrs else "killed")


def _params(trial: FrozenTrial) -> Params:
    params: Params = trial.system_attrs.get("fixed_params", trial.params)
    return params


def _row(trial: FrozenTrial) -> Row:
    ended = trial.state.is_finished()
    return Row(
        number=trial.number,
        state=_state(trial),
        values=trial.user_attrs.get(VALUES, {}),
        value=trial.value if ended else None,
        scores=trial.user_attrs.get(SCORES, {}),
        epochs=len(trial.intermediate_values),
        seconds=round(trial.duration.total_seconds(), 2) if ended and trial.duration else None,
        reason=trial.user_attrs.get(REASON, ""),
        curve=[value for _, value in sorted(trial.intermediate_values.items())],
    )
