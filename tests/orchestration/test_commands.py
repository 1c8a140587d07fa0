"""Dagster's own commands and its GraphQL interface work on the definitions."""

import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from webserver import Webserver, opened
from workspace import DIGITS, Workspace, copy_of, wait_for

MODULE = ("-m", "dl_assets.orchestration.definitions")


def test_the_definitions_are_valid(workspace: Any) -> None:
    assert (
        "All code locations passed validation"
        in workspace.run("dagster", "definitions", "validate", "-w", "workspace.yaml").stdout
    )


HEAVY = ("torch", "pytorch_lightning", "albumentations", "sklearn", "matplotlib", "pandera")


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("definitions", HEAVY),  # loaded by the UI, the daemon and every run
        ("doors", (*HEAVY, "dagster", "polars")),  # `dl run`
        ("reproduce", (*HEAVY, "dagster", "polars")),  # what starts DVC
    ],
)
def test_what_only_starts_others_imports_nothing_heavy(workspace: Any, module: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, dl_assets.orchestration.{module}; print([m for m in {heavy} if m in sys.modules])"
    assert workspace.run(sys.executable, "-c", code).stdout.strip().endswith("[]")


def test_a_job_is_executed_from_the_command_line(workspace: Any) -> None:
    workspace.run("dagster", "job", "execute", *MODULE, "-j", "digits", "--op-selection", "*digits__augment")
    made = {path.name for path in (workspace.root / "data" / "digits").iterdir()}
    assert made == {"raw", "clean", "parts", "augmented", "reports"}


def test_a_selection_string_materialises_an_asset_and_all_above_it(workspace: Any) -> None:
    workspace.run("dagster", "asset", "materialize", *MODULE, "--select", '+key:"digits/parts"')
    made = {path.name for path in (workspace.root / "data" / "digits").iterdir()}
    assert made == {"raw", "clean", "parts", "reports"}


@pytest.fixture(scope="module")
def webserver(ran_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webserver]:
    """The model has to be trained."""
    workspace = copy_of(ran_once, tmp_path_factory.mktemp("ui") / "w")
    workspace.edit_pipeline("digits", "learning_rate: 3.0e-3", "learning_rate: 2.0e-3")
    with opened(workspace) as server:
        yield server


def test_a_run_launched_through_graphql_succeeds_and_shows_every_epoch(webserver: Webserver) -> None:
    run_id = webserver.launch("digits")
    wait_for(lambda: webserver.status(run_id) in ("SUCCESS", "FAILURE"), 240, "the run to end")
    assert webserver.status(run_id) == "SUCCESS"
    assert webserver.workspace.dvc_is_clean()
    events = webserver.ask(
        """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events { __typename
        ... on ObservationEvent { assetKey { path } metadataEntries { label } } } } } }""",
        id=run_id,
    )["logsForRun"]["events"]
    epochs = [
        event
        for event in events
        if event["__typename"] == "ObservationEvent" and event["assetKey"]["path"] == ["digits", "model"]
    ]
    assert len(epochs) == 2
    assert "val_accuracy" in {entry["label"] for entry in epochs[0]["metadataEntries"]}


def test_an_edit_of_a_parameter_turns_the_asset_stale_in_the_running_ui(webserver: Webserver) -> None:
    webserver.workspace.run("dl", "run", "digits")
    wait_for(lambda: webserver.stale()["digits/model"] == "FRESH", 60, "the model to be fresh")
    webserver.workspace.edit_pipeline("digits", "epochs: 2", "epochs: 3")
    wait_for(lambda: webserver.stale()["digits/model"] == "STALE", 60, "the sensor to reload the definitions")
    webserver.workspace.run("dvc", "repro")
    wait_for(lambda: set(webserver.stale().values()) == {"FRESH"}, 60, "the sensor to report what dvc repro did")


def test_terminate_leaves_no_process_behind(webserver: Webserver) -> None:
    workspace = webserver.workspace
    workspace.write_pipeline("long", DIGITS.replace("epochs: 2", "epochs: 2000, early_stopping: 0"))
    workspace.call("dl", "sync")
    wait_for(lambda: "long/model" in webserver.stale(), 60, "the new pipeline to appear")
    run_id = webserver.launch("long")
    wait_for(lambda: workspace.processes("dl_assets stage train"), 120, "training to start")
    time.sleep(2)
    webserver.terminate(run_id)
    wait_for(lambda: webserver.status(run_id) == "CANCELED", 60, "the run to be cancelled")
    wait_for(
        lambda: not workspace.processes("dl_assets stage") and not workspace.processes("reproduce"), 20, "the stage to end"
    )
    assert not (workspace.root / "data" / "long" / "model").exists()
