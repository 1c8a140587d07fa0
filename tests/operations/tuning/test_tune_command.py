"""`dl tune NAME` as a user types it: the data is made first, then it is searched, then the file is written."""

import json
import subprocess
from typing import Any

from workspace import Workspace

TUNE = """\
tune:  # what to try
  trials: 1
  metric: val_accuracy
  space: {train.learning_rate: {low: 1.0e-3, high: 2.0e-2, log: true}, model.width: [4, 16]}
"""


def refused(workspace: Workspace, *command: str) -> str:
    result = workspace.run("dl", "tune", *command, check=False)
    assert result.returncode == 2, result.stdout
    return result.stdout


def test_the_command_makes_the_data_searches_and_writes(workspace: Any) -> None:
    assert "pipelines/digits.yaml: tune is missing. Add `tune: {space:" in refused(workspace, "digits")
    assert "--yes writes and --dry-run does not." in refused(workspace, "digits", "--yes", "--dry-run")
    file = workspace.root / "pipelines" / "digits.yaml"
    before = file.read_text() + TUNE
    file.write_text(before)
    process = workspace.start("dl", "tune", "digits", "--yes", "--json", stderr=subprocess.PIPE)
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    events = [json.loads(line) for line in output.splitlines()]
    trials = [event for event in events if event.get("address") == "tune@digits"]
    assert [(trial["done"], trial["total"], trial["state"]) for trial in trials] == [(1, 1, "complete")]
    summary = events[-1]
    assert summary["kind"] == "summary" and summary["written"]
    values = summary["best"]["values"]
    old = "model: {name: cnn, width: 8}\ntrain: {epochs: 2, batch_size: 256, learning_rate: 3.0e-3}"
    new = f"model: {{name: cnn, width: {values['model.width']}}}\n"
    new += f"train: {{epochs: 2, batch_size: 256, learning_rate: {values['train.learning_rate']}}}"
    assert file.read_text() == before.replace(old, new)
    assert (workspace.root / summary["places"]["report"]).is_file()
    status = workspace.run("git", "status", "--short", "--untracked-files=all").stdout
    assert "tune/" not in status, "what a search has found is in the pipeline file; the rest stays on this machine"
    assert "digits.yaml" in status
