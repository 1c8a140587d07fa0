"""A pipeline of handmade pictures and tiny models, in which champion and challenger meet without a training.

Sample i is a picture of brightness i, and a model is a table with one row of probabilities for each brightness.
"""

import json
import shutil
import subprocess
from contextlib import chdir
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import onnx
import polars as pl
from dvc.repo import Repo
from numpy.typing import NDArray
from onnx import TensorProto, helper

from dl_assets.artifacts.packs import pack_name
from dl_assets.artifacts.report import read_json
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS_TABLE, RAW_SAMPLES, write_table
from dl_assets.operations.promotion.folder import sha256_of

REPOSITORY = Path(__file__).parents[1]
CLEAN = {"image_size": 8, "channels": 1, "fit": "stretch", "max_pixels": 100_000_000}
DOCUMENT = {
    "task": "image_classification",
    "source": {"kind": "folder", "path": "photos"},
    "clean": {"image_size": 8, "channels": 1},
    "split": {},
    "augment": [],
    "model": {"name": "cnn"},
    "train": {},
    "evaluate": {"bootstrap_samples": 200},
    "export": {},
    "schedule": {},
}
NUM_SAMPLES = 200
TARGETS = ["cat", "dog"] * (NUM_SAMPLES // 2)


class Contest:
    """A repository with the pipeline `pets`, whose samples are all in the test part."""

    def __init__(self, root: Path, **rule: Any) -> None:
        self.root, self.folder = root, root / "data" / "pets"
        (root / "pipelines").mkdir(parents=True)
        (root / ".dvc").mkdir()
        for name in (".gitignore", ".dvcignore", ".dvc/config"):
            shutil.copy(REPOSITORY / name, root / name)
        (root / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
        self.write(promote=rule)
        self.git("init", "-q", "-b", "main")
        self.write_samples(TARGETS)

    def write(self, **sections: Any) -> None:
        """Write the pipeline file, some sections in another way."""
        (self.root / "pipelines/pets.yaml").write_text(json.dumps({**DOCUMENT, **sections}))  # JSON is YAML

    def git(self, *words: str) -> None:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", *who, *words], cwd=self.root, check=True, capture_output=True)

    def write_samples(self, targets: list[str]) -> None:
        """Write raw/, clean/ and parts/ as ingest, clean and split would; all of it is the test part."""
        ids = [f"s{index:03d}" for index in range(len(targets))]
        places = [self._new(name) for name in ("raw", "clean", "parts")]
        payloads = [cv2.imencode(".png", np.full((32, 32), index, np.uint8))[1].tobytes() for index in range(len(targets))]
        (places[0] / pack_name(0)).write_bytes(b"".join(payloads))
        sizes = [len(payload) for payload in payloads]
        shared = {"id": ids, "target": targets, "origin": [f"{id_}.png" for id_ in ids], "shard": 0}
        given = {"group": pl.lit(None, pl.String), "time": pl.lit(None, pl.Datetime("us")), "part": pl.lit(None, pl.String)}
        empty = {"location": pl.lit(None, pl.String), "problem": pl.lit(None, pl.String), **given}
        raw = {**shared, "content": ids, "offset": np.cumsum([0, *sizes[:-1]]), "size_bytes": sizes}
        write_table(RAW_SAMPLES, places[0], pl.DataFrame(raw).with_columns(pl.col("shard").cast(pl.Int64), **empty))
        np.save(places[1] / "pixels-00000.npy", pictures(len(targets)))
        clean = {**shared, "digest": ids, "cluster": ids, "row": np.arange(len(targets))}
        write_table(CLEAN_SAMPLES, places[1], pl.DataFrame(clean).with_columns(pl.col("shard").cast(pl.Int64), **given))
        parts = pl.DataFrame({"id": ids, "part": "test"}).with_columns(fold=pl.lit(None, pl.Int64))
        write_table(PARTS_TABLE, places[2], parts)

    def export(self, probabilities: NDArray[Any], classes: tuple[str, ...] = ("cat", "dog"), **clean: Any) -> str:
        """Put a model into exported/ that answers sample i with row i [C]; return its sha256."""
        folder, made_by = self._new("exported"), {**CLEAN, **clean}
        side = made_by["image_size"]
        onnx.save(lookup(probabilities, ["batch", side, side, 1]), folder / "model.onnx")
        signature = {
            "task": "image_classification",
            "file": "model.onnx",
            "input": {"name": "image", "shape": ["batch", side, side, 1], "made_by": {"clean": made_by}},
            "output": {"name": "probabilities", "fitted": {"classes": list(classes)}},
        }
        (folder / "signature.json").write_text(json.dumps(signature))
        sha256 = sha256_of(folder / "model.onnx")
        latency = {"onnxruntime": {"1": {"p50_ms": 0.25}}}
        (folder / "certificate.json").write_text(json.dumps({"sha256": sha256, "latency": latency}))
        return sha256

    def champion(self) -> dict[str, bytes]:
        """All that the folder of the champion holds."""
        return {path.name: path.read_bytes() for path in sorted((self.folder / "champion").iterdir())}

    def json(self, name: str) -> Any:
        return read_json(self.folder / name)

    def changed_in_dvc(self) -> Any:
        with chdir(self.root), Repo(_wait_for_lock=True) as repo:
            return repo.status()

    def _new(self, name: str) -> Path:
        shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / name).mkdir(parents=True)
        return self.folder / name


def pictures(count: int, side: int = 8) -> NDArray[np.uint8]:
    """Return picture i of brightness i, [N, side, side, 1]."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, side, side, 1)).copy()


def answers(num_wrong: int, *, confidence: float = 0.9, first: int = 0) -> NDArray[np.float64]:
    """Return probabilities [N, 2] of cat and dog: from sample `first` on, `num_wrong` are answered wrongly, others rightly."""
    right = np.array([[confidence, 1 - confidence], [1 - confidence, confidence]] * (NUM_SAMPLES // 2))
    right[first : first + num_wrong] = right[first : first + num_wrong, ::-1]
    return right


def lookup(table: NDArray[Any], shape: list[Any]) -> onnx.ModelProto:
    """Return a model: uint8 image [batch, H, W, C] -> the row of the table [N, C] that its first pixel names."""
    nodes = [
        helper.make_node("Slice", ["image", "starts", "ends", "axes"], ["pixel"]),  # [B, 1, 1, 1]
        helper.make_node("Reshape", ["pixel", "flat"], ["number"]),
        helper.make_node("Cast", ["number"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["probabilities"], axis=0),
    ]
    constants = {"starts": [0, 0, 0], "ends": [1, 1, 1], "axes": [1, 2, 3], "flat": [-1]}
    tensors = {name: np.array(value, np.int64) for name, value in constants.items()} | {"table": table.astype(np.float32)}
    graph = helper.make_graph(
        nodes,
        "lookup",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", table.shape[1]])],
        [onnx.numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def by_class(config: Any, *, samples: pl.DataFrame, clean: Path) -> list[Any]:
    """Slices of the samples by their class."""
    classes = samples["target"].unique().sort()
    members = [np.flatnonzero((samples["target"] == name).to_numpy()) for name in classes]
    return [SimpleNamespace(column="class", values=name, members=rows) for name, rows in zip(classes, members, strict=True)]
