"""A champion that is replaced while it serves, in this process: what is taken, and what is refused."""

import shutil
from pathlib import Path

import pytest
from operations.serving.champions import certify, put, write_bright

from dl_assets.operations.serving.slot import Slot


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def slot(pets: Path, told: list[str]) -> Slot:
    opened = Slot("champion", pets / "champion", "Promote again.", told.append)
    opened.open()
    return opened


def test_a_new_champion_is_taken_once(pets: Path, slot: Slot, told: list[str]) -> None:
    before = slot.model
    put(write_bright(pets / "new", bright="wolf"), pets / "champion")
    assert slot.refresh() and not slot.refresh()
    assert before and slot.model and slot.model.classes == ["cat", "wolf"]
    assert told == [f"champion: {before.version} -> {slot.model.version}"]


def test_a_champion_that_stays_is_not_opened_again(slot: Slot, told: list[str]) -> None:
    before = slot.model
    assert not slot.refresh() and slot.model is before and told == []


def test_a_champion_that_is_away_for_a_moment_serves_on(pets: Path, slot: Slot, told: list[str]) -> None:
    before = slot.model
    (pets / "champion").rename(pets / "aside")
    assert not slot.refresh() and slot.model is before
    (pets / "aside").rename(pets / "champion")
    assert not slot.refresh() and slot.model is before and told == []


def break_hash(new: Path) -> None:
    (new / "model.onnx").write_bytes((new / "model.onnx").read_bytes() + b"\n")


def break_model(new: Path) -> None:
    (new / "model.onnx").write_bytes(b"no model")
    certify(new)


def break_certificate(new: Path) -> None:
    (new / "certificate.json").write_text("[1, 2]")


def break_answers(new: Path) -> None:
    """Its signature promises another picture than the model takes."""
    signature = new / "signature.json"
    signature.write_text(signature.read_text().replace('"image_size": 8', '"image_size": 9'))


@pytest.mark.parametrize("damage", [break_hash, break_model, break_certificate, break_answers])
def test_a_broken_champion_is_refused_and_told_once_and_the_old_one_serves_on(
    pets: Path, slot: Slot, told: list[str], damage: object
) -> None:
    before = slot.model
    new = write_bright(pets / "new", bright="wolf")
    damage(new)  # type: ignore[operator]
    put(new, pets / "champion")
    assert not slot.refresh() and not slot.refresh()
    assert before and slot.model is before and slot.num_refused == 1
    assert len(told) == 1 and f"a new model is refused, {before.version} serves on. " in told[0]


def test_after_a_broken_champion_the_next_one_is_taken(pets: Path, slot: Slot) -> None:
    new = write_bright(pets / "new", bright="wolf")
    break_hash(new)
    put(new, pets / "champion")
    slot.refresh()
    shutil.rmtree(pets / "new")
    put(write_bright(pets / "new", bright="fox"), pets / "champion")
    assert slot.refresh() and slot.model and slot.model.classes == ["cat", "fox"]
