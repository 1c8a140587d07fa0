"""What the augment stage has left is what is learnt from."""

import numpy as np
import polars as pl
import pytest

from dl_assets.artifacts.shards import ArrayReader, ArrayWriter
from dl_assets.artifacts.tables import COPIES, write_table
from dl_assets.config import Choice
from dl_assets.errors import ArtifactError
from dl_assets.training.augmented import read_augmented
from dl_assets.training.mixing import Mixing
from dl_assets.transforms import image as transforms


def encode(targets):
    return targets.replace_strict({"left": 0, "right": 1}, return_dtype=pl.Int64).to_numpy()


@pytest.fixture
def train(samples):
    return samples.filter(pl.col("part") == "train")


def read(batches, indices, epoch=0):
    raw, encoded = batches[epoch, np.array(indices)]
    return raw.numpy(), encoded.tolist()


def test_a_policy_makes_new_variants_of_the_train_part_in_each_epoch(train, write_policy, tmp_path):
    folder = write_policy(tmp_path / "augmented", [Choice("HorizontalFlip", {})])
    arrays = ArrayReader(tmp_path / "clean", train)
    batches = read_augmented(folder, transforms, seed=1).batches(train, arrays, encode)
    assert batches.num_samples == 24
    first, encoded = read(batches, range(24))
    assert encoded == [0, 1] * 12
    other, _ = read(batches, range(24), epoch=1)
    plain = arrays.batch(np.arange(24))
    flipped = [[not np.array_equal(one, two) for one, two in zip(found, plain, strict=True)] for found in (first, other)]
    assert all(0 < sum(some) < 24 for some in flipped) and flipped[0] != flipped[1]


def test_copies_stand_beside_the_middle_of_their_originals(train, write_policy, tmp_path):
    folder = write_policy(tmp_path / "augmented", [Choice("RandomCrop", {"height": 6, "width": 6})], copies=1)
    with ArrayWriter(folder) as writer:
        places = [writer.write(np.full((6, 6, 1), 200 + number, np.uint8)) for number in range(24)]
    places = pl.DataFrame(places, schema=["shard", "row"], orient="row")
    write_table(COPIES, folder, train.select(id=pl.col("id") + "+1", of="id", target="target").with_columns(places))

    kept = train.filter(pl.col("id") != "sample03")  # as in a fold of cross-validation
    arrays = ArrayReader(tmp_path / "clean", kept)
    batches = read_augmented(folder, transforms, seed=1).batches(kept, arrays, encode)
    assert batches.num_samples == 46
    raw, encoded = read(batches, [3, 23, 23 + 3])
    np.testing.assert_array_equal(raw[0], arrays[3][1:7, 1:7])
    assert [picture.max() for picture in raw[1:]] == [200, 204]
    assert encoded == [0, 0, 0]  # sample04, the copy of sample00, the copy of sample04


def test_a_policy_for_other_pictures_says_what_to_run(train, write_policy, tmp_path):
    with ArrayWriter(tmp_path) as writer:
        places = [writer.write(np.zeros((9, 9, 1), np.uint8)) for _ in range(24)]
    arrays = ArrayReader(tmp_path, pl.DataFrame(places, schema=["shard", "row"], orient="row"))
    with pytest.raises(ArtifactError, match=r"is for samples of the shape \(8, 8, 1\), .* Run the augment stage again"):
        read_augmented(write_policy(tmp_path / "augmented"), transforms, seed=1).batches(train, arrays, encode)


def test_the_mixing_is_that_of_the_file_with_the_seed_of_the_training(write_policy, tmp_path):
    folder = write_policy(tmp_path / "augmented", mixup=0.2, cutmix=1.0, mix_share=0.5)
    assert read_augmented(folder, transforms, seed=7).mixing == Mixing(0.2, 1.0, 0.5, 7)
