"""A table goes through all stages, and the exported model answers for its rows as they stand in the file."""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest
from chain import Chain
from fastapi.testclient import TestClient

from dl_assets.artifacts.rows import read_values
from dl_assets.artifacts.tables import read_parted
from dl_assets.config import load_pipeline
from dl_assets.errors import DataError
from dl_assets.operations.logs.log import read_log
from dl_assets.operations.monitoring.columns import comparable
from dl_assets.operations.monitoring.difference import settle
from dl_assets.operations.monitoring.differences import compare
from dl_assets.operations.monitoring.served import find_served
from dl_assets.operations.predicting.run import predict_inputs
from dl_assets.operations.serve import make_server
from dl_assets.operations.serving.app import create_app
from dl_assets.operations.serving.limits import Limits

CLASSES, NUMBERS = "tabular_classification", "tabular_regression"


def people(num_rows: int = 360) -> str:
    """A table of which everything is odd that a model should bear: gaps, quotes, dates, an id, a constant, stray spaces."""
    draw = random.Random(17)
    lines = ["no,age,income,colour,joined,unit,note,rich,worth"]
    for number in range(num_rows):
        age = draw.randrange(18, 90)
        colour = "ochre" if number % 90 == 7 else draw.choice(["red", "red", "red", "green", "blue "])
        income = round(draw.gauss(30_000, 9_000) + 200 * age, 2)
        worth = round(age * 1_000 + income / 2 + (20_000 if colour == "green" else 0) + draw.gauss(0, 2_000))
        joined = f"20{draw.randrange(10, 26)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"
        cells = [
            number,
            "" if number % 9 == 4 else age,
            "NA" if number % 11 == 3 else income,
            "" if number % 13 == 1 else colour,
        ]
        quoted = f'"said ""{number}"", twice\nover"'
        lines.append(",".join(map(str, [*cells, joined, "cm", quoted, "yes" if worth > 85_000 else "no", worth])))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module", params=[CLASSES, NUMBERS])
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    root = tmp_path_factory.mktemp("people")
    (root / "people.csv").write_text(people())
    target = "rich" if request.param == CLASSES else "worth"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        made = Chain(root, request.param, {"kind": "table", "path": "people.csv", "target": target}, export={"int8": True})
        made.run()
        yield made


def test_every_row_is_kept_or_rejected_with_a_reason(chain: Chain) -> None:
    counts = chain.json("reports/clean.json")["counts"]
    assert (counts["kept"], counts["rejected"]) == (360, 0)


def test_where_no_row_fits_the_schema_the_share_of_rejected_ones_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_text(people())
    Path("schema.yaml").write_text("columns: {age: {kind: number, minimum: 1000, nullable: false}}")
    source = {"kind": "table", "path": "people.csv", "target": "rich"}
    report = Chain(tmp_path, CLASSES, source, clean={"schema": "schema.yaml"}).run("clean")["clean"]
    assert (report.counts["kept"], report.counts["rejected_schema"]) == (0, 360)
    (share,) = (check for check in report.checks if check.name == "rejected_share")
    assert not share.passed and share.severity == "error" and "360 of 360" in share.detail


def test_where_no_row_can_be_read_the_share_of_rejected_ones_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_text("age,colour,rich\n" + "30,red,yes,7,8\n" * 20)
    source = {"kind": "table", "path": "people.csv", "target": "rich", "delimiter": ","}
    Path("schema.yaml").write_text("columns: {age: {kind: number}, colour: {kind: category}}")
    report = Chain(tmp_path, CLASSES, source, clean={"schema": "schema.yaml"}).run("clean")["clean"]
    assert (report.counts["kept"], report.counts["rejected_unreadable"]) == (0, 20)


def test_columns_are_used_by_what_they_hold(chain: Chain) -> None:
    columns = chain.json("clean/columns.json")
    kinds = {column["name"]: column["kind"] for column in columns["columns"]}
    assert {name: kinds[name] for name in ("age", "income", "colour", "joined")} == {
        "age": "number",
        "income": "number",
        "colour": "category",
        "joined": "date",
    }
    assert not {"no", "unit", "note"} & set(kinds)
    assert columns["words"]["colour"] == ["blue", "green", "ochre", "red"]


def test_a_column_that_gives_the_target_away_is_told(chain: Chain) -> None:
    check = chain.json("reports/clean.json")["checks"]["leakage"]
    tells = chain.config.task.targets == "classes"  # `worth` says who is rich; who is rich does not say what they are worth
    assert check["passed"] is not tells
    assert ("worth" in check["detail"]) is tells


