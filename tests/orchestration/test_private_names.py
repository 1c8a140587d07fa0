"""Names without a promise that this project uses: when an upgrade moves one, this fails and says where to look."""

import inspect
from importlib.util import find_spec
from pathlib import Path

import dagster as dg
from dagster._core.definitions.data_version import get_input_data_version_tag, get_input_event_pointer_tag
from dvc.repo import Repo
from dvc.rwlock import _edit_rwlock
from dvc.utils.serialize import _common, _yaml

from dl_assets.orchestration.definitions import PRELOADED


def test_dvc_waits_for_its_lock_when_asked() -> None:
    assert "_wait_for_lock" in inspect.signature(Repo.__init__).parameters


def test_dvc_writes_yaml_through_the_function_that_is_made_atomic() -> None:
    assert _yaml._dump_data is _common._dump_data
    assert "_dump_data(" in inspect.getsource(_yaml.dump_yaml)
    assert "_dump_data(" in inspect.getsource(_common._modify_data)


def test_the_read_write_lock_can_be_edited(tmp_path: Path) -> None:
    assert list(inspect.signature(_edit_rwlock).parameters) == ["lock_dir", "fs", "hardlink"]


def test_dagster_names_its_version_tags_as_the_sensor_does() -> None:
    assert get_input_data_version_tag(dg.AssetKey(["a", "b"])) == "dagster/input_data_version/a/b"
    assert get_input_event_pointer_tag(dg.AssetKey(["a", "b"])) == "dagster/input_event_pointer/a/b"


def test_what_the_steps_have_in_common_is_still_there() -> None:
    """The server that the steps are forked from leaves out in silence what it cannot import."""
    assert [name for name in PRELOADED if find_spec(name) is None] == []
