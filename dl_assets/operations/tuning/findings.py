"""What a study has found, as its report and its JSON tell it."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import optuna

from dl_assets.operations.tuning.space import present_values
from dl_assets.operations.tuning.study import COUNTED, Row, Study, best_of
from dl_assets.search_space import Search, Values

_ENOUGH = 8  # complete trials; with fewer, importances say nothing


@dataclass(frozen=True)
class Findings:
    """`rows` are the trials that have ended, in their order; `importances` sum to 1 and are empty where there is too little."""

    pipeline: str
    task: str
    key: str
    search: Search
    rows: list[Row]
    best: Row | None
    present: Row | None  # the trial of the values that the pipeline has now
    present_values: Values
    importances: dict[str, float]

    @property
    def metric(self) -> str:
        return self.search.options.metric

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(row.state for row in self.rows)
        return {state: counted[state] for state in (*COUNTED, "killed") if counted[state] or state == "complete"}

    @property
    def seconds(self) -> float:
        return sum(row.seconds or 0.0 for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        options = self.search.options.model_dump(mode="json")
        return {
            "pipeline": self.pipeline,
            "study": self.key,
            "direction": self.search.direction,
            "options": options,
            "counts": self.counts,
            "seconds": round(self.seconds, 2),
            "best": asdict(self.best) if self.best else None,
            "present": {"values": self.present_values, "trial": self.present.number if self.present else None},
            "importances": {name: round(share, 4) for name, share in self.importances.items()},
            "trials": [asdict(row) for row in self.rows],
        }


def findings_of(study: Study) -> Findings:
    rows = [row for row in study.rows() if row.state not in ("running", "waiting")]
    return Findings(
        pipeline=study.pipeline.name,
        task=study.pipeline.task_name,
        key=study.home.key,
        search=study.search,
        rows=rows,
        best=best_of(rows, study.search.direction),
        present=study.present(),
        present_values=present_values(study.pipeline, study.search),
        importances=_importances(study, rows),
    )


def _importances(study: Study, rows: list[Row]) -> dict[str, float]:
    values = [row.value for row in rows if row.state == "complete"]
    if len(values) < _ENOUGH or len(set(values)) == 1:
        return {}
    found: dict[str, float] = optuna.importance.get_param_importances(study.optuna)
    return found
