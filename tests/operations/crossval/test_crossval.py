"""A whole cross-validation of tiny pictures, in this process where a process is not the point."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from sklearn.metrics import accuracy_score, log_loss
from workspace import wait_for

from dl_assets import progress
from dl_assets.artifacts.tables import CLEAN_SAMPLES, write_table
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, PipelineError
from dl_assets.operations.crossval.run import crossval
from dl_assets.runner import locked

Make = Callable[..., Pipeline]
Events = Callable[[], list[tuple[str, object]]]
FOLDER, STATE = Path("data/tiny/crossval"), Path("data/.tmp/tiny/crossval")
# Runs in the working directory with the document of a pipeline as its argument, until it is killed.
CHILD = """
import json, sys
from pathlib import Path
import torch
from dl_assets.config import Pipeline
from dl_assets.operations.crossval.run import crossval
crossval(Pipeline(Path("pipelines/tiny.yaml"), json.loads(sys.argv[1])), 5, "key")
"""


@pytest.fixture
def events(tmp_path: Path, samples: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Events:
    """Return a function that returns, and forgets, which fold has told which state, or which epoch it has done."""
    file = tmp_path / "events"
    file.touch()
    monkeypatch.setenv(progress.EVENT_FILE, str(file))

    def take() -> list[tuple[str, object]]:
        found = [json.loads(line) for line in file.read_text().splitlines()]
        file.write_text("")
        return [(event["address"], event.get("state") or event["done"]) for event in found]

    return take


class Tags(HTMLParser):
    """Counts the tags of a page, and collects what it would load from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.outside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.outside += [
            value or "" for name, value in attrs if name in ("src", "href") and not (value or "").startswith("data:")
        ]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_is_published_is_what_was_measured(samples: pl.DataFrame, pipeline: Make) -> None:
    crossval(pipeline(), 5, "key")
    predictions = pl.read_parquet(FOLDER / "predictions.parquet")
    result = json.loads((FOLDER / "crossval.json").read_text())
    page = Tags(text := (FOLDER / "crossval.html").read_text())

    # Every sample of train and val once, by the contract's columns.
    expected = samples.filter(pl.col("part") != "test").select("id", "part", "fold", "target")
    assert predictions.select("id", "part", "fold", "target").equals(expected)
    assert predictions.columns[4:] == ["prediction", "confidence", "probability_left", "probability_right"]

    # The numbers are those of the predictions.
    folds = [predictions.filter(fold=fold) for fold in range(5)]
    accuracies = [accuracy_score(rows["target"], rows["prediction"]) for rows in folds]
    given = [rows.select("probability_left", "probability_right").to_numpy() for rows in folds]
    losses = [log_loss(rows["target"], values / values.sum(axis=1)[:, None]) for rows, values in zip(folds, given, strict=True)]
    assert [fold["metrics"]["accuracy"] for fold in result["each"]] == pytest.approx(accuracies)
    assert result["metrics"]["accuracy"]["mean"] == pytest.approx(sum(accuracies) / 5)
    assert result["metrics"]["log_loss"]["mean"] == pytest.approx(sum(losses) / 5, rel=1e-5)
    assert [fold["counts"] for fold in result["each"]] == [{"train": 18, "val": 6, "measured": 6}] * 5
    assert result["counts"] == {"samples": 30, "test": 10}

    # The page needs nothing else.
    assert page.outside == [] and "script" not in page.counts
    assert page.counts["img"] == 2
    assert page.counts["tr"] == 3 + 5 + (len(result["metrics"]) - 1) + 2  # heads, folds, metrics, classes
    assert "Nadeau and Bengio 2003" in text

    # No model is kept, and nothing of the work.
    plots = ["plots/fold_values.png", "plots/learning_curves.png"]
    assert list(contents(FOLDER)) == ["crossval.html", "crossval.json", *plots, "predictions.parquet"]
    assert not STATE.exists()


def test_a_mistake_does_not_delete_what_another_number_of_folds_has_begun(samples: pl.DataFrame, pipeline: Make) -> None:
    (STATE / "older" / "fold-0").mkdir(parents=True)
    with pytest.raises(ConfigError, match="with 40 folds is not possible"):
        crossval(pipeline(), 40, "key")
    assert [path.name for path in STATE.iterdir()] == ["older"]


def test_the_pixels_of_the_test_part_change_nothing_and_those_of_a_train_sample_do(
    samples: pl.DataFrame, pipeline: Make
) -> None:
    shard = next(Path("data/tiny/clean").glob("pixels-*.npy"))
    pixels = bytearray(shard.read_bytes())
    found = []
    for blackened in (0, 10, 11):  # of 40, from the end; the last ten are of test
        pixels[len(pixels) - 64 * blackened :] = bytes(64 * blackened)
        shard.write_bytes(pixels)
        crossval(pipeline(epochs=1), 3, f"{blackened}")
        found.append((FOLDER / "predictions.parquet").read_bytes())
    assert found[0] == found[1] != found[2]


