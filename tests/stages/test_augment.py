import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from dl_assets.artifacts.report import Report, write_json
from dl_assets.artifacts.shards import ArrayReader, ArrayWriter
from dl_assets.artifacts.tables import CLEAN_SAMPLES, COPIES, PARTS_TABLE, read_table, write_table
from dl_assets.augmentation import read_augment
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.inputs._table.codes import code_of
from dl_assets.problems import Document
from dl_assets.stages.augment import augment, choose_shown
from dl_assets.transforms import image as transforms
from dl_assets.transforms import table as of_tables

NUM_SAMPLES = 12
PARTS = ["train", "val", "test"] * 4


def noise() -> np.ndarray:
    """Sample i is of brightness 20 i to 20 i + 9: uint8 [N, 8, 8, 1]."""
    grain = np.random.default_rng(0).integers(0, 10, (NUM_SAMPLES, 8, 8, 1))
    return (20 * np.arange(NUM_SAMPLES).reshape(-1, 1, 1, 1) + grain).astype(np.uint8)


def run(root: Path, section: Any, parts: list[str] = PARTS) -> tuple[Report, Path]:
    """Run augment on cats and dogs of which every third is in train."""
    clean, split, out = write_artifacts(root, noise(), parts)
    document = {"task": "image_classification", "clean": {"image_size": 8, "channels": 1}, "augment": section}
    return augment(Pipeline(Path("pipelines/pets.yaml"), document), clean=clean, parts=split, out=out), out


def write_artifacts(root: Path, arrays: np.ndarray, parts: list[str]) -> tuple[Path, Path, Path]:
    """Write clean/ and parts/; return them and the folder that is to be written."""
    clean, split, out = (root / name for name in ("clean", "parts", "augmented"))
    for folder in (clean, split, out):
        folder.mkdir(parents=True)
    with ArrayWriter(clean) as writer:
        shards, rows = writer.write_all(arrays)
    ids = [f"sample{index:02d}" for index in range(NUM_SAMPLES)]
    nothing = pl.Series([None] * NUM_SAMPLES, dtype=pl.String)
    samples = pl.DataFrame(
        {
            "id": ids,
            "target": ["cat", "dog"] * 6,
            **{"group": nothing, "time": nothing.cast(pl.Datetime("us")), "part": nothing},
            **{"origin": ids, "digest": ids, "cluster": ids},
            "shard": shards,
            "row": rows,
        }
    )
    write_table(CLEAN_SAMPLES, clean, samples)
    write_table(PARTS_TABLE, split, samples.select("id", part=pl.Series(parts), fold=pl.lit(None, pl.Int64)))
    return clean, split, out


def test_the_policy_on_disk_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    report, out = run(tmp_path, {"transforms": [{"Rotate": {"limit": 30, "p": 1.0}}, "HorizontalFlip"], "mixup": 0.2})
    stored = json.loads((out / "policy.json").read_text())
    policy = transforms.load(stored["policy"])
    assert len(policy) == 2 and report.numbers["transforms"] == 2
    assert (stored["mixup"], stored["cutmix"], stored["mix_share"], stored["copies"]) == (0.2, 0.0, 0.8, 0)
    assert stored["test_time"] is None
    assert report.numbers["changed_share"] == 1.0
    assert stored["policy"]["transforms"][0]["Rotate"]["interpolation"] == 1, "the defaults are written down too"


def test_only_train_samples_are_shown(tmp_path: Path) -> None:
    report, out = run(tmp_path, "light")
    assert report.counts == {"train": 4, "previewed": 4, "copies": 0}
    assert Image.open(out / "preview.png").width > 600
    assert not (out / "copies.parquet").exists()


def test_an_empty_policy_is_written_and_changes_nothing(tmp_path: Path) -> None:
    report, out = run(tmp_path, [])
    assert report.numbers == {"transforms": 0, "changed_share": 0.0}
    assert len(transforms.load(json.loads((out / "policy.json").read_text())["policy"])) == 0


def test_copies_are_made_of_train_samples_only_and_each_is_another(tmp_path: Path) -> None:
    report, out = run(tmp_path, {"preset": "digits", "copies": 3})
    copies = read_table(COPIES, out)
    train = [f"sample{index:02d}" for index in (0, 3, 6, 9)]
    assert report.counts["copies"] == 12
    assert sorted(copies["id"]) == sorted(f"{of}+{number}" for of in train for number in (1, 2, 3))
    targets = dict(zip(train, ("cat", "dog", "cat", "dog"), strict=True))
    assert [targets[of] for of in copies["of"]] == copies["target"].to_list()
    arrays = ArrayReader(out, copies)
    stored = [arrays[index] for index in range(12)]
    assert len({array.tobytes() for array in stored} | {array.tobytes() for array in noise()}) == 12 + NUM_SAMPLES
    # The middle of a picture stays in it, however it is turned.
    assert [f"sample{array[4, 4, 0] // 20:02d}" for array in stored] == copies["of"].to_list()


def test_the_same_inputs_give_the_same_bytes_on_disk(tmp_path: Path) -> None:
    section = {"transforms": ["SubPixelAffine", {"GaussNoise": {"p": 1.0}}], "copies": 1}
    folders = [run(tmp_path / name, section)[1] for name in ("1", "2")]
    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert first == second and set(first) == {"policy.json", "preview.png", "copies.parquet", "pixels-00000.npy"}


