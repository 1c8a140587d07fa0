"""A model begins with the weights of another, and every layer of both is told."""

import json
import os
import random
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from dl_assets.errors import ArtifactError, DataError
from dl_assets.inference.weights import Layer, Loaded, load_weights
from dl_assets.inference.weights_file import read_tensors
from dl_assets.models.backbone import backbone
from dl_assets.models.cnn import cnn
from dl_assets.sections import Weights

SIZE = (32, 32)


def seeded(seed: int, make: Any, *arguments: Any, **options: Any) -> nn.Module:
    torch.manual_seed(seed)
    return make(*arguments, **options)


@pytest.fixture
def other() -> nn.Module:
    """A network for three channels and ten classes whose batch norms have seen data."""
    model = seeded(1, cnn, 3, 10, width=4).train()
    model(torch.rand(4, 3, 8, 8))
    return model


@pytest.fixture
def file(tmp_path: Path, other: nn.Module) -> Path:
    save_file(other.state_dict(), tmp_path / "other.safetensors")
    return tmp_path / "other.safetensors"


def load(body: nn.Module, path: Path, **options: Any) -> Loaded:
    return load_weights(body, Weights(file=str(path), **options))


def done(loaded: Loaded) -> dict[str, str]:
    return {str(layer.layer or layer.source): layer.done for layer in loaded.layers}


def same(first: nn.Module, second: nn.Module) -> bool:
    states = first.state_dict(), second.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_none_leaves_the_model_as_it_is():
    model = seeded(2, cnn, 3, 10, width=4)
    assert load_weights(model, Weights()).layers == []
    assert same(model, seeded(2, cnn, 3, 10, width=4))


def test_a_file_of_the_same_model_is_taken_over_whole(other, file):
    model = cnn(3, 10, width=4)
    loaded = load(model, file, sha256=sha256(file.read_bytes()).hexdigest().upper())
    assert same(model, other)
    num_layers = len([name for name in other.state_dict() if not name.endswith("num_batches_tracked")])
    assert loaded.counts == {"loaded": num_layers, "adapted": 0, "fresh": 0, "unused": 0}
    assert loaded.about == {"file": str(file), "sha256": sha256(file.read_bytes()).hexdigest()}


def checkpoints(state: dict[str, Tensor]) -> dict[str, Any]:
    return {
        "bare": state,
        "lightning": {"epoch": 3, "state_dict": {f"network.body.{name}": value for name, value in state.items()}},
        "data parallel": {"model": {f"module.{name}": value for name, value in state.items()}, "optimizer": {"lr": 0.1}},
        "averaged": {"state_dict": {name: value + 1 for name, value in state.items()}, "state_dict_ema": state},
    }


@pytest.mark.parametrize("kind", ["bare", "lightning", "data parallel", "averaged"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_is_read_wherever_a_training_program_puts_the_weights(other, tmp_path, kind, zipped):
    content = checkpoints(other.state_dict())[kind]
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    model = cnn(3, 10, width=4)
    assert set(done(load(model, tmp_path / "a.pt")).values()) == {"loaded"}
    assert same(model, other)


@pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 3), (3, 4)])
def test_a_first_convolution_for_other_channels_answers_alike_to_grey(tmp_path, before, after):
    source = seeded(1, cnn, before, 10, width=4)
    torch.save(source.state_dict(), tmp_path / "a.pt")
    model = cnn(after, 10, width=4)
    layer = load(model, tmp_path / "a.pt").layers[0]
    assert layer == Layer("stages.0.widen.0.weight", "stages.0.widen.0.weight", (4, before, 3, 3), (4, after, 3, 3), "adapted")
    if (before, after) != (3, 4):  # of four channels timm counts one twice
        grey = torch.rand(2, 1, 8, 8)
        found = model.eval()(grey.expand(-1, after, -1, -1))
        assert torch.allclose(found, source.eval()(grey.expand(-1, before, -1, -1)), atol=1e-5)


def test_a_head_for_other_outputs_stays_fresh_and_all_else_is_loaded(file, other):
    model = seeded(5, cnn, 3, 4, width=4)
    loaded = load(model, file)
    assert [layer.layer for layer in loaded.layers if layer.done == "fresh"] == ["head.1.weight", "head.1.bias"]
    assert Layer("head.1.bias", "head.1.bias", (10,), (4,), "fresh") in loaded.layers
    assert torch.equal(model.head[1].weight, seeded(5, cnn, 3, 4, width=4).head[1].weight)
    assert same(model.stages, other.stages)


def test_layers_that_one_of_the_two_does_not_have_are_told(file):
    deeper = done(load(cnn(3, 10, width=4, depth=3), file))
    assert deeper["stages.1.widen.0.weight"] == "loaded"
    assert deeper["stages.2.widen.0.weight"] == "fresh"
    shallower = load(cnn(3, 10, width=4, depth=1), file)
    assert Layer(None, "stages.1.widen.0.weight", (8, 4, 3, 3), None, "unused") in shallower.layers


def test_weights_of_half_precision_are_taken_over(other, tmp_path):
    save_file({name: value.half() for name, value in other.state_dict().items()}, tmp_path / "a.safetensors")
    model = cnn(3, 10, width=4)
    load(model, tmp_path / "a.safetensors")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert torch.allclose(model.head[1].weight, other.head[1].weight, atol=1e-3)


