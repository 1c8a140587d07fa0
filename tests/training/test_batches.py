"""Which samples come together in a batch."""

import numpy as np
import pytest

from dl_assets.training.batches import OrderedIndices, ShuffledIndices


@pytest.mark.parametrize(("num_samples", "batch_size"), [(2, 64), (3, 2), (8, 8), (9, 8), (65, 64), (100, 64), (1257, 64)])
def test_every_sample_comes_once_an_epoch_and_never_alone(num_samples, batch_size):
    batches = list(ShuffledIndices(num_samples, batch_size, seed=0))
    assert sorted(np.concatenate(batches)) == list(range(num_samples))
    assert min(map(len, batches)) >= 2
    assert len(batches) == len(ShuffledIndices(num_samples, batch_size, seed=0))


def test_each_epoch_has_another_order_that_the_seed_decides():
    first, second = (np.concatenate(list(indices)) for indices in [ShuffledIndices(50, 8, seed=3)] * 2)
    again = np.concatenate(list(ShuffledIndices(50, 8, seed=3)))
    assert first.tolist() == again.tolist()
    assert first.tolist() != second.tolist()


def test_val_samples_come_in_their_order():
    assert [batch.tolist() for batch in OrderedIndices(5, 2)] == [[0, 1], [2, 3], [4]]
