import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from dl_assets.artifacts.report import Report
from dl_assets.artifacts.shards import ArrayReader, ArrayWriter
from dl_assets.artifacts.tables import CLEAN_SAMPLES, COPIES, PARTS_TABLE, read_table, write_table
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.stages.augment import augment, choose_shown
from dl_assets.transforms import image as transforms

NUM_SAMPLES = 12
PARTS = ["train", "val", "test"] * 4


def noise() -> np.ndarray:
    """Sample i is of brightness 20 i to 20 i + 9: uint8 [N, 8, 8, 1]."""
    grain = np.random.default_rng(0).integers(0, 10, (NUM_SAMPLES, 8, 8, 1))
    return (20 * np.arange(NUM_SAMPLES).reshape(-1, 1, 1, 1) + grain).astype(np.uint8)


def run(root: Path, section: Any, parts: list[str] = PARTS) -> tuple[Report, Path]:
    """Run augment on cats and dogs of which every third is in train."""
    clean, split, out = (root / name for name in ("clean", "parts", "augmented"))
    for folder in (clean, split, out):
        folder.mkdir(parents=True)
    with ArrayWriter(clean) as writer:
        places = [writer.write(array) for array in noise()]
    ids = [f"sample{index:02d}" for index in range(NUM_SAMPLES)]
    nothing = pl.Series([None] * NUM_SAMPLES, dtype=pl.String)
    samples = pl.DataFrame(
        {
            "id": ids,
            "target": ["cat", "dog"] * 6,
            **{"group": nothing, "time": nothing.cast(pl.Datetime("us")), "part": nothing},
            **{"origin": ids, "digest": ids, "cluster": ids},
            "shard": [shard for shard, _ in places],
            "row": [row for _, row in places],
        }
    )
    write_table(CLEAN_SAMPLES, clean, samples)
    write_table(PARTS_TABLE, split, samples.select("id", part=pl.Series(parts), fold=pl.lit(None, pl.Int64)))
    document = {"task": "image_classification", "clean": {"image_size": 8, "channels": 1}, "augment": section}
    return augment(Pipeline(Path("pipelines/pets.yaml"), document), clean=clean, parts=split, out=out), out


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