def test_preprocessing_is_fitted_on_the_train_part_alone(chain: Chain) -> None:
    train = read_parted(chain.folder / "clean", chain.folder / "parts").filter(part="train")
    values = read_values(chain.folder / "clean", train)
    (age,) = (column for column in chain.json("model/preprocessing.json")["inputs"]["columns"] if column["name"] == "age")
    assert age["fill"] == values["age"].median()
    assert (age["edges"][0], age["edges"][-1]) == (values["age"].min(), values["age"].max())


def test_a_rare_word_shares_its_feature_with_those_never_seen(chain: Chain) -> None:
    (colour,) = (column for column in chain.json("model/preprocessing.json")["inputs"]["columns"] if column["name"] == "colour")
    assert "ochre" not in colour["words"] and colour["has_missing"]


def test_the_exported_model_answers_as_the_trained_one_for_every_test_row(chain: Chain) -> None:
    checks = chain.json("reports/export.json")["checks"]
    assert checks["max_difference"]["passed"] and checks["max_difference"]["value"] < 1e-4
    assert checks["agreement"]["value"] == 1
    assert chain.json("exported/certificate.json")["num_samples"] == chain.json("reports/evaluate.json")["counts"]["test"]


def test_the_exported_model_takes_the_columns_by_name_with_words_as_text(chain: Chain) -> None:
    session = onnxruntime.InferenceSession(chain.folder / "exported/model.onnx", providers=["CPUExecutionProvider"])
    types = {one.name: one.type for one in session.get_inputs()}
    assert (types["age"], types["joined"], types["colour"]) == ("tensor(double)", "tensor(double)", "tensor(string)")
    assert all(one.shape == ["batch", 1] for one in session.get_inputs())
    row = {
        name: np.array([[""]], object) if kind == "tensor(string)" else np.full((1, 1), np.nan) for name, kind in types.items()
    }
    unseen = {**row, "colour": np.array([["mauve"]], object), "age": np.array([[1e30]])}
    assert all(np.isfinite(session.run(None, asked)[0]).all() for asked in (row, unseen))


def test_the_golden_rows_ask_the_model_as_they_stand_in_their_file(chain: Chain) -> None:
    session = onnxruntime.InferenceSession(chain.folder / "exported/model.onnx", providers=["CPUExecutionProvider"])
    (answered,) = (one.name for one in session.get_outputs())
    with np.load(chain.folder / "exported/golden.npz") as golden:
        assert {golden[f"input/{one.name}"].dtype.kind for one in session.get_inputs()} == {"f", "U"}
        found = session.run(None, {one.name: golden[f"input/{one.name}"] for one in session.get_inputs()})[0]
        assert np.allclose(found, golden[f"output/{answered}"], rtol=1e-5)


def test_of_rows_that_were_not_learnt_from_the_reference_says_what_the_server_logs(chain: Chain, tmp_path: Path) -> None:
    """Each row is sent as the file has it; what is missing there, empty or NA, as null."""
    shutil.copytree(chain.folder / "exported", tmp_path / "data/people/champion")
    samples = read_parted(chain.folder / "clean", chain.folder / "parts").filter(pl.col("part") != "train").head(100)
    read = pl.read_csv(chain.root / "people.csv", infer_schema=False, null_values=["", "NA"])
    columns = chain.json("exported/signature.json")["input"]["fitted"]["names"]
    rows = read[samples["origin"].str.extract(r"(\d+)$").cast(pl.Int64) - 1].select(columns).to_dicts()
    with TestClient(create_app(make_server("people", tmp_path, Limits()))) as client:
        answer = client.post("/predict", json={"rows": rows}).json()
    asked = pl.DataFrame({"id": [one["id"] for one in answer["predictions"]]})
    logged = asked.join(read_log(tmp_path / "data/people/predictions"), on="id", maintain_order="left")
    reference = pl.read_parquet(chain.folder / "exported/reference.parquet").head(100)
    assert reference.columns == [*logged.drop("id", "time", "model", "latency_ms").columns, "target", "part"]
    inputs = [f"input_{name}" for name in columns]
    assert logged.select(inputs).with_columns(pl.all().str.strip_chars()).equals(reference.select(inputs))
    assert reference.select("target", "part").equals(samples.select("target", "part"))
    if chain.config.task.targets == "classes":
        assert logged["prediction"].to_list() == reference["prediction"].to_list()
    else:
        assert np.allclose(logged["prediction"], reference["prediction"], rtol=1e-4)


