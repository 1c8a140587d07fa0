"""A contest in a folder of its own, for what DVC and Dagster make of promotions; slices are those by class."""

from pathlib import Path

import pytest
from contest import Contest, by_class

from dl_assets.explanations import slicing


@pytest.fixture
def contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Contest:
    monkeypatch.setattr(slicing, "memberships", by_class)  # in these pictures the number of the sample is the brightness
    made = Contest(tmp_path / "w")
    monkeypatch.chdir(made.root)
    return made
