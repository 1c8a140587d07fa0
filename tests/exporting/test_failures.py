"""What fails its certificate stays out of exported/, and says why."""

from pathlib import Path

import pytest
import torch
from torch import nn
from trained import PIPELINE, read_from

from dl_assets import progress
from dl_assets.artifacts.report import read_json, write_json
from dl_assets.errors import CheckFailed, PipelineError
from dl_assets.index import write_index
from dl_assets.runner import run_stage
from dl_assets.stages.export import export


def test_a_model_that_differs_is_kept_apart_with_the_worst_samples(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folders["clean"].parents[2]
    monkeypatch.chdir(root)
    monkeypatch.setenv(progress.ADDRESS, "")
    (root / "pipelines").mkdir()
    whole = {"source": {"kind": "folder", "path": "x"}, "split": {}, "augment": [], "evaluate": {}, "schedule": {}}
    write_json(root / "pipelines" / "tiny.yaml", {**PIPELINE.document, **whole, "export": {"max_difference": 1e-30}})
    write_index(root)
    with pytest.raises(CheckFailed) as told:
        run_stage("export", "tiny")
    kept = root / "data" / ".tmp" / "tiny" / "export.failed" / "exported"
    assert str(kept.relative_to(root)) in str(told.value)
    assert not (root / "data" / "tiny" / "exported").exists() and (kept / "model.onnx").is_file()
    worst = read_json(kept / "worst.json")
    assert len(worst) == 5 and worst[0]["difference"] == max(one["difference"] for one in worst)
    assert f"The worst samples: {worst[0]['id']} (expected {worst[0]['expected']['prediction']}, found" in str(told.value)
    assert set(worst[0]["expected"]) == set(worst[0]["found"]) == {"prediction", "probabilities"}


def test_an_operator_that_onnx_lacks_stops_the_stage_with_the_name_of_the_layer(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nn.ReLU, "forward", lambda _, values: torch.special.bessel_j0(values))
    with pytest.raises(PipelineError, match=r"The layer 'body\..*' \(ReLU\) .* no ONNX operator for prims\.bessel_j0"):
        export(PIPELINE, **read_from(folders), out=tmp_path)