def test_a_vit_for_another_size_gets_its_positions_resized(tmp_path):
    source = seeded(1, backbone, 3, 1000, (160, 160), architecture="test_vit")
    save_file(source.state_dict(), tmp_path / "vit.safetensors")
    model = backbone(1, 5, (64, 64), architecture="test_vit", stem="small")
    loaded = load(model, tmp_path / "vit.safetensors")
    assert {name for name, what in done(loaded).items() if what != "loaded"} == {
        "pos_embed",
        "patch_embed.proj.weight",
        "head.weight",
        "head.bias",
    }
    positions = next(layer for layer in loaded.layers if layer.layer == "pos_embed")
    assert (positions.found, positions.needed, positions.done) == ((1, 101, 64), (1, 257, 64), "adapted")
    assert torch.equal(model.cls_token, source.cls_token)


def test_weights_of_another_model_are_an_error_that_says_so(file, tmp_path):
    with pytest.raises(DataError, match=r"other\.safetensors\) are of another model: they fit 0% .* Take weights of the same"):
        load(backbone(3, 10, SIZE, architecture="test_resnet"), file)
    with pytest.raises(DataError, match="are of another model"):
        load(cnn(3, 10, width=8), file)


# ---- another pipeline ------------------------------------------------------------------------------------------


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: nn.Module) -> str:
    """The pipeline `photos`, which has made its model."""
    folder = tmp_path / "data" / "photos" / "model"
    folder.mkdir(parents=True)
    state = {"preprocess.scale": torch.ones(3, 1, 1), **{f"body.{name}": value for name, value in other.state_dict().items()}}
    torch.save({"state_dict": state, "hyper_parameters": {"task": "image_classification"}}, folder / "model.ckpt")
    (folder / "card.json").write_text(json.dumps({"classes": [f"class {number}" for number in range(10)]}))
    monkeypatch.chdir(tmp_path)
    return "photos"


def test_the_model_of_another_pipeline_is_taken_over(pipeline, other):
    model = cnn(3, 10, width=4)
    loaded = load_weights(model, Weights(pipeline=pipeline), [f"class {number}" for number in range(10)])
    assert same(model, other)
    assert loaded.counts["unused"] == 0
    assert loaded.as_json()["from"]["pipeline"] == "photos"
    assert json.loads(json.dumps(loaded.as_json()))["layers"][0]["done"] == "loaded"


def test_a_head_that_answers_other_classes_stays_fresh(pipeline):
    loaded = load_weights(cnn(3, 10, width=4), Weights(pipeline=pipeline), [f"other {number}" for number in range(10)])
    assert [layer.layer for layer in loaded.layers if layer.done == "fresh"] == ["head.1.weight", "head.1.bias"]


def test_a_pipeline_that_has_made_no_model_is_told(pipeline):
    Path("data/photos/model/model.ckpt").unlink()
    with pytest.raises(ArtifactError, match=r"model\.ckpt does not exist.* Make it first: dl run photos"):
        load_weights(cnn(3, 10), Weights(pipeline=pipeline))


# ---- broken files ----------------------------------------------------------------------------------------------


def test_another_sha256_is_told_with_the_one_found(file):
    with pytest.raises(DataError, match=rf"has the sha256 {sha256(file.read_bytes()).hexdigest()}, but {'0' * 64} is expected"):
        load(cnn(3, 10), file, sha256="0" * 64)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DataError, match=r"none\.pt does not exist"):
        load(cnn(3, 10), tmp_path / "none.pt")


@pytest.mark.parametrize("suffix", ["safetensors", "pt", "pth"])
@pytest.mark.parametrize("keep", [0, 1, 5, 200, 0.5, 0.98])
def test_a_file_that_was_not_received_whole_is_told(other, tmp_path, suffix, keep):
    path = tmp_path / f"a.{suffix}"
    if suffix == "safetensors":
        save_file(other.state_dict(), path)
    else:
        torch.save(other.state_dict(), path, _use_new_zipfile_serialization=suffix == "pt")
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(len(content) * keep)])
    with pytest.raises(DataError, match=rf"a\.{suffix} cannot be read .* get it again"):
        load(cnn(3, 10), path)


@pytest.mark.parametrize("seed", range(8))
def test_a_file_of_noise_is_told(tmp_path, seed):
    path = tmp_path / "noise.pth"
    path.write_bytes(torch.randint(0, 256, (4000,), generator=torch.Generator().manual_seed(seed)).byte().numpy().tobytes())
    with pytest.raises(DataError, match=r"noise\.pth cannot be read"):
        load(cnn(3, 10), path)


@pytest.mark.parametrize("kind", ["safetensors", "zip", "old"])
def test_of_a_file_with_wrong_bytes_nothing_worse_comes_than_the_error_that_names_it(tmp_path, kind):
    path, rng = tmp_path / "a.pt", random.Random(17)
    if kind == "safetensors":
        save_file({"bias": torch.ones(3)}, path)
    else:
        torch.save({"bias": torch.ones(3)}, path, _use_new_zipfile_serialization=kind == "zip")
    whole, told = path.read_bytes(), 0
    for _ in range(60):
        broken = bytearray(whole)
        for _ in range(8):
            broken[rng.randrange(len(whole))] = rng.randrange(256)
        path.write_bytes(broken)
        try:
            read_tensors(path)
        except DataError as error:
            told += str(path) in str(error)
    assert told > 20


class Malicious:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_named_and_not_run(tmp_path, zipped):
    torch.save({"state_dict": Malicious(str(tmp_path / "ran"))}, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(DataError, match=r"a\.pt (holds code \(posix\.mkdir\)|cannot be read)"):
        load(cnn(3, 10), tmp_path / "a.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [{}, [], {"epoch": 3}, {"state_dict": {}}, torch.ones(3)])
def test_a_file_without_weights_is_told(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(DataError, match=r"a\.pt holds no weights"):
        load(cnn(3, 10), tmp_path / "a.pt")