def test_after_a_kill_in_the_third_fold_the_first_two_are_not_trained_again(
    events: Events, samples: pl.DataFrame, pipeline: Make
) -> None:
    config = pipeline(augment={"transforms": ["HorizontalFlip"], "copies": 2}, epochs=5, early_stopping=0)
    FOLDER.mkdir()
    (FOLDER / "crossval.html").write_text("of an earlier one")
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, json.dumps(config.document)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("done=1 ") and (STATE / "key" / "fold-2.work").is_dir():
                process.kill()
                break
    assert process.returncode == -9
    assert contents(FOLDER) == {"crossval.html": b"of an earlier one"}
    copied = pl.read_parquet(STATE / "key" / "fold-2.work" / "augmented" / "copies.parquet")["of"]
    assert set(copied) == set(samples.filter(pl.col("fold").is_in([0, 1, 4]))["id"])  # 2 is measured, 3 is val
    events()

    crossval(config, 5, "key")
    told = events()
    assert told[:3] == [("fold-0@tiny", "unchanged"), ("fold-1@tiny", "unchanged"), ("fold-2@tiny", "running")]
    assert [place for place, state in told if state == "done"] == [f"fold-{fold}@tiny" for fold in (2, 3, 4)]
    after_a_kill = (FOLDER / "predictions.parquet").read_bytes()
    crossval(config, 5, "undisturbed")
    assert (FOLDER / "predictions.parquet").read_bytes() == after_a_kill


def test_a_finished_one_is_not_repeated_and_another_key_starts_anew(events: Events, pipeline: Make) -> None:
    (STATE / "older" / "fold-0").mkdir(parents=True)
    crossval(pipeline(epochs=1), 3, "key")
    assert [state for _, state in events()] == ["running", 1, "done"] * 3
    assert not STATE.exists()
    crossval(pipeline(epochs=1), 3, "key")
    assert events() == [(f"fold-{fold}@tiny", "unchanged") for fold in range(3)]


def test_a_second_one_says_that_it_waits_and_goes_on_when_the_first_has_ended(
    events: Events, samples: pl.DataFrame, pipeline: Make
) -> None:
    FOLDER.mkdir()
    for name, text in (("crossval.json", '{"key": "key"}'), ("crossval.html", ""), ("predictions.parquet", "")):
        (FOLDER / name).write_text(text)  # as the first one will have left it
    told: list[tuple[str, object]] = []
    with locked(Path("data/.tmp/tiny.crossval.lock")):
        second = threading.Thread(target=crossval, args=(pipeline(), 3, "key"))
        second.start()
        wait_for(lambda: told.extend(events()) or told)  # which takes long where nothing has been imported yet
        assert told == [("fold-0@tiny", "waiting")]
    second.join(90)
    assert not second.is_alive()
    assert [state for _, state in events()] == ["unchanged"] * 3


def test_data_that_are_made_anew_meanwhile_stop_it_and_nothing_of_that_fold_is_kept(
    samples: pl.DataFrame, pipeline: Make
) -> None:
    def change() -> None:
        while not (STATE / "key" / "fold-0.work").exists():
            time.sleep(0.002)
        write_table(CLEAN_SAMPLES, Path("data/tiny/clean"), samples.reverse().drop("fold"))

    changing = threading.Thread(target=change, daemon=True)
    changing.start()
    with pytest.raises(PipelineError, match=r"^data/tiny/clean was made anew while fold 0 was trained\. Run it again, "):
        crossval(pipeline(epochs=8, early_stopping=0), 3, "key")
    changing.join(10)
    assert list((STATE / "key").iterdir()) == []


def test_samples_of_several_labels_are_cross_validated_by_their_own_metrics(samples: pl.DataFrame, pipeline: Make) -> None:
    also = pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("|third")).otherwise(pl.lit(""))
    labelled = samples.drop("fold").with_columns(target=pl.col("target") + also)
    write_table(CLEAN_SAMPLES, Path("data/tiny/clean"), labelled)
    crossval(pipeline(task="image_multilabel", epochs=1), 3, "key")
    predictions = pl.read_parquet(FOLDER / "predictions.parquet")
    metrics = json.loads((FOLDER / "crossval.json").read_text())["metrics"]
    assert predictions["target"].to_list() == labelled["target"].to_list()[:30]
    assert set(metrics["classes"]) == {"left", "right", "third"}
    assert {"mean", "spread", "low", "high"} <= set(metrics["mean_average_precision"])
