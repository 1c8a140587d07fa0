"""MixUp and CutMix give each sample of a batch a share of another one, and its loss the same share of the other's target."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from dl_assets.training.mixing import Mixing

SHOWN = torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 2, 20, 30).contiguous()  # sample i is i everywhere


def mixes(mixing, count=200, epoch=0):
    return [mixing(SHOWN, epoch=epoch, batch_index=index) for index in range(count)]


def test_mixup_lays_a_share_of_one_sample_over_another():
    for mixed in mixes(Mixing(mixup=1.0, share=1.0), 20):
        expected = mixed.own_share * SHOWN + (1 - mixed.own_share) * SHOWN[mixed.partner]
        torch.testing.assert_close(mixed.shown, expected)


def test_cutmix_puts_a_rectangle_of_one_sample_on_another():
    for mixed in mixes(Mixing(cutmix=1.0, share=1.0), 50):
        own = (mixed.shown == SHOWN).all(dim=1)  # [B, H, W]
        moved = own[mixed.partner != torch.arange(6)]
        assert (mixed.shown[~own.unsqueeze(1).expand_as(mixed.shown)] % 1 == 0).all(), "nothing is blended"
        assert moved.float().mean().item() == pytest.approx(mixed.own_share, abs=1e-6)
        patch = ~moved[0]
        rows, columns = patch.any(dim=1).sum(), patch.any(dim=0).sum()
        assert patch.sum() == rows * columns
        torch.testing.assert_close(torch.where(own.unsqueeze(1), SHOWN, SHOWN[mixed.partner]), mixed.shown)


@pytest.mark.parametrize(("alpha", "deviation"), [(0.2, 0.423), (1.0, 0.289)])
def test_the_shares_are_beta_distributed(alpha, deviation):
    shares = [mixed.own_share for mixed in mixes(Mixing(mixup=alpha, share=1.0), 2000)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
    assert np.std(shares) == pytest.approx(deviation, abs=0.02)  # 1 / sqrt(4 (2 alpha + 1))


def test_both_methods_come_equally_often_to_the_share_of_the_batches():
    found = mixes(Mixing(mixup=1.0, cutmix=1.0, share=0.6), 1000)
    mixed = [one for one in found if one.own_share < 1]
    blended = [one for one in mixed if (one.shown % 1 != 0).any()]
    assert len(mixed) / len(found) == pytest.approx(0.6, abs=0.05)
    assert len(blended) / len(mixed) == pytest.approx(0.5, abs=0.06)


def test_seed_epoch_and_batch_decide():
    def drawn(seed, epoch, batch_index):
        return Mixing(mixup=1.0, share=1.0, seed=seed)(SHOWN, epoch=epoch, batch_index=batch_index).own_share

    assert drawn(1, 2, 3) == drawn(1, 2, 3)
    assert len({drawn(1, 2, 3), drawn(2, 2, 3), drawn(1, 3, 3), drawn(1, 2, 4)}) == 4


def test_nothing_is_mixed_unless_it_is_asked_for():
    assert all(mixed.shown is SHOWN and mixed.own_share == 1 for mixed in mixes(Mixing(), 20))


def test_the_samples_are_not_written_to():
    before = SHOWN.clone()
    mixes(Mixing(mixup=1.0, cutmix=1.0, share=1.0), 20)
    assert torch.equal(before, SHOWN)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_small_last_batch_is_mixed_too(size):
    for mixed in (Mixing(cutmix=1.0, share=1.0)(SHOWN[:size], epoch=0, batch_index=index) for index in range(10)):
        assert mixed.shown.shape == (size, 2, 20, 30) and mixed.partner.sort().values.tolist() == list(range(size))


def test_the_loss_is_that_of_the_mixed_one_hot_targets():
    torch.manual_seed(0)
    logits, encoded = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    mixed = Mixing(mixup=1.0, share=1.0)(SHOWN, epoch=0, batch_index=0)
    one_hot = functional.one_hot(encoded, 4).float()
    both = mixed.own_share * one_hot + (1 - mixed.own_share) * one_hot[mixed.partner]
    found = mixed.loss(lambda targets: functional.cross_entropy(logits, targets), encoded)
    torch.testing.assert_close(found, functional.cross_entropy(logits, both))
