"""A training that is stopped in the middle, and what must hold afterwards."""

from typing import Any

from workspace import wait_for

LONG = "epochs: 2000, early_stopping: 0"  # nothing but the interruption may end it
DVC = ("dl", "run", "digits", "train")
DAGSTER = (*DVC, "--dagster")


def start_training(workspace: Any, *command: str) -> Any:
    """Start a run that would train for a very long time, and return when it has finished its first epochs."""
    workspace.edit_pipeline("digits", "epochs: 2", LONG)
    process = workspace.start(*command)
    history = workspace.root / "data/.tmp/digits/train.checkpoints/history.csv"
    wait_for(
        lambda: (history.is_file() and len(history.read_text().splitlines()) > 2) or process.poll() is not None,
        what="training to start",
    )
    assert process.poll() is None, process.stdout.read()
    return process


def completes_after(workspace: Any, *command: str) -> None:
    """No orphan is left, the half-finished model is not there, and the same command now succeeds."""
    wait_for(lambda: not workspace.processes("dl_assets stage"), 20, "the stage to end")
    wait_for(lambda: not workspace.processes("dl_assets.orchestration.reproduce"), 20, "DVC to end")
    assert not (workspace.root / "data/digits/model").exists()
    workspace.edit_pipeline("digits", LONG, "epochs: 3")
    workspace.run(*command)
    assert workspace.changed_in_dvc("train@digits") == set()
    assert len((workspace.root / "data/digits/model/history.csv").read_text().splitlines()) == 4
