"""A stream of predictions that shifts half-way: quiet before, an alarm soon after, one run, and a promotion that ends it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from contest import Contest, answers

from dl_assets.config import load_pipeline
from dl_assets.operations.logs.journal import Journal
from dl_assets.operations.logs.log import store
from dl_assets.operations.monitor import monitor
from dl_assets.orchestration.champion import promote
from dl_assets.orchestration.drift_sensor import Memory, decide, serving

WINDOW, MINIMUM, STEP = 400, 200, 100
SHIFT = 1000  # after so many predictions the pictures become brighter
START = datetime(2026, 1, 1, tzinfo=UTC)


def samples(size: int, seed: int, *, brightness: float) -> pl.DataFrame:
    """What the log has of pictures: of a model that is as sure as ever, whatever it is asked."""
    random = np.random.default_rng(seed)
    sure = random.uniform(0.6, 1, size)
    cat = np.where(random.random(size) < 0.5, sure, 1 - sure)
    return pl.DataFrame(
        {
            "prediction": np.where(cat > 0.5, "cat", "dog").tolist(),
            "confidence": sure,
            "probability_cat": cat,
            "probability_dog": 1 - cat,
            "width": 32.0,
            "height": 32.0,
            "brightness": random.normal(brightness, 20, size),
        }
    )


class Stream:
    """A pipeline whose champion is asked, a batch of pictures at a time."""

    def __init__(self, contest: Contest) -> None:
        self.contest, self.rows, self.memory, self.runs = contest, 0, None, 0
        self.crown(num_wrong=20, brightness=100)

    def crown(self, *, num_wrong: int, brightness: float) -> Any:
        """Export a model that has seen pictures of this brightness, and let the rule decide."""
        self.contest.export(answers(num_wrong))
        known = samples(600, 99, brightness=brightness).with_columns(target=pl.col("prediction"), part=pl.lit("test"))
        known.write_parquet(self.contest.folder / "exported/reference.parquet")
        return promote("pets", self.contest.root)

    def ask(self, *, brightness: float) -> None:
        folder = self.contest.folder / "predictions"
        folder.mkdir(exist_ok=True)
        batch = samples(STEP, self.rows, brightness=brightness).to_dicts()
        types = {name: "String" if name == "prediction" else "Float64" for name in batch[0]}
        with Journal(folder / f"{self.rows:08d}.jsonl", {"id": "String", "time": "Time", "model": "String", **types}) as log:
            log.append([self._row(number, row) for number, row in enumerate(batch, start=self.rows)])
        store(log.path)
        self.rows += STEP

    def _row(self, number: int, row: dict[str, Any]) -> dict[str, Any]:
        time = int((START + timedelta(minutes=number)).timestamp() * 1e6)
        return {"id": f"{number}", "time": time, "model": serving(self.contest.folder), **row}

    def look(self) -> str:
        """What the schedule and the sensor do: look for drift, and start a run if an alarm asks for one."""
        told = monitor(load_pipeline("pets", self.contest.root), self.contest.root)
        hours = self.rows / 60
        answer = decide(self.memory, told, hours * 3600, 24, serving=lambda: serving(self.contest.folder), active=lambda: None)
        if isinstance(answer, Memory):
            self.memory, self.runs = answer, self.runs + 1
        return str(told["verdict"])


@pytest.fixture
def stream(contest: Contest) -> Stream:
    contest.write(promote={}, monitor={"window": WINDOW, "minimum": MINIMUM})
    return Stream(contest)


def test_a_shift_half_way_raises_one_run_soon_and_a_promotion_ends_the_alarm(stream: Stream) -> None:
    verdicts = []
    while stream.rows < SHIFT:
        stream.ask(brightness=100)
        verdicts.append(stream.look())
    assert set(verdicts) == {"too_few", "steady"} and stream.runs == 0

    after = []
    for _ in range(4):
        stream.ask(brightness=140)
        after.append(stream.look())
    assert after == ["drift"] * 4  # a hundred of four hundred are enough for a shift by two deviations
    assert stream.runs == 1  # however often the alarm is repeated

    assert stream.crown(num_wrong=10, brightness=140)["promoted"]
    assert stream.look() == "too_few"  # of what the new champion was asked
    for _ in range(3):
        stream.ask(brightness=140)
    assert stream.look() == "steady"
    assert stream.runs == 1


def test_quality_that_falls_is_drift_where_targets_came_back(stream: Stream, tmp_path: Path) -> None:
    for _ in range(3):
        stream.ask(brightness=100)
    config = load_pipeline("pets", stream.contest.root)
    assert monitor(config, stream.contest.root)["quality"] is None
    log = pl.concat(pl.read_parquet(path) for path in sorted((stream.contest.folder / "predictions").glob("*.parquet")))
    other = {"cat": "dog", "dog": "cat"}
    wrong = log.with_row_index().select(
        "id",
        "time",
        target=pl.when(pl.col("index") % 4 == 0).then(pl.col("prediction").replace(other)).otherwise("prediction"),
    )
    (stream.contest.folder / "feedback").mkdir()
    wrong.write_parquet(stream.contest.folder / "feedback/one.parquet")

    told = monitor(config, stream.contest.root)
    assert told["verdict"] == "drift" and told["retrain"] and told["feedback_rows"] == 300
    assert told["quality"]["accuracy"]["value"] == 0.75 and told["quality"]["accuracy"]["reference"] == 1
    (found,) = [test for test in told["tests"] if test["drifted"]]
    assert (found["name"], found["about"], found["statistic"], found["limit"]) == ("accuracy", "quality", 0.25, 0.05)
