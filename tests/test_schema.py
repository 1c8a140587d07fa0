"""The JSON schema accepts what the project accepts, and an editor sees the usual mistakes."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from dl_assets.config import SECTIONS, load_pipeline, read_yaml
from dl_assets.schema import pipeline_schema

SHIPPED = sorted(path for path in (Path(__file__).parents[1] / "pipelines").glob("*.yaml") if path.name != "index.yaml")


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = pipeline_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def document() -> dict[str, Any]:
    return {
        "task": "image_classification",
        "source": {"kind": "builtin", "name": "digits"},
        "clean": {"image_size": 8, "channels": 1},
        "split": {},
        "augment": ["HorizontalFlip", {"Affine": {"rotate": [-12, 12], "scale": [0.9, 1.1]}}],
        "model": {"name": "cnn"},
        "train": {"epochs": 20},
        "evaluate": None,
        "export": {},
        "schedule": {"cron": "0 3 * * 1"},
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_pipeline_is_valid(validator: Any, path: Path) -> None:
    assert list(validator.iter_errors(read_yaml(path))) == []


def test_a_good_document_is_valid(validator: Any, document: dict[str, Any]) -> None:
    assert list(validator.iter_errors(document)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"trian": {}},
        {"task": "image_clasification"},
        {"task": None},
        {"source": {"kind": "folder"}},
        {"source": {"kind": "foldr", "path": "x"}},
        {"source": {"name": "digits"}},
        {"source": None},
        {"clean": {"img_size": 8}},
        {"clean": {"channels": 2}},
        {"clean": {"max_rejected": 2}},
        {"clean": []},
        {"split": {"train": 1.5}},
        {"split": {"stratify": "yes"}},
        {"augment": "mediun"},
        {"augment": {"preset": "mediun"}},
        {"augment": {"mixup": -1}},
        {"augment": {"HorizontalFlip": {}}},
        {"augment": {"transforms": ["Flip"]}},
        {"augment": ["Flip"]},
        {"augment": ["Normalize"]},
        {"augment": [{"Affine": {}, "HorizontalFlip": {}}]},
        {"augment": [{"Affine": {"rotat": 1}}]},
        {"augment": [{"SubPixelAffine": {"scale": [1]}}]},
        {"augment": [{"HorizontalFlip": {"p": 2}}]},
        {"augment": [{"OneOf": {"transforms": ["Flip"]}}]},
        {"augment": [{}]},
        {"model": {"name": "cn"}},
        {"model": {"name": "cnn", "widht": 8}},
        {"model": "cnn"},
        {"model": {"name": "cnn", "weights": "imagenet"}},
        {"model": {"name": "cnn", "weights": {"file": "a.pt", "sha256": "abc"}}},
        {"model": {"name": "cnn", "weights": {"file": "a.pt", "hub": "b"}}},
        {"model": {"name": "cnn", "weights": {"url": "https://example.org"}}},
        {"model": {"name": "cnn", "activation": "rleu"}},
        {"model": {"name": "cnn", "kernel": 4}},
        {"model": {"name": "backbone", "width": 8}},
        {"train": {"epochs": "ten"}},
        {"train": {"epochs": 0}},
        {"train": {"epochs": 2.5}},
        {"train": {"epoch": 3}},
        {"schedule": {"cron": 5}},
    ],
    ids=str,
)
def test_a_typical_mistake_is_not_valid(validator: Any, document: dict[str, Any], change: dict[str, Any]) -> None:
    assert list(validator.iter_errors({**document, **change}))


@pytest.mark.parametrize(
    "augment",
    [
        None,
        [],
        "medium",
        {"preset": "light", "mixup": 0.2},
        {"transforms": [{"RandomCrop": None}], "copies": 2},
        [{"OneOf": {"transforms": ["Blur", {"GaussNoise": {"p": 1}}]}}],
    ],
    ids=str,
)
def test_every_form_of_augment_is_valid(validator: Any, document: dict[str, Any], augment: Any) -> None:
    assert list(validator.iter_errors({**document, "augment": augment})) == []


@pytest.mark.parametrize(
    "options",
    [
        {"weights": "none"},
        {"weights": {"file": "a.pt", "sha256": "0" * 64}},
        {"weights": {"hub": "resnet18.a1_in1k"}},
        {"weights": {"pipeline": "photos"}},
        {"padding": "same", "hidden": [64, 32]},
        {"padding": 0},
    ],
    ids=str,
)
def test_every_form_of_weights_and_of_the_options_of_a_model_is_valid(
    validator: Any, document: dict[str, Any], options: dict[str, Any]
) -> None:
    assert list(validator.iter_errors({**document, "model": {"name": "cnn", **options}})) == []


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_is_required_and_explained(validator: Any, document: dict[str, Any], section: str) -> None:
    del document[section]
    assert list(validator.iter_errors(document))
    assert validator.schema["properties"][section]["description"]


def test_the_defaults_shown_are_those_that_apply(validator: Any, tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "p.yaml").write_text(
        "\n".join(
            [
                "task: image_classification",
                "source: {kind: builtin, name: digits}",
                "augment: []",
                "model: {name: cnn}",
                *(f"{name}: {{}}" for name in ("clean", "split", "train", "evaluate", "export", "schedule")),
            ]
        )
    )
    pipeline = load_pipeline("p", tmp_path).check()
    for section in ("clean", "split", "train", "evaluate", "export", "schedule"):
        shown = {name: option["default"] for name, option in validator.schema["properties"][section]["properties"].items()}
        applied = getattr(pipeline, section)
        if section == "clean":  # shown is what any kind of input offers
            shown = {name: default for name, default in shown.items() if name in type(applied).model_fields}
        assert type(applied).model_validate_json(json.dumps(shown)) == applied
        assert set(shown) == set(applied.model_dump())


@pytest.mark.parametrize("value", ["adamw", "{name: sgd, momentum: 0.5}"])
def test_an_optimizer_is_a_name_or_a_mapping(validator: Any, value: str) -> None:
    assert complaints(validator, f"optimizer: {value}") == []


@pytest.mark.parametrize("value", ["adamm", "{name: sgd, beta1: 0.5}", "{momentum: 0.5}", "3"])
def test_what_is_no_optimizer_is_marked(validator: Any, value: str) -> None:
    assert complaints(validator, f"optimizer: {value}") != []


def complaints(validator: Any, train: str) -> list[Any]:
    section = validator.schema["properties"]["train"]
    return list(validator.evolve(schema=section).iter_errors(YAML(typ="safe").load(f"{{{train}}}")))


def test_a_kind_and_a_transform_are_explained_by_their_docstring(validator: Any) -> None:
    properties = validator.schema["properties"]
    choices = [*properties["source"]["oneOf"], *properties["model"]["oneOf"]]
    assert all(choice["description"].endswith(".") for choice in choices)
    assert all(
        option["description"]
        for choice in validator.schema["$defs"]["transform"]["oneOf"][1:]
        for option in choice["properties"].values()
    )
