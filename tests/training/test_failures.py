"""What ends a training is told with what to do about it."""

import pytest
import torch

from dl_assets.errors import PipelineError
from dl_assets.training.failures import told_memory


def test_the_end_of_a_gpus_memory_says_which_batch_size_to_try():
    remedy = r"full with train\.batch_size: 64 .*CUDA out of memory.* Set train\.batch_size: 32 and train\.accumulate: 2"
    with pytest.raises(PipelineError, match=remedy), told_memory(batch_size=64, accumulate=1):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nSee documentation")


def test_the_end_of_the_machines_memory_says_so_too():
    with pytest.raises(PipelineError, match=r"batch_size: 16 and train\.accumulate: 4"), told_memory(32, 2):
        torch.empty(2**60, dtype=torch.uint8)


def test_a_batch_that_cannot_be_halved_asks_for_a_smaller_model():
    with pytest.raises(PipelineError, match="a smaller model"), told_memory(batch_size=2, accumulate=1):
        raise torch.OutOfMemoryError("CUDA out of memory.")


def test_other_errors_come_through_as_they_are():
    with pytest.raises(RuntimeError, match="shapes") as told, told_memory(64, 1):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    assert not isinstance(told.value, PipelineError)


def test_a_loss_that_is_no_number_names_epoch_step_and_rate_and_what_to_lower(fitted):
    with pytest.raises(PipelineError, match=r"train loss became \w+ in epoch 1, step \d+, at a learning rate of \d"):
        fitted(learning_rate=1e30, warmup_epochs=0.0, optimizer="sgd")
