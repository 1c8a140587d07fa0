"""One training on several devices: two processes of this machine's processor, as they would be two GPUs."""

import csv
import json

from workspace import Workspace

TWO = "epochs: 2, devices: 2, accelerator: cpu"


def test_two_devices_share_every_batch_and_leave_one_model(ran: Workspace) -> None:
    ran.edit_pipeline("digits", "epochs: 2", TWO)
    ran.run("dl", "stage", "train", "digits")
    model = ran.root / "data/digits/model"
    with (model / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    card = json.loads((model / "card.json").read_text())
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["train_loss"]) < float(rows[0]["train_loss"])
    assert (card["best_epoch"], card["epochs"]) == (2, 2)
    assert not ran.processes("dl_assets stage")
    assert not list((ran.root / "data/.tmp/digits").glob("train*"))


def test_two_devices_keep_to_a_budget_together(ran: Workspace) -> None:
    """One decides how many epochs are left; if the other did not follow, they would wait for each other for ever."""
    ran.edit_pipeline("digits", "epochs: 2", "budget_minutes: 0.1, early_stopping: 0, devices: 2, accelerator: cpu")
    ran.run("dl", "stage", "train", "digits")
    model = ran.root / "data/digits/model"
    with (model / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    card = json.loads((model / "card.json").read_text())
    assert [row["epoch"] for row in rows] == [str(number) for number in range(1, card["epochs"] + 1)]


def test_more_devices_than_samples_in_a_batch_are_refused(ran: Workspace) -> None:
    ran.edit_pipeline("digits", "epochs: 2, batch_size: 256", "epochs: 2, devices: 2, accelerator: cpu, batch_size: 3")
    refused = ran.run("dl", "stage", "train", "digits", check=False)
    assert refused.returncode == 2
    assert "train.batch_size is 3, but each of 2 devices needs 2 samples or more" in refused.stdout