def test_a_policy_that_cannot_be_names_the_file_and_the_transform(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pipelines/pets\.yaml: augment\[1\]\.RandomScale makes pictures of random sizes"):
        run(tmp_path, ["HorizontalFlip", "RandomScale"])


def test_a_train_part_without_samples_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the train part holds no sample\. .* split\.train"):
        run(tmp_path, "light", ["val", "test"] * 6)


def test_every_class_is_shown_before_any_is_shown_twice() -> None:
    train = pl.DataFrame({"id": [f"{i}" for i in range(9)], "target": ["a"] * 6 + ["b"] * 2 + ["c"]})
    assert choose_shown(train)["target"].to_list() == ["a", "b", "c", "a", "b", "a"]


# ---- tables -----------------------------------------------------------------------------------------------------


def table() -> np.ndarray:
    """Sample i weighs i kg, or 1000 kg more where it is not in train, and is furry in train only: float64 [N, 3]."""
    is_train = np.array(PARTS) == "train"
    weight = np.arange(NUM_SAMPLES) + np.where(is_train, 0, 1000.0)
    coat = np.where(is_train, code_of("fur"), code_of("feathers"))
    coat[3] = np.nan
    return np.stack([weight, np.arange(NUM_SAMPLES) + 10_000.0, coat], axis=1)


def run_on_a_table(root: Path, section: Any, rows: np.ndarray | None = None) -> tuple[Report, Path]:
    clean, split, out = write_artifacts(root, table() if rows is None else rows, PARTS)
    columns = [{"name": name, "kind": kind} for name, kind in (("weight", "number"), ("born", "date"), ("coat $x", "category"))]
    write_json(clean / "columns.json", {"columns": columns, "words": {"coat $x": ["feathers", "fur"]}})
    document = {"task": "tabular_classification", "augment": section}
    config = Pipeline(Path("pipelines/pets.yaml"), document)
    config.augment = read_augment(Document(config.path, document), section, "table", lambda: None)
    return augment(config, clean=clean, parts=split, out=out), out


def test_what_a_policy_knows_of_a_table_it_has_from_the_train_part(tmp_path: Path) -> None:
    _, out = run_on_a_table(tmp_path, "heavy")
    weight, born, coat = json.loads((out / "policy.json").read_text())["policy"]["columns"]
    assert weight == {
        **{"name": "weight", "kind": "number", "missing": 0, "deviation": pytest.approx(np.std([0, 3, 6, 9]))},
        **{"values": [0.0, 3.0, 6.0, 9.0], "counts": [1, 1, 1, 1]},
    }
    assert born["kind"] == "date" and born["values"] == [10_000.0, 10_003.0, 10_006.0, 10_009.0]
    assert coat == {"name": "coat $x", "kind": "category", "missing": 1, "values": [code_of("fur")], "counts": [3]}


def test_rows_are_shown_with_what_becomes_of_them(tmp_path: Path) -> None:
    report, out = run_on_a_table(tmp_path / "some", [{"GaussianNoise": {"p": 1.0}}])
    assert report.counts == {"train": 4, "previewed": 4, "copies": 0} and report.numbers["changed_share"] == 1.0
    assert Image.open(out / "preview.png").width > 400
    report, _ = run_on_a_table(tmp_path / "none", [])
    assert report.numbers == {"transforms": 0, "changed_share": 0.0}, "what is missing in both is no change"


def test_copies_of_rows_are_stored_beside_their_policy(tmp_path: Path) -> None:
    report, out = run_on_a_table(tmp_path, {"transforms": [{"MissingValues": {"p": 0.5}}], "copies": 20})
    copies = read_table(COPIES, out)
    assert report.counts["copies"] == 80 and copies["id"].is_unique().all()
    stored, of = ArrayReader(out, copies).batch(np.arange(80)), copies["of"].str.slice(6).cast(pl.Int64).to_numpy()
    known = ~np.isnan(stored)
    np.testing.assert_array_equal(stored[known], table()[of][known])
    assert known[:, :2].mean() == pytest.approx(0.5, abs=0.15)
    assert (copies["target"].to_numpy() == np.where(of % 2, "dog", "cat")).all()


def test_the_same_rows_give_the_same_bytes_on_disk(tmp_path: Path) -> None:
    folders = [run_on_a_table(tmp_path / name, {"preset": "heavy", "copies": 1})[1] for name in ("1", "2")]
    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert first == second and set(first) == {"policy.json", "preview.png", "copies.parquet", "pixels-00000.npy"}


def test_rows_outside_train_change_nothing_of_what_is_written(tmp_path: Path) -> None:
    others = table()
    others[np.array(PARTS) != "train"] = 5.0
    section = {"preset": "heavy", "copies": 1}
    first, second = (run_on_a_table(tmp_path / name, section, rows)[1] for name, rows in (("1", table()), ("2", others)))
    assert all(path.read_bytes() == (second / path.name).read_bytes() for path in first.iterdir())


def test_a_preset_reaches_policy_json_by_its_transforms(tmp_path: Path) -> None:
    _, out = run_on_a_table(tmp_path, "medium")
    stored = json.loads((out / "policy.json").read_text())
    assert stored["policy"]["transforms"] == [{"GaussianNoise": {"scale": 0.1, "p": 0.5}}, {"SwapCategories": {"p": 0.05}}]
    assert of_tables.load(stored["policy"]).stored == (3,)
