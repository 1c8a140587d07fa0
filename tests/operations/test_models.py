"""What `dl models` tells."""

import json

import pytest

from dl_assets import registry
from dl_assets.errors import ConfigError
from dl_assets.models.cnn import cnn
from dl_assets.operations.models import print_models


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_every_model_is_listed_with_what_it_fits_and_its_size(capsys: pytest.CaptureFixture[str]) -> None:
    print_models(None, None, as_json=True)
    models = {model["name"]: model for model in json.loads(capsys.readouterr().out)["models"]}
    assert set(models) == set(registry.names("models"))
    assert models["cnn"]["parameters"] == sum(parameter.numel() for parameter in cnn(3, 10).parameters())
    assert models["cnn"]["maps"] == "image->vector"
    assert "image_classification" in models["cnn"]["tasks"]
    assert (models["cnn"]["options"]["width"]["default"], models["cnn"]["options"]["width"]["maximum"]) == (32, 256)


@pytest.mark.parametrize(("name", "like"), [(None, None), ("cnn", None), ("backbone", None), ("backbone", "resnet10*")])
def test_a_table_fits_into_80_columns(name: str | None, like: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    print_models(name, like, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) > 3


def test_the_options_of_a_model_come_with_defaults_bounds_and_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    print_models("cnn", None, as_json=False)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("width 32 4 to 256 channels of the first stage") for line in lines)
    assert any(line.startswith("dropout 0.1 0 to below 1 share of features") for line in lines)


def test_architectures_are_found_by_a_pattern_with_size_and_published_weights(capsys: pytest.CaptureFixture[str]) -> None:
    print_models(None, "resnet18*", as_json=True)
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)["architectures"]}
    assert set(found) == {"resnet18", "resnet18d"}
    assert (found["resnet18"]["parameters"], found["resnet18"]["made_for_px"]) == (11_181_642, 224)
    assert "resnet18.a1_in1k" in found["resnet18"]["weights"]


@pytest.mark.parametrize(
    ("name", "like", "says"),
    [
        ("cn", None, "model 'cn' is not known, did you mean 'cnn'"),
        ("cnn", "x", "model 'cnn' has no architectures to choose from"),
        ("backbone", "zzz*", r"no architecture fits 'zzz\*'"),
    ],
)
def test_a_wrong_question_is_told(name: str, like: str | None, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        print_models(name, like, as_json=False)
