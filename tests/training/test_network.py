"""A model folder is read back, or refused with the file's name."""

import json

import pytest
import torch

from dl_assets.errors import ArtifactError
from dl_assets.inference.network import load_network


def test_a_network_read_back_answers_with_probabilities(fitted):
    network = load_network(fitted(epochs=1)[0])
    answer = network.probabilities(torch.zeros((3, 8, 8, 1), dtype=torch.uint8))
    assert answer.shape == (3, 2)
    assert answer.sum(dim=1).tolist() == pytest.approx([1, 1, 1])
    assert not network.training


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut short"])
def test_a_broken_checkpoint_is_named(fitted, content):
    folder, _ = fitted(epochs=1)
    (folder / "model.ckpt").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"model\.ckpt"):
        load_network(folder)


def test_a_truncated_checkpoint_is_named(fitted):
    folder, _ = fitted(epochs=1)
    whole = (folder / "model.ckpt").read_bytes()
    (folder / "model.ckpt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtifactError, match=r"model\.ckpt"):
        load_network(folder)


def test_a_checkpoint_that_holds_code_is_not_run(fitted, tmp_path):
    folder, _ = fitted(epochs=1)
    torch.save({"state_dict": Malicious(str(tmp_path / "ran"))}, folder / "model.ckpt")
    with pytest.raises(ArtifactError, match=r"model\.ckpt"):
        load_network(folder)
    assert not (tmp_path / "ran").exists()


class Malicious:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_checkpoint_of_another_model_is_refused(fitted):
    folder, _ = fitted(epochs=1)
    card = json.loads((folder / "card.json").read_text())
    card["model"]["options"]["width"] = 16
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ArtifactError, match=r"model\.ckpt does not hold the weights"):
        load_network(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"name": "cnnn", "options": {}}},
        {"task": "image_clasification"},
        {"model": {"name": "cnn", "options": {"depht": 1}}},
        {"model": None},
    ],
)
def test_a_card_that_describes_no_known_model_is_refused(fitted, change):
    folder, _ = fitted(epochs=1)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | change))
    with pytest.raises(ArtifactError, match=r"card\.json"):
        load_network(folder)


def test_a_missing_checkpoint_is_named(fitted):
    folder, _ = fitted(epochs=1)
    (folder / "model.ckpt").unlink()
    with pytest.raises(ArtifactError, match=r"model\.ckpt does not exist"):
        load_network(folder)
