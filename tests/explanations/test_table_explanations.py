"""What the report tells of a model of tables is what scikit-learn says too, adds up, and survives odd tables."""

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.inspection import permutation_importance
from sklearn.metrics import r2_score
from torch import nn

from dl_assets.config import Pipeline
from dl_assets.evaluation.panel import Panel
from dl_assets.explanations._table import shuffling
from dl_assets.explanations._table.asked import Asked
from dl_assets.explanations._table.classes import Classes
from dl_assets.explanations._table.gradients import Standing, attributions
from dl_assets.explanations._table.numbers import Numbers
from dl_assets.explanations._table.values import grouped
from dl_assets.explanations.table import explain
from dl_assets.inference.network import Network
from dl_assets.inputs import table
from dl_assets.inputs._table.codes import code_of, codes_of

Kind = Literal["number", "category", "date"]
TASKS = {"classes": "tabular_classification", "numbers": "tabular_regression"}


class Held:
    """Arrays in memory."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, indices: np.ndarray) -> np.ndarray:
        return self.values[indices]


class Rescaled(nn.Module):
    """Units of the target out of outputs of mean 0 and deviation 1."""

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.mean, self.std = mean, std

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs * self.std + self.mean


@dataclass
class Case:
    """A table as clean left it, with a network that has learnt a little of it."""

    clean: Path
    samples: pl.DataFrame
    raw: np.ndarray
    targets: str
    fitted: dict[str, Any]
    network: Network

    def raw_of(self, part: str) -> np.ndarray:
        return self.raw[(self.samples["part"] == part).to_numpy()]

    @property
    def predictions(self) -> pl.DataFrame:
        asked = self.samples.filter(pl.col("part") != "train")
        with torch.inference_mode():
            answers = self.network.probabilities(torch.from_numpy(self.raw[asked["row"].to_numpy()])).double().numpy()
        told = asked.select("id", "part", "target")
        if self.targets == "numbers":
            return told.with_columns(prediction=pl.Series(answers[:, 0]))
        names = self.fitted["targets"]["classes"]
        columns = {f"probability_{name}": answers[:, index] for index, name in enumerate(names)}
        return told.with_columns(prediction=pl.Series([names[index] for index in answers.argmax(axis=1)]), **columns)

    @functools.cached_property
    def panels(self) -> list[Panel]:
        return self.explain()

    def explain(self, predictions: pl.DataFrame | None = None, **options: Any) -> list[Panel]:
        document = {"task": TASKS[self.targets], "evaluate": {"bootstrap_samples": 100, **options}}
        return explain(
            Pipeline(Path("pipelines/case.yaml"), document),
            network=self.network,
            samples=self.samples,
            clean=self.clean,
            predictions=self.predictions if predictions is None else predictions,
            fitted=self.fitted,
            seed=17,
        )


def make(folder: Path, frame: pl.DataFrame, kinds: dict[str, Kind], targets: str, *, steps: int = 60) -> Case:
    """Store the columns `kinds` of a frame, a fifth of it as val and another as test, and learn its target a little."""
    torch.manual_seed(0)
    raw = np.column_stack(
        [
            codes_of(frame[name]) if kind == "category" else frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            for name, kind in kinds.items()
        ]
    )
    np.save(folder / "pixels-00000.npy", raw)
    words = {name: frame[name].drop_nulls().unique().sort().to_list() for name in kinds if kinds[name] == "category"}
    columns = [{"name": name, "kind": kind} for name, kind in kinds.items()]
    (folder / "columns.json").write_text(json.dumps({"columns": columns, "words": words, "schema": {"columns": {}}}))
    parts = np.array(["train", "test", "train", "val", "train"])[np.arange(len(frame)) % 5]
    samples = pl.DataFrame({"id": [f"{row:05d}" for row in range(len(frame))], "target": frame["target"], "part": parts})
    samples = samples.with_columns(shard=pl.lit(0, pl.Int64), row=pl.int_range(pl.len(), dtype=pl.Int64))
    is_train = parts == "train"
    inputs = table.fit(Held(raw[is_train]), folder, bins=8)
    preprocess = table.preprocess(inputs)
    fitted, encoded, activation, loss = _target(samples["target"], targets, is_train)
    features = table.told(inputs)[0]
    outputs = len(fitted["classes"]) if targets == "classes" else 1
    body = nn.Sequential(nn.Linear(features, 16), nn.Tanh(), nn.Linear(16, outputs))
    optimizer = torch.optim.Adam(body.parameters(), 0.03)
    shown = preprocess(torch.from_numpy(raw[is_train]))
    for _ in range(steps):
        optimizer.zero_grad()
        loss(body(shown), encoded).backward()
        optimizer.step()
    return Case(
        folder, samples, raw, targets, {"inputs": inputs, "targets": fitted}, Network(preprocess, body, activation).eval()
    )


def _target(values: pl.Series, targets: str, is_train: np.ndarray) -> tuple[dict[str, Any], torch.Tensor, nn.Module, nn.Module]:
    if targets == "classes":
        names = sorted(values.unique())
        indices = torch.tensor([names.index(value) for value in values.filter(pl.Series(is_train))])
        return {"classes": names}, indices, nn.Softmax(dim=1), nn.CrossEntropyLoss()
    numbers = values.cast(pl.Float64).to_numpy()[is_train]
    mean, std = numbers.mean(), numbers.std()
    encoded = torch.tensor((numbers - mean) / std, dtype=torch.float32)[:, None]
    fitted = {"scale": "linear", "mean": mean, "std": std, "low": numbers.min(), "high": numbers.max()}
    return fitted, encoded, Rescaled(mean, std), nn.MSELoss()


KINDS: dict[str, Kind] = {"size": "number", "noise": "number", "colour": "category", "day": "date"}


def make_frame(num_samples: int = 1500) -> pl.DataFrame:
    """Size decides most, colour some, noise and day nothing."""
    rng = np.random.default_rng(3)
    size, colour = rng.normal(size=num_samples), rng.choice(["red", "green", "blue"], num_samples)
    amount = 2 * size + (colour == "red") + 0.3 * rng.normal(size=num_samples)
    return pl.DataFrame(
        {
            "size": np.where(rng.random(num_samples) < 0.05, np.nan, size),
            "noise": rng.normal(size=num_samples),
            "colour": colour,
            "day": rng.uniform(18_000, 20_000, num_samples),
            "amount": amount,
        }
    )


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Case:
    frame = make_frame().with_columns(target=pl.when(pl.col("amount") > 0).then(pl.lit("many")).otherwise(pl.lit("few")))
    return make(tmp_path_factory.mktemp("classes"), frame, KINDS, "classes")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Case:
    frame = make_frame().with_columns(target=pl.col("amount").cast(pl.String))
    return make(tmp_path_factory.mktemp("numbers"), frame, KINDS, "numbers")


@pytest.fixture(params=["classes", "numbers"])
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.getfixturevalue(request.param)
    return found


def value(cell: str) -> float:
    """Return the number with which a cell begins."""
    return float(cell.split(" ")[0].replace(",", ""))


# ---- all three ---------------------------------------------------------------------------------------------------------


def test_three_panels_of_text_tell_what_they_are_of(case: Case) -> None:
    panels = case.panels
    assert [panel.title for panel in panels] == ["Beside other models", "What it looks at", "Where it is worse"]
    for panel in panels:
        assert "300 samples of test" in panel.note
        assert all(len(row) == len(panel.columns) and all(isinstance(cell, str) for cell in row) for row in panel.rows)


def test_where_a_threshold_was_chosen_the_panels_say_that_they_do_without_it(classes: Case) -> None:
    assert not any("likeliest class" in panel.note for panel in classes.panels)
    assert all("likeliest class" in panel.note for panel in classes.explain(threshold="f1"))


def test_the_same_seed_gives_the_same_panels(case: Case) -> None:
    assert case.explain() == case.panels


def test_of_a_large_part_some_samples_are_looked_at_and_the_note_says_so(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dl_assets.explanations.table._TRAIN_SAMPLES", 200)
    monkeypatch.setattr("dl_assets.explanations.table._TEST_SAMPLES", 100)
    beside, looks, worse = case.explain()
    assert "200 of 900 samples of train" in beside.note and "100 of 300 samples of test" in beside.note
    assert "100 of 300 samples of test" in looks.note and "100 of 300 samples of test" in worse.note


# ---- beside other models -----------------------------------------------------------------------------------------------


def test_the_network_and_two_others_are_measured_with_intervals(case: Case) -> None:
    beside = case.panels[0]
    assert [row[0] for row in beside.rows] == ["this network", "boosted trees", "linear model"]
    assert all(re.fullmatch(r"-?[\d.]+ \(-?[\d.]+ to -?[\d.]+\)( ★)?", cell) for row in beside.rows for cell in row[1:])
    for place in range(1, len(beside.columns)):
        assert sum(row[place].endswith("★") for row in beside.rows) >= 1


def test_the_trees_are_those_of_scikit_learn_with_its_defaults(tmp_path: Path) -> None:
    frame = make_frame().with_columns(target=pl.col("amount").cast(pl.String))
    case = make(tmp_path, frame, {"size": "number", "noise": "number"}, "numbers", steps=1)
    train, test = (case.samples.filter(part=part)["target"].cast(pl.Float64).to_numpy() for part in ("train", "test"))
    trees = HistGradientBoostingRegressor(early_stopping=False, random_state=17).fit(case.raw_of("train"), train)
    assert case.explain()[0].rows[1][1].startswith(f"{r2_score(test, trees.predict(case.raw_of('test'))):.3f} ")


def test_the_note_says_plainly_when_trees_win(tmp_path: Path) -> None:
    size = np.random.default_rng(0).normal(size=1000)
    target = pl.Series(np.where(np.abs(size) > 0.7, "odd", "usual"))
    case = make(tmp_path, pl.DataFrame({"size": size, "target": target}), {"size": "number"}, "classes", steps=0)
    note = case.explain()[0].note
    assert note.startswith("Won by the boosted trees: accuracy 9") or note.startswith("Won by the boosted trees: accuracy 100")
    assert "That is more than chance." in note


def test_on_few_samples_a_win_is_told_to_be_chance(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({"size": rng.normal(size=100), "target": rng.choice(["a", "b"], 100)})
    note = make(tmp_path, frame, {"size": "number"}, "classes", steps=5).explain()[0].note
    assert "that may be chance" in note or "are level" in note


def test_a_target_on_a_logarithmic_scale_is_learnt_so_by_the_others_too(tmp_path: Path) -> None:
    size = np.random.default_rng(0).normal(size=1000)
    frame = pl.DataFrame({"size": size, "target": pl.Series(np.exp(2 * size)).cast(pl.String)})
    case = make(tmp_path, frame, {"size": "number"}, "numbers", steps=1)
    linear = value(case.explain()[0].rows[2][1])
    case.fitted["targets"]["scale"] = "log"
    assert linear < 0.6 and value(case.explain()[0].rows[2][1]) > 0.99


# ---- what it looks at --------------------------------------------------------------------------------------------------


def test_the_column_that_decides_comes_first_and_noise_does_no_harm(case: Case) -> None:
    looks = case.panels[1]
    assert [row[0] for row in looks.rows][:2] == ["size", "colour"]
    by_name = {row[0]: row for row in looks.rows}
    assert value(by_name["size"][2]) > 10 * abs(value(by_name["noise"][2]))
    assert sum(value(row[-1]) for row in looks.rows) == pytest.approx(100, abs=0.3)
    assert value(by_name["size"][-1]) > 50


class Asking:
    """The network as scikit-learn asks a model."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def fit(self, raw: np.ndarray, truth: np.ndarray) -> None: ...

    def answers(self, raw: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self.case.network.probabilities(torch.from_numpy(np.ascontiguousarray(raw))).double().numpy()


def test_harms_of_shuffling_are_the_permutation_importance_of_scikit_learn(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shuffling, "REPEATS", 40)
    raw = case.raw_of("test")
    judge = Classes(case.fitted["targets"]) if case.targets == "classes" else Numbers(case.fitted["targets"])
    truth = judge.truth(case.samples.filter(part="test")["target"])
    asked = Asked(case.network, case.fitted["inputs"])
    found = shuffling.harms(judge, asked, raw, truth, np.arange(4), resamples=100, seed=1)

    def score(model: Asking, values: np.ndarray, expected: np.ndarray) -> dict[str, float]:
        answers = model.answers(values)
        if case.targets == "numbers":
            return {"r2": r2_score(expected, answers[:, 0])}
        right = answers[np.arange(len(expected)), expected]
        return {"log_loss": float(np.log(right).mean()), "accuracy": float((answers.argmax(axis=1) == expected).mean())}

    expected = permutation_importance(Asking(case), raw, truth, scoring=score, n_repeats=40, random_state=2)
    for index, told in enumerate(expected.values()):
        assert found[0, index] == pytest.approx(told["importances_mean"], rel=0.05, abs=0.01)
    assert (found[1] <= found[0]).all() and (found[0] <= found[2]).all()


def test_integrated_gradients_add_up_to_the_difference_of_the_answers(case: Case) -> None:
    asked = Asked(case.network, case.fitted["inputs"])
    raw = case.raw_of("test")[:100]
    found = attributions(asked, raw, case.raw_of("train"))
    assert found.shape == (100, 4)
    with torch.no_grad():
        preprocess, standing = case.network.preprocess, Standing(case.network.body)
        outputs = standing(preprocess(torch.from_numpy(raw)))
        means = standing(preprocess(torch.from_numpy(case.raw_of("train"))).mean(dim=0, keepdim=True))
    chosen = outputs.argmax(dim=1)
    difference = outputs[torch.arange(100), chosen] - means[0, chosen]
    assert found.sum(axis=1) == pytest.approx(difference.numpy(), abs=1e-3)


def test_integrated_gradients_of_a_linear_body_are_its_weights_times_the_features(numbers: Case) -> None:
    linear = nn.Linear(len(Asked(numbers.network, numbers.fitted["inputs"]).column_of), 1)
    network = Network(numbers.network.preprocess, linear, numbers.network.activation)
    raw, train = numbers.raw_of("test")[:20], numbers.raw_of("train")
    found = attributions(Asked(network, numbers.fitted["inputs"]), raw, train)
    with torch.no_grad():
        centred = network.preprocess(torch.from_numpy(raw)) - network.preprocess(torch.from_numpy(train)).mean(dim=0)
        size = (centred[:, :9] * linear.weight[0, :9]).sum(dim=1)  # 8 bins, and one feature for what is missing
    assert found[:, 0] == pytest.approx(size.numpy(), abs=1e-4)


def test_the_figure_of_importance_is_a_png_whatever_the_columns_are_called(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = ["$x_{1$", "_b", "<&>", "a column of a very long name indeed", "two\nlines"]
    frame = pl.DataFrame({**{name: rng.normal(size=100) for name in names}, "target": rng.choice(["a", "b"], 100)})
    looks = make(tmp_path, frame, dict.fromkeys(names, "number"), "classes", steps=1).explain()[1]
    assert looks.figures["importance"].startswith(b"\x89PNG")


def test_of_many_columns_twenty_are_shown_and_only_some_are_shuffled(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({**{f"x{index}": rng.normal(size=100) for index in range(60)}, "target": rng.choice(["a", "b"], 100)})
    looks = make(tmp_path, frame, {f"x{index}": "number" for index in range(60)}, "classes", steps=5).explain()[1]
    assert len(looks.rows) == 20
    assert looks.note.startswith("The first 20 of 60 columns.") and "only for the 40 columns" in looks.note


# ---- where it is worse -------------------------------------------------------------------------------------------------


def told_wrong(case: Case, is_wrong: pl.Expr) -> pl.DataFrame:
    """Predictions that are all right but for some samples."""
    known = case.samples.with_columns(wrong=is_wrong).select("id", "wrong")
    few = (pl.col("target") == "few") != pl.col("wrong")
    return (
        case.predictions.join(known, on="id", maintain_order="left")
        .with_columns(probability_few=few.cast(pl.Float64), probability_many=1 - few.cast(pl.Float64))
        .with_columns(prediction=pl.when(few).then(pl.lit("few")).otherwise(pl.lit("many")))
    )


def test_the_worst_slice_of_a_classifier_comes_first_with_its_wilson_interval(classes: Case) -> None:
    is_red = pl.Series(classes.raw[:, 2] == code_of("red"))
    worse = classes.explain(told_wrong(classes, pl.lit(is_red)))[2]
    num_red = int((is_red & (classes.samples["part"] == "test")).sum())
    everything, first = worse.rows[0], worse.rows[1]
    assert everything[0] == "all samples" and everything[2] == "300"
    assert value(everything[3]) == pytest.approx(100 * (1 - num_red / 300), abs=0.06)
    high = 100 * 1.959964**2 / (num_red + 1.959964**2)  # Wilson, of no hit
    assert first == ["colour", "red", str(num_red), f"0.0 (0.0 to {high:.1f})"]


def test_the_worst_slice_of_a_regression_comes_first_with_its_mean_error(numbers: Case) -> None:
    missing = pl.Series(np.isnan(numbers.raw[:, 0])) & (pl.Series(range(1500)) % 2 == 1)
    known = numbers.samples.with_columns(wrong=missing).select("id", "wrong")
    shift = pl.when("wrong").then(9.0).otherwise(0.5)
    predictions = numbers.predictions.join(known, on="id", maintain_order="left").with_columns(
        prediction=pl.col("target").cast(pl.Float64) + shift
    )
    worse = numbers.explain(predictions)[2]
    test = numbers.samples.with_columns(wrong=missing).filter(part="test")
    mean = 0.5 + 8.5 * test["wrong"].sum() / 300
    assert value(worse.rows[0][3]) == pytest.approx(mean, rel=1e-3)
    few = next(row for row in worse.rows if row[:2] == ["size", "missing"])
    assert few[2].endswith("(few)") and few == worse.rows[-1]
    in_slice = test.filter(pl.Series(np.isnan(numbers.raw_of("test")[:, 0])))["wrong"].mean()
    assert value(few[3]) == pytest.approx(0.5 + 8.5 * in_slice, rel=1e-3)


def test_numbers_are_cut_at_their_quartiles_and_what_is_equal_stays_together() -> None:
    groups, labels = grouped(np.array([1.0, 2, 3, 4, 5, 6, 7, 8]), "number", {})
    assert labels == ["1 to 2", "3 to 4", "5 to 6", "7 to 8"] and groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    groups, labels = grouped(np.array([0.0, 0, 0, 0, 0, 0, 5, 9, np.nan]), "number", {})
    assert labels == ["0", "5 to 9", "missing"] and groups.tolist() == [0] * 6 + [1, 1, 2]


def test_the_commonest_words_are_slices_and_all_others_one() -> None:
    words = ["b"] * 3 + ["a"] * 2 + [f"rare {index}" for index in range(9)]
    groups, labels = grouped(codes_of(pl.Series(words)), "category", {code_of(word): word for word in words})
    assert labels[:2] == ["b", "a"] and labels[-1] == "other words" and len(labels) == 11
    assert np.bincount(groups).tolist() == [3, 2, *[1] * 9]


def test_dates_are_told_as_days() -> None:
    assert grouped(np.array([0.0, 19782.5]), "date", {})[1] == ["1970-01-01", "2024-02-29"]


# ---- odd tables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("targets", ["classes", "numbers"])
def test_unseen_words_empty_columns_and_huge_numbers_are_explained_too(tmp_path: Path, targets: str) -> None:
    rng = np.random.default_rng(0)
    is_test = np.arange(200) % 5 == 1
    frame = pl.DataFrame(
        {
            "word": np.where(is_test, "unseen", rng.choice(["a", "b"], 200)),
            "id": [f"id {index}" for index in range(200)],
            "nothing": pl.Series([None] * 200, dtype=pl.Float64),
            "no word": pl.Series([None] * 200, dtype=pl.String),
            "same": np.ones(200),
            "huge": rng.normal(size=200) * 1e200,
            "day": pl.Series([None] * 200, dtype=pl.Float64),
            "target": pl.Series(rng.choice(["1", "2"], 200)),
        }
    )
    kinds: dict[str, Kind] = {"word": "category", "id": "category", "nothing": "number", "no word": "category"}
    case = make(tmp_path, frame, {**kinds, "same": "number", "huge": "number", "day": "date"}, targets, steps=2)
    beside, looks, worse = case.explain()
    assert len(beside.rows) == 3 and len(looks.rows) == 7 and worse.rows
    assert not any("nan" in cell for panel in (beside, looks, worse) for row in panel.rows for cell in row)


def test_where_train_has_one_class_left_the_others_answer_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = pl.Series(["rare" if index in (0, 1) else "usual" for index in range(200)])
    case = make(tmp_path, pl.DataFrame({"x": np.arange(200.0), "target": target}), {"x": "number"}, "classes", steps=1)
    monkeypatch.setattr("dl_assets.explanations.table._TRAIN_SAMPLES", 5)
    beside = case.explain()[0]
    assert beside.rows[1][1] == beside.rows[2][1]
    assert value(beside.rows[1][1]) == pytest.approx(97.5)
