"""A file in a folder is a name; the keyword-only arguments of its function are the options."""

import subprocess
import sys
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import Field, ValidationError

from dl_assets import registry
from dl_assets.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn


def blur(size: tuple[int, int], *, radius: Annotated[int, Field(ge=1)], sigma: float = 0.5) -> "nn.Module":
    """Blur a picture."""
    raise AssertionError("never called: only its signature matters")


def test_the_files_of_a_folder_are_its_names() -> None:
    assert {"builtin", "folder"} <= set(registry.names("sources"))
    assert not [name for folder in ("tasks", "models") for name in registry.names(folder) if name.startswith("_")]


@pytest.mark.parametrize("folder", ["tasks", "sources", "models"])
def test_every_file_defines_what_it_is_named_after(folder: str) -> None:
    for name in registry.names(folder):
        assert registry.find(folder, name) is not None


def test_every_model_says_what_it_maps() -> None:
    assert all("->" in registry.find("models", name).maps for name in registry.names("models"))


def test_every_task_names_modules_that_exist() -> None:
    for name in registry.names("tasks"):
        task = registry.find("tasks", name)
        assert task.inputs in registry.names("inputs")
        assert task.inputs in registry.names("transforms")
        assert task.targets in registry.names("targets")
        assert task.targets in registry.names("evaluation")


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="source 'foldr' is not known, did you mean 'folder'"):
        registry.find("sources", "foldr")


def test_options_are_the_keyword_only_arguments_and_nothing_else() -> None:
    options: Any = registry.options_of(blur)
    assert set(options.model_fields) == {"radius", "sigma"}
    assert dict(options(radius=2)) == {"radius": 2, "sigma": 0.5}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"radius": 0},
        {"radius": "2"},
        {"radius": 2, "size": 3},
        {"radius": 2, "sigma": float("nan")},
    ],
)
def test_options_are_strict(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        registry.options_of(blur)(**wrong)


@pytest.mark.parametrize(("found", "nearest"), [("TRAIN", "train"), ("trian", "train"), ("xyz", None), (5, None)])
def test_the_nearest_name_forgives_case_and_slips(found: object, nearest: str | None) -> None:
    assert registry.nearest(found, ["train", "test"]) == nearest


def test_data_stages_find_their_modules_without_torch() -> None:
    code = (
        "import sys; from dl_assets import registry; folders = ('tasks', 'sources', 'inputs', 'transforms');"
        "[registry.module(folder, name) for folder in folders for name in registry.names(folder)];"
        "print({'torch', 'albumentations', 'llvmlite', 'matplotlib', 'sklearn'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
