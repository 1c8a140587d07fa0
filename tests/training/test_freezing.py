"""What is frozen does not move, in its weights nor in its statistics; what is not, learns."""

from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from dl_assets.inference.layers import head_of, layer_groups
from dl_assets.models.backbone import backbone
from dl_assets.models.cnn import cnn
from dl_assets.training.freezing import Freezing, layer_factors

State = dict[str, Tensor]


class Tiny(pl.LightningModule):
    """Learns eight pictures, and keeps the state of the body after every epoch."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body, self.states = body, [self._copy(body)]

    @staticmethod
    def _copy(body: nn.Module) -> State:
        return {name: value.clone() for name, value in body.state_dict().items() if not name.endswith("num_batches_tracked")}

    def training_step(self, batch: list[Tensor], batch_index: int) -> Tensor:
        return functional.cross_entropy(self.body(batch[0]), batch[1])

    def validation_step(self, batch: list[Tensor], batch_index: int) -> None:
        assert not any(module.training for module in self.body.modules())

    def on_train_epoch_end(self) -> None:
        self.states.append(self._copy(self.body))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=1e-2, weight_decay=0.1)


def batches() -> DataLoader[Any]:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(8, 3, 16, 16, generator=generator)
    return DataLoader(list(zip(pixels, torch.arange(8) % 4, strict=True)), batch_size=4)


def train(body: nn.Module, epochs: int, resume: str | None = None, **options: Any) -> tuple[Tiny, pl.Trainer]:
    learner = Tiny(body)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        val_check_interval=0.5,  # validation in the middle of an epoch puts everything into eval mode and back
        callbacks=[Freezing(body, **options)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(learner, batches(), batches(), ckpt_path=resume)
    return learner, trainer


def make_cnn() -> nn.Module:
    torch.manual_seed(0)
    return cnn(3, 4, (16, 16), width=4, depth=3)


def make_backbone() -> nn.Module:
    torch.manual_seed(0)
    return backbone(3, 4, (16, 16), architecture="test_resnet")


def moved(before: State, after: State) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("make", [make_cnn, make_backbone])
def test_the_head_learns_alone_and_then_everything(make):
    body = make()
    states = train(body, 3, freeze_epochs=2)[0].states
    assert moved(states[0], states[1]) == set(head_of(body))
    assert moved(states[1], states[2]) == set(head_of(body))
    assert moved(states[2], states[3]) == set(states[0])


def test_of_the_last_groups_and_the_head_the_statistics_move_too_and_of_no_others():
    body = make_cnn()
    states = train(body, 2, freeze_epochs=1, unfreeze="last_1")[0].states
    assert moved(states[1], states[2]) == {name for name in states[0] if name.startswith(("stages.2.", "head."))}


def test_without_epochs_of_freezing_the_last_groups_learn_from_the_start():
    states = train(make_cnn(), 1, freeze_epochs=0, unfreeze="last_2")[0].states
    assert moved(states[0], states[1]) == {name for name in states[0] if not name.startswith("stages.0.")}


def test_dropout_works_in_the_head_and_not_in_what_is_frozen():
    body = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.5)), nn.Flatten(), nn.Dropout(0.5), nn.Linear(784, 4))
    train(body, 1, freeze_epochs=1)
    assert (body[0][1].training, body[2].training, body.training) == (False, True, True)


@pytest.mark.parametrize("stopped_after", [1, 2])
def test_a_training_that_goes_on_from_a_checkpoint_ends_as_one_that_was_not_stopped(tmp_path, stopped_after):
    options = {"freeze_epochs": 2, "unfreeze": "last_2"}
    whole = train(make_cnn_without_dropout(), 4, **options)[0].states[-1]
    _, trainer = train(make_cnn_without_dropout(), stopped_after, **options)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    resumed = train(make_cnn_without_dropout(), 4, resume=str(tmp_path / "last.ckpt"), **options)[0].states[-1]
    assert moved(whole, resumed) == set()


def make_cnn_without_dropout() -> nn.Module:
    torch.manual_seed(0)
    return cnn(3, 4, (16, 16), width=4, depth=3, dropout=0.0)


@pytest.mark.parametrize("make", [make_cnn, make_backbone])
def test_every_parameter_has_a_factor_that_falls_from_the_head_to_the_input(make):
    body = make()
    factors = layer_factors(body, 0.5)
    assert set(factors) == {name for name, _ in body.named_parameters()}
    assert {factors[name] for name in head_of(body)} == {1.0}
    found = [{factors[name] for name in group} for group in layer_groups(body)]
    assert found == [{0.5 ** (len(found) - number)} for number in range(len(found))]


def test_without_decay_every_factor_is_one():
    assert set(layer_factors(make_cnn(), 1.0).values()) == {1.0}
