"""Dagster keeps its history in PostgreSQL, with the settings that the documentation gives for it."""

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg
import pytest
from dagster._core.instance import InstanceRef
from postgresql import PASSWORD, server
from workspace import REPOSITORY

from dl_assets.orchestration.definitions import build_definitions

pytest.importorskip("dagster_postgres", reason="pip install 'dl-assets[postgres]'")
RAW = dg.AssetKey(["digits", "raw"])


def test_a_run_and_what_the_sensor_tells_are_in_the_database(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy2(REPOSITORY / "docs/deploy/dagster.yaml", workspace.root / "dagster.yaml")
    monkeypatch.chdir(workspace.root)
    repository = build_definitions(Path.cwd()).get_repository_def()
    with server() as port:
        monkeypatch.setenv(
            "DAGSTER_POSTGRES_URL", f"postgresql+psycopg2://ada:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/postgres"
        )
        place = InstanceRef.from_dir(str(workspace.root), config_dir=str(workspace.root))
        with dg.DagsterInstance.from_ref(place) as instance:
            job = repository.get_job("digits")
            assert job.execute_in_process(instance=instance, asset_selection=[RAW]).success
        workspace.call("dl", "run", "digits", "clean")
        with dg.DagsterInstance.from_ref(place) as instance:  # which reads it back from the server
            [run] = instance.get_runs()
            assert run.is_success
            assert instance.get_latest_materialization_event(RAW).run_id == run.run_id
            context = dg.build_sensor_context(instance=instance, repository_def=repository)
            [told] = [
                event.asset_key
                for event in repository.get_sensor_def("dvc_lock").evaluate_tick(context).asset_events
                if isinstance(event, dg.AssetMaterialization)
            ]
            assert told == dg.AssetKey(["digits", "clean"])
    assert not list((workspace.root / ".dagster").rglob("*.db"))
