import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from dl_assets.artifacts.raw import RawSample
from dl_assets.artifacts.report import Report
from dl_assets.artifacts.tables import PARTS_TABLE, RAW_SAMPLES, write_table
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError
from dl_assets.stages.augment import augment, choose_shown
from dl_assets.stages.clean import clean
from dl_assets.stages.ingest import store
from dl_assets.transforms import image as transforms


def make_pipeline(**sections: Any) -> Pipeline:
    document = {"task": "image_classification", "clean": {"image_size": 8, "channels": 1}, "split": {}, **sections}
    return Pipeline(Path("pipelines/pets.yaml"), document)


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def picture(seed: int, size: int = 8, kind: str = "PNG") -> bytes:
    """Noise: a picture of its own for every seed."""
    file = BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size), dtype=np.uint8)).save(file, kind)
    return file.getvalue()


def run(folder: Path, policy: list[Any], num_samples: int = 12) -> tuple[Report, Path]:
    """Run augment on cats and dogs of which every third is in train."""
    raw, cleaned, parts, out = (made(folder / name) for name in ("raw", "clean", "parts", "augmented"))
    table, _ = store([RawSample(f"{i}.png", picture(i), ("cat", "dog")[i % 2]) for i in range(num_samples)], raw)
    write_table(RAW_SAMPLES, raw, table)
    config = make_pipeline(augment=policy)
    clean(config, raw=raw, out=cleaned)
    names = [("train", "val", "test")[i % 3] for i in range(num_samples)]
    write_table(PARTS_TABLE, parts, table.select("id", part=pl.Series(names), fold=pl.lit(None, pl.Int64)))
    return augment(config, clean=cleaned, parts=parts, out=out), out


def test_the_policy_on_disk_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    report, out = run(tmp_path, [{"rotate": {"limit": 30}}, "horizontal_flip"])
    policy = transforms.load(json.loads((out / "policy.json").read_text()), seed=1)
    assert len(policy) == 2 and report.numbers["transforms"] == 2
    original = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    assert any(not np.array_equal(policy(original), original) for _ in range(5))


def test_only_train_samples_are_shown(tmp_path: Path) -> None:
    report, out = run(tmp_path, ["horizontal_flip"])
    assert report.counts == {"train": 4, "previewed": 4}
    assert Image.open(out / "preview.png").width > 600


def test_an_empty_policy_is_written_and_changes_nothing(tmp_path: Path) -> None:
    report, out = run(tmp_path, [])
    assert report.numbers == {"transforms": 0, "changed_share": 0.0}
    assert len(transforms.load(json.loads((out / "policy.json").read_text()), seed=1)) == 0


def test_the_same_inputs_give_the_same_bytes_on_disk(tmp_path: Path) -> None:
    folders = [run(tmp_path / name, [{"affine": {"rotate": 20}}, {"gaussian_noise": {"p": 1.0}}])[1] for name in ("1", "2")]
    first, second = ({p.name: p.read_bytes() for p in folder.iterdir()} for folder in folders)
    assert first == second and set(first) == {"policy.json", "preview.png"}


def test_options_that_do_not_fit_together_name_the_file_and_the_transform(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pipelines/pets\.yaml: augment\.1\.affine: scale is \[1\.2, 0\.8\]"):
        run(tmp_path, ["horizontal_flip", {"affine": {"scale": [1.2, 0.8]}}])


def test_every_class_is_shown_before_any_is_shown_twice() -> None:
    train = pl.DataFrame({"id": [f"{i}" for i in range(9)], "target": ["a"] * 6 + ["b"] * 2 + ["c"]})
    assert choose_shown(train)["target"].to_list() == ["a", "b", "c", "a", "b", "a"]
