"""A contest in a folder of its own, for what DVC and Dagster make of promotions; slices are those by class."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from contest import Contest, by_class


@pytest.fixture
def contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Contest:
    monkeypatch.setitem(sys.modules, "dl_assets.explanations.slicing", SimpleNamespace(memberships=by_class))
    made = Contest(tmp_path / "w")
    monkeypatch.chdir(made.root)
    return made
