"""Which samples come together in a batch, and what is done to them."""

import pickle

import numpy as np
import polars as pl
import pytest
import torch

from dl_assets.artifacts.shards import ArrayReader, ArrayWriter
from dl_assets.config import Choice
from dl_assets.training.batches import Batches, DrawnIndices, Joined, OrderedIndices, ShuffledIndices, loader
from dl_assets.transforms._policy.keys import numbers_of
from dl_assets.transforms.image import compose


class Stored(list):
    """`Arrays` of pictures 1 x 1, or of another size, that hold their own number."""

    def __init__(self, numbers, size=1):
        super().__init__(np.full((size, size, 1), number, np.uint8) for number in numbers)

    def each(self, indices):
        return map(self.__getitem__, indices)

    def batch(self, indices):
        return np.stack([self[index] for index in indices])

    @property
    def shape(self):
        return self[0].shape


def epoch_of(indices, epoch):
    indices.set_epoch(epoch)
    return list(indices)


@pytest.mark.parametrize(("num_samples", "batch_size"), [(2, 64), (3, 2), (8, 8), (9, 8), (65, 64), (100, 64), (1257, 64)])
def test_every_sample_comes_once_an_epoch_and_never_alone(num_samples, batch_size):
    batches = [indices for _, indices in ShuffledIndices(num_samples, batch_size, seed=0)]
    assert sorted(np.concatenate(batches)) == list(range(num_samples))
    assert min(map(len, batches)) >= 2
    assert len(batches) == len(ShuffledIndices(num_samples, batch_size, seed=0))


def test_the_order_follows_from_the_seed_and_the_epoch():
    orders = [
        np.concatenate([batch for _, batch in epoch_of(ShuffledIndices(50, 8, seed=seed), epoch)]).tolist()
        for seed, epoch in ((3, 0), (3, 1), (4, 0), (3, 0))
    ]
    assert orders[0] == orders[3]
    assert orders[0] != orders[1] and orders[0] != orders[2] and orders[1] != orders[2]


def test_every_item_says_its_epoch():
    assert {epoch for epoch, _ in epoch_of(ShuffledIndices(50, 8, seed=3), 7)} == {7}


def test_val_samples_come_in_their_order():
    assert [batch.tolist() for _, batch in OrderedIndices(5, 2)] == [[0, 1], [2, 3], [4]]


def test_every_process_augments_a_sample_alike_and_each_epoch_otherwise():
    policy = compose([Choice("GaussNoise", {"p": 1.0})], (4, 4, 1))
    batches = Batches(Stored(range(40), size=4), np.arange(40), policy, numbers_of(map(str, range(40))), seed=5)
    indices = ShuffledIndices(40, 7, seed=5)
    found = {}
    for workers in (0, 1, 2):
        loading = loader(batches, indices, workers, seed=5)
        for epoch in (0, 1):
            indices.set_epoch(epoch)
            pictures = {int(target): raw.numpy().tobytes() for batch in loading for raw, target in zip(*batch, strict=True)}
            found[workers, epoch] = [pictures[target] for target in range(40)]
    assert found[0, 0] == found[1, 0] == found[2, 0]
    assert found[0, 1] == found[1, 1] == found[2, 1]
    assert all(first != second for first, second in zip(found[0, 0], found[0, 1], strict=True))


def test_a_shortened_epoch_has_a_random_share_of_the_samples_each_time_another():
    indices = ShuffledIndices(50, 5, seed=3)
    whole = epoch_of(indices, 1)
    indices.shorten(4)
    assert len(indices) == 4 and indices.num_samples == 20
    first, second = (np.concatenate([batch for _, batch in epoch_of(indices, epoch)]) for epoch in (1, 2))
    assert first.tolist() == np.concatenate([batch for _, batch in whole[:4]]).tolist()
    assert len(set(first.tolist())) == 20 and set(first.tolist()) != set(second.tolist())
    indices.shorten(1000)
    assert len(indices) == 10 and indices.num_samples == 50


def test_batches_can_be_sent_to_a_process_that_is_started_afresh(tmp_path):
    with ArrayWriter(tmp_path) as writer:
        places = [writer.write(np.full((4, 4, 1), number, np.uint8)) for number in range(8)]
    arrays = ArrayReader(tmp_path, pl.DataFrame(places, schema=["shard", "row"], orient="row"))
    policy = compose([Choice("GaussNoise", {"p": 1.0})], (4, 4, 1))
    batches = Batches(arrays, np.arange(8), policy, numbers_of(map(str, range(8))), seed=5)
    item = (3, np.array([6, 1]))
    for sent, own in zip(pickle.loads(pickle.dumps(batches))[item], batches[item], strict=True):
        np.testing.assert_array_equal(sent.numpy(), own.numpy())


def test_several_arrays_are_one_and_the_middle_of_the_larger_is_taken():
    large = Stored([0, 1], size=5)
    large[1] = np.arange(25, dtype=np.uint8).reshape(5, 5, 1)
    joined = Joined([large, Stored([2, 3, 4], size=3)])
    assert len(joined) == 5 and joined.shape == (3, 3, 1)
    assert joined.batch(np.array([4, 2, 0]))[:, 0, 0, 0].tolist() == [4, 2, 0]
    assert joined[1][..., 0].tolist() == [[6, 7, 8], [11, 12, 13], [16, 17, 18]]


def table_of(folder, numbers):
    """`ArrayReader` of rows [number, number + 0.5]."""
    folder.mkdir()
    with ArrayWriter(folder) as writer:
        shards, places = writer.write_all(np.stack([numbers, np.array(numbers) + 0.5], axis=1).astype(np.float64))
    return ArrayReader(folder, pl.DataFrame({"shard": shards, "row": places}))


def test_rows_of_a_table_stay_float64_and_targets_what_they_are(tmp_path):
    batches = Batches(table_of(tmp_path / "rows", range(6)), np.arange(6, dtype=np.float32).reshape(6, 1))
    raw, encoded = batches[0, np.array([4, 1])]
    assert raw.tolist() == [[4.0, 4.5], [1.0, 1.5]] and raw.dtype == torch.float64
    assert encoded.tolist() == [[4.0], [1.0]] and encoded.dtype == torch.float32


def test_rows_of_a_table_are_joined_with_their_copies(tmp_path):
    joined = Joined([table_of(tmp_path / "rows", range(4)), table_of(tmp_path / "copies", range(10, 14))])
    assert joined.batch(np.array([7, 0, 4, 4]))[:, 0].tolist() == [13, 0, 10, 10]
    assert joined.batch(np.array([5])).dtype == np.float64
    assert joined[7].tolist() == [13.0, 13.5]


def test_rows_of_a_rare_class_are_drawn_as_often_as_the_others(tmp_path):
    encoded = np.array([0] * 360 + [1] * 40)
    batches = Batches(table_of(tmp_path / "rows", range(400)), encoded)
    weights = np.where(encoded == 1, 10.0, 1.0 / 0.9).astype(np.float32)
    drawn = [batches[item] for item in DrawnIndices(weights, 50, seed=3)]
    raw, targets = (torch.cat(parts) for parts in zip(*drawn, strict=True))
    assert len(targets) == 400 and targets.sum() == pytest.approx(200, abs=30)
    assert ((raw[:, 0] >= 360) == (targets == 1)).all()
