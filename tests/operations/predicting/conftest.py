from pathlib import Path

import pytest
from operations.serving.champions import write_bright

PIPELINE = """\
task: image_classification
source: {kind: folder, path: photos}
clean: {image_size: 8, channels: 1}
split: {}
augment: []
model: {name: cnn, width: 8}
train: {epochs: 1}
evaluate: {}
export: {}
schedule: {}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pipeline `pets` has exported a model that finds a picture the more a dog, the brighter it is; nothing is promoted."""
    monkeypatch.chdir(tmp_path)
    Path("pipelines").mkdir()
    Path("pipelines/pets.yaml").write_text(PIPELINE)
    write_bright(Path("data/pets/exported"))
    return tmp_path
