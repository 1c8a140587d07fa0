"""What experiments found: one row each, the best first, and beside them the workspace."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dl_assets import registry
from dl_assets.config import Pipeline
from dl_assets.evaluation.headline import Headline
from dl_assets.pages.html import words
from dl_assets.problems import shown
from dl_assets.search_space import Values

DATA_SECTIONS = ("source", "clean", "split")  # a change of these changes the samples that val and test consist of
WORKSPACE = "workspace"


@dataclass(frozen=True)
class Row:
    """One experiment, or the workspace. `values` are all options of its run by place; `reason` says why there is no result."""

    name: str
    values: Values
    changes: Values = field(default_factory=dict)
    val: dict[str, float] = field(default_factory=dict)
    test: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: float | None = None
    commit: str | None = None
    time: str | None = None
    reason: str | None = None
    curve: tuple[float, ...] = ()
    model: str | None = None  # its hash in DVC's cache


@dataclass(frozen=True)
class Findings:
    """Rows of experiments, the best first, and what they are ranked by."""

    pipeline: str
    task: str
    rows: list[Row]
    workspace: Row | None
    metric: str  # of the test part
    val_metric: str
    is_higher_better: bool
    headline: Headline

    @property
    def places(self) -> list[str]:
        """Places that were changed, and others at which any of the rows differs from another."""
        everyone = [*self.rows, *([self.workspace] if self.workspace else [])]
        changed = {name for row in self.rows for name in flat(row.changes)}
        names = {name for row in everyone for name in row.values} - changed
        return sorted(changed | {name for name in names if len({text(row.values.get(name)) for row in everyone}) > 1})

    @property
    def done(self) -> list[Row]:
        return [row for row in self.rows if row.reason is None]

    @property
    def best(self) -> Row | None:
        return self.done[0] if self.done else None

    @property
    def has_other_data(self) -> bool:
        """Do the rows differ in what makes the samples, so that they are not measured on the same ones?"""
        return any(place.partition(".")[0] in DATA_SECTIONS for place in self.places)

    def gain(self, row: Row) -> float | None:
        """How much better than the workspace the row is on val: above 0 is better, whichever way the metric goes."""
        if self.workspace is None or not {self.val_metric} <= row.val.keys() & self.workspace.val.keys():
            return None
        difference = row.val[self.val_metric] - self.workspace.val[self.val_metric]
        return difference if self.is_higher_better else -difference

    def as_json(self) -> dict[str, Any]:
        return {
            "pipeline": self.pipeline,
            "ranked_by": self.val_metric,
            "places": self.places,
            "metrics": _summary(self),
            "workspace": _record(self, self.workspace) if self.workspace else None,
            "experiments": [_record(self, row) for row in self.rows],
        }


def score_of(config: Pipeline) -> tuple[str, bool]:
    """Return the score of val that experiments are ranked by, and whether more is better.

    It is the metric of `promote` where val has it, else what training reports.
    """
    scores = registry.module("targets", config.task.targets).SCORES
    name = config.promote.metric if config.promote.metric in scores else next(iter(scores))
    return f"val_{name}", scores[name] == "maximize"


def findings_of(config: Pipeline, rows: Sequence[Row], workspace: Row | None) -> Findings:
    """Rank the rows, the best first; what has no score comes behind, and what failed last."""
    headline: dict[str, Headline] = registry.module("evaluation", config.task.targets).HEADLINE
    metric = config.promote.metric or next(iter(headline))
    score, is_higher_better = score_of(config)

    def rank(row: Row) -> tuple[bool, bool, float, str]:
        value = row.val.get(score)
        cost = 0.0 if value is None else -value if is_higher_better else value
        return row.reason is not None, value is None, cost, row.name

    words_ = headline.get(metric) or Headline(words(metric), "")
    return Findings(config.name, config.task_name, sorted(rows, key=rank), workspace, metric, score, is_higher_better, words_)


def _record(found: Findings, row: Row) -> dict[str, Any]:
    record = asdict(row) | {"values": {place: row.values.get(place) for place in found.places}, "gain": found.gain(row)}
    return {name: value for name, value in record.items() if name != "curve"}


def _summary(found: Findings) -> dict[str, dict[str, float]]:
    """The numbers that the Dagster job shows."""
    summary = {"experiments": {"value": float(len(found.rows))}, "failed": {"value": float(len(found.rows) - len(found.done))}}
    if found.best and found.val_metric in found.best.val:
        summary[f"best {found.val_metric}"] = {"value": found.best.val[found.val_metric]}
    if found.workspace and found.val_metric in found.workspace.val:
        summary[f"{found.val_metric} of the workspace"] = {"value": found.workspace.val[found.val_metric]}
    return summary


def flat(document: dict[str, Any], prefix: str = "") -> Values:
    """Return place -> value of everything in nested mappings.

    >>> flat({"train": {"epochs": 3, "loss": {"name": "focal"}}, "augment": []})
    {'train.epochs': 3, 'train.loss.name': 'focal', 'augment': []}
    """
    values: Values = {}
    for key, value in document.items():
        values |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": value}
    return values


def text(value: Any) -> str:
    """Return a value as a table shows it."""
    return f"{value:.4g}" if isinstance(value, float) else value if isinstance(value, str) else shown(value)
