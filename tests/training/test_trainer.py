"""What the Trainer is told of exact repetition."""

import pytest
import torch

from dl_assets.config import Train
from dl_assets.training.plan import Plan
from dl_assets.training.trainer import make_trainer


@pytest.mark.parametrize("deterministic", [False, True])
def test_only_who_asks_for_exact_repetition_pays_for_memory_that_is_filled(
    monkeypatch: pytest.MonkeyPatch, deterministic: bool
) -> None:
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", not deterministic)
    make_trainer(Train(deterministic=deterministic), Plan(1, 0, 1e-3, 32, False), [], None)
    assert torch.utils.deterministic.fill_uninitialized_memory is deterministic  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(mode=False)  # which the Trainer has set for the whole process