def test_rows_are_compared_column_by_column_as_what_they_hold(chain: Chain) -> None:
    """80 and 80.0 are one number, and spaces around a word are none."""
    served = find_served(chain.config, chain.root)
    reference = comparable(served.reference, served.exported)
    age = pl.col("input_age")
    spelt = served.reference.with_columns(age.cast(pl.Float64).cast(pl.String), pl.format(" {} ", "input_colour"))
    assert comparable(spelt, served.exported).equals(reference)
    assert "joined" not in reference.columns  # dates go on, and always drift
    older = served.reference.with_columns(
        (age.cast(pl.Float64) + 30).cast(pl.String), pl.col("input_colour").str.replace(".+", "mauve")
    )
    found = settle(compare(reference, comparable(older, served.exported), psi=0.2), 0.001)
    assert {one.name: one.method for one in found if one.drifted} == {"age": "ks", "colour": "psi, chi2"}


def test_a_table_has_no_embedding_and_its_signature_says_why(chain: Chain) -> None:
    told = chain.json("exported/signature.json")
    assert "embedding" not in told and "the columns of a table" in told["no_embedding"]


def test_the_model_of_8_bits_answers_for_the_same_columns_about_as_well(chain: Chain) -> None:
    found = chain.json("exported/certificate.json")["int8"]
    assert found["offered"] and found["float32"] > 0.8 and abs(found["drop"]) <= 0.01
    small, whole = (
        onnxruntime.InferenceSession(chain.folder / "exported" / name, providers=["CPUExecutionProvider"])
        for name in ("model.int8.onnx", "model.onnx")
    )
    assert [(one.name, one.type) for one in small.get_inputs()] == [(one.name, one.type) for one in whole.get_inputs()]


def test_the_predictions_for_the_file_are_those_of_the_evaluation(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(chain.root)
    predict_inputs(load_pipeline("people"), ["people.csv"], Path(), Path("out.csv"))
    found = pl.read_csv("out.csv", infer_schema_length=None)
    assert found.columns[:9] == people(0).strip().split(",") and found["problem"].null_count() == 360
    samples = read_parted(chain.folder / "clean", chain.folder / "parts")
    expected = pl.read_parquet(chain.folder / "evaluation/predictions.parquet").join(samples.select("id", "origin"), on="id")
    rows = expected["origin"].str.extract(r":(\d+)$").cast(pl.Int64) - 1
    answered = found["prediction"].gather(rows)
    if chain.config.task.targets == "classes":
        assert answered.to_list() == expected["prediction"].to_list()
    else:
        assert np.allclose(answered, expected["prediction"], rtol=1e-4)


def test_a_row_that_does_not_fit_says_why_and_the_others_are_predicted(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(chain.root)
    rows = pl.read_csv("people.csv", infer_schema=False).head(2)
    rows = rows.with_columns(age=pl.Series(["forty", "40"]))
    rows.write_csv("new.csv")
    with pytest.raises(DataError, match="1 of 2 rows do not fit the schema"):
        predict_inputs(load_pipeline("people"), ["new.csv"], Path(), Path("out.csv"))
    found = pl.read_csv("out.csv")
    assert found["problem"].to_list() == ["age: 'forty' is no number", None]
    assert found["prediction"].is_null().to_list() == [True, False]


def test_tables_of_different_columns_are_not_written_below_one_header(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(chain.root)
    rows = pl.read_csv("people.csv", infer_schema=False).head(2)
    rows.select(reversed(rows.columns)).write_csv("turned.csv")
    Path("both.csv").unlink(missing_ok=True)
    with pytest.raises(DataError, match=r"the tables have different columns .*one by one"):
        predict_inputs(load_pipeline("people"), ["people.csv", "turned.csv"], Path(), Path("both.csv"))
    assert not Path("both.csv").exists()


def test_the_report_has_trees_and_a_linear_model_beside_the_network(chain: Chain) -> None:
    page = (chain.folder / "evaluation/report.html").read_text()
    for words in ("Beside other models", "boosted trees", "linear model", "What it looks at", "Where it is worse"):
        assert words in page


def test_the_model_learns_more_than_a_constant(chain: Chain) -> None:
    numbers = chain.json("reports/evaluate.json")["numbers"]
    assert numbers.get("accuracy", 1) > 0.8 and numbers.get("r2", 1) > 0.5


def test_what_signature_json_says_is_enough_to_ask_the_model(chain: Chain) -> None:
    signature = chain.json("exported/signature.json")
    assert signature["input"]["dtype"] == "float64" and "days since 1970-01-01" in signature["input"]["meaning"]
    assert json.dumps(signature["input"]["fitted"]["schema"])
    assert signature["output"]["name"] == {"classes": "probabilities", "numbers": "prediction"}[chain.config.task.targets]
