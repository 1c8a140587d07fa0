"""A tiny trained model that tells red from blue pictures of noise, with all that export reads."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

from dl_assets.artifacts.packs import PackWriter, fingerprint
from dl_assets.artifacts.report import write_json
from dl_assets.artifacts.shards import ArrayReader, ArrayWriter
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS_TABLE, RAW_SAMPLES, read_table, write_table
from dl_assets.config import Pipeline
from dl_assets.inputs import image
from dl_assets.stages.train import train
from dl_assets.transforms.image import compose

CLEAN = {"image_size": 8, "channels": 3, "fit": "crop"}
PIPELINE = Pipeline(
    Path("pipelines/tiny.yaml"),
    {
        "task": "image_classification",
        "clean": CLEAN,
        "export": {},
        "model": {"name": "cnn", "width": 8, "depth": 2},
        "train": {"epochs": 5, "batch_size": 4, "learning_rate": 0.02, "accelerator": "cpu"},
    },
)
PARTS = ("train",) * 16 + ("val",) * 4 + ("test",) * 20
CALIBRATION = {"temperature": 1.5, "threshold": 0.4, "positive": "red"}
METRICS = {"accuracy": {"value": 0.95, "low": 0.9, "high": 1.0}, "classes": {"red": {"recall": {"value": 1.0}}}}
READ = ("clean", "parts", "model", "evaluation")


def with_export(**options: Any) -> Pipeline:
    return Pipeline(PIPELINE.path, {**PIPELINE.document, "export": options})


def read_from(folders: dict[str, Path], **others: Path) -> dict[str, Path]:
    """What the export stage reads; `others` in place of some of it."""
    return {name: others.get(name, folders[name]) for name in READ}


def held_out(folders: dict[str, Path]) -> ArrayReader:
    return ArrayReader(folders["clean"], read_table(CLEAN_SAMPLES, folders["clean"]).tail(20))


def make(root: Path) -> dict[str, Path]:
    """Train on forty pictures of 20 x 16 px, of which 8 x 8 are stored; the last twenty are the test part."""
    folders = {name: root / name for name in ("raw", "augmented", *READ)}
    for folder in folders.values():
        folder.mkdir()
    _store(folders["raw"], folders["clean"], _payloads())
    ids = _ids(len(PARTS))
    fold = pl.Series([None] * len(ids), dtype=pl.Int64)
    write_table(PARTS_TABLE, folders["parts"], pl.DataFrame({"id": ids, "part": PARTS, "fold": fold}))
    other = {"mixup": 0.0, "cutmix": 0.0, "mix_share": 0.8, "copies": 0, "test_time": "flip"}
    write_json(folders["augmented"] / "policy.json", {"policy": compose([], (8, 8, 3)).serialise(), **other})
    write_json(folders["evaluation"] / "calibration.json", CALIBRATION)
    write_json(folders["evaluation"] / "metrics.json", METRICS)
    read = {name: folders[name] for name in ("clean", "parts", "augmented")}
    train(PIPELINE, **read, checkpoints=root / "checkpoints", logs=root / "logs", out=folders["model"])
    return folders


def _payloads() -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 120, (len(PARTS), 16, 20, 3), dtype=np.uint8)
    pixels[0::2, ..., 0] += 100
    pixels[1::2, ..., 2] += 100
    payloads = []
    for picture in pixels:
        file = BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        payloads.append(file.getvalue())
    return payloads


def _ids(number: int) -> list[str]:
    return [f"sample{index:02d}" for index in range(number)]


def _store(raw: Path, clean: Path, payloads: Sequence[bytes]) -> None:
    """Write raw/ and clean/ as ingest and clean would."""
    with PackWriter(raw) as pack:
        packed = [pack.write(payload) for payload in payloads]
    with ArrayWriter(clean) as writer:
        decoded = [image.clean(payload, **CLEAN) for payload in payloads]
        stored = [writer.write(array) for array, _ in decoded]
    ids = _ids(len(payloads))
    nothing = {"group": pl.String, "time": pl.Datetime("us"), "part": pl.String}
    known = pl.DataFrame({"id": ids, "origin": ids, "target": ["red", "blue"] * (len(ids) // 2)})
    known = known.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in nothing.items())
    found = {
        "content": [fingerprint(payload) for payload in payloads],
        "shard": [shard for shard, _ in packed],
        "offset": [offset for _, offset in packed],
        "size_bytes": [len(payload) for payload in payloads],
    }
    without = known.with_columns(pl.lit(None, pl.String).alias(name) for name in ("location", "problem"))
    write_table(RAW_SAMPLES, raw, without.hstack(pl.DataFrame(found)))
    places = {"digest": ids, "cluster": ids, "shard": [shard for shard, _ in stored], "row": [row for _, row in stored]}
    measured = pl.DataFrame([found for _, found in decoded], schema=image.MEASURED)
    write_table(CLEAN_SAMPLES, clean, pl.concat([known, pl.DataFrame(places), measured], how="horizontal"))
