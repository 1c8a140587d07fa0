"""Promotions of a model that answers with a number for the rows of a table."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import polars as pl
import pytest
from chain import Chain
from contest import REPOSITORY
from numpy.typing import NDArray
from onnx import TensorProto, helper
from sklearn.metrics import mean_squared_error

from dl_assets.artifacts.report import read_json
from dl_assets.operations.promotion.folder import sha256_of
from dl_assets.operations.promotion.samples import read_test_set
from dl_assets.orchestration.champion import promote

ROWS = 300


class Table:
    """A table whose target is twice its column `size`, after clean and split."""

    def __init__(self, root: Path, **rule: Any) -> None:
        sizes = np.random.default_rng(17).normal(50, 10, ROWS).round(3)
        lines = [f"{size},{'ab'[index % 2]},{2 * size:.3f}" for index, size in enumerate(sizes.tolist())]
        (root / "shop.csv").write_text("\n".join(["size,shelf,price", *lines]))
        source = {"kind": "table", "path": str(root / "shop.csv"), "target": "price"}
        evaluate = {"bootstrap_samples": 200}
        self.chain = Chain(root, "tabular_regression", source, promote=rule, evaluate=evaluate)
        self.chain.run("split")
        self.folder, self.config = self.chain.folder, self.chain.config
        shutil.copytree(REPOSITORY / ".dvc", root / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache"))

    def export(self, factor: float, names: tuple[str, ...] = ("size", "shelf")) -> None:
        """Put a model into exported/ that answers with a multiple of `size`."""
        folder = self.folder / "exported"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        onnx.save(multiple(factor, names), folder / "model.onnx")
        kinds = [{"shelf": "category"}.get(name, "number") for name in names]
        asked = {"name": "table", "shape": ["batch", 2], "made_by": {"clean": {"schema": None, "missing": "keep"}}}
        signature = {
            "task": "tabular_regression",
            "file": "model.onnx",
            "input": {**asked, "fitted": {"names": names, "kinds": kinds}},
            "output": {"name": "prediction", "fitted": {"scale": "linear", "mean": 100.0, "std": 20.0, "deviation": 20.0}},
        }
        (folder / "signature.json").write_text(json.dumps(signature))
        (folder / "certificate.json").write_text(json.dumps({"sha256": sha256_of(folder / "model.onnx")}))

    def targets(self) -> NDArray[np.float64]:
        return read_test_set(self.config, self.folder).samples["target"].cast(pl.Float64).to_numpy()


def multiple(factor: float, names: tuple[str, ...]) -> onnx.ModelProto:
    """Return a model of these columns: the first, a number, times a factor."""
    nodes = [
        helper.make_node("Cast", [names[0]], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "factor"], ["prediction"]),
    ]
    kinds = [TensorProto.STRING if name == "shelf" else TensorProto.DOUBLE for name in names]
    graph = helper.make_graph(
        nodes,
        "multiple",
        [helper.make_tensor_value_info(name, kind, ["batch", 1]) for name, kind in zip(names, kinds, strict=True)],
        [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["batch", 1])],
        [onnx.numpy_helper.from_array(np.array([factor], np.float32), "factor")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    made = Table(tmp_path, metric="rmse", max_slice_loss=None)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    return made


def decide(table: Table, **options: Any) -> dict[str, Any]:
    return promote("people", table.chain.root, **options)


def test_columns_are_asked_by_name_and_the_error_is_that_of_scikit_learn(table: Table) -> None:
    table.export(2.1)
    first = decide(table)
    assert first["promoted"] and first["challenger"]["asked"] == "columns by name"
    targets = table.targets()
    expected = mean_squared_error(targets, 2.1 * (targets / 2)) ** 0.5
    assert first["challenger"]["metrics"]["rmse"]["value"] == pytest.approx(expected, rel=1e-5)

    table.export(2.3)
    worse = decide(table)
    assert worse["verdict"] == "refused" and worse["mcnemar"] is None
    assert worse["gain"]["value"] == pytest.approx(-2 * expected, rel=1e-4)
    table.export(2.05)
    assert decide(table)["verdict"] == "promoted"


def test_other_values_of_the_same_text_are_another_test_set(table: Table) -> None:
    table.export(2.1)
    first = decide(table)
    shard = table.folder / "clean/rows-00000.parquet"
    pl.read_parquet(shard).with_columns(pl.col("size") * 2).write_parquet(shard)  # as another decimal mark in the schema would
    table.export(2.3)
    second = decide(table)
    assert second["test_set"]["sha256"] != first["test_set"]["sha256"]
    ratio = second["champion"]["metrics"]["rmse"]["value"] / first["challenger"]["metrics"]["rmse"]["value"]
    assert ratio == pytest.approx(2.2 / 0.1, rel=1e-3)  # 2.1 x 2 where 2 is right: 2.2 too much in place of 0.1


def test_a_champion_that_asks_for_a_column_that_is_gone_cannot_be_compared(table: Table) -> None:
    table.export(2.0, ("size", "weight"))
    columns = read_json(table.folder / "clean/columns.json")
    weight = {"name": "weight", "kind": "number"}
    (table.folder / "clean/columns.json").write_text(json.dumps({**columns, "columns": [*columns["columns"], weight]}))
    rows = table.folder / "clean/rows-00000.parquet"
    pl.read_parquet(rows).with_columns(weight=pl.lit(1.0)).write_parquet(rows)
    assert decide(table)["promoted"]

    (table.folder / "clean/columns.json").write_text(json.dumps(columns))
    table.export(2.1)
    decision = decide(table)
    assert decision["verdict"] == "not comparable"
    assert "it asks for the column 'weight', which the table does not have any more" in decision["reason"]
