from pathlib import Path

import pytest

from dl_assets.errors import ConfigError
from dl_assets.operations.sound import require_sound

PIPELINE = """\
task: image_classification
source: {kind: builtin, name: digits}
clean: {}
split: {}
augment: []
model: {name: cnn}
train: {}
evaluate: {}
export: {}
schedule: {}
"""


def write(root: Path, text: str) -> None:
    (root / "pipelines").mkdir(exist_ok=True)
    (root / "pipelines" / "a.yaml").write_text(text)


def test_a_mistake_is_told_every_time(tmp_path: Path) -> None:
    write(tmp_path, PIPELINE.replace("cnn", "cmn"))
    for _ in range(2):
        with pytest.raises(ConfigError, match="cmn"):
            require_sound("a", tmp_path)


def test_a_mistake_made_after_a_sound_run_is_told(tmp_path: Path) -> None:
    write(tmp_path, PIPELINE)
    require_sound("a", tmp_path)
    write(tmp_path, PIPELINE.replace("{name: cnn}", "{name: cnn, widht: 3}"))
    with pytest.raises(ConfigError, match="widht"):
        require_sound("a", tmp_path)


def test_a_sound_file_is_looked_into_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, PIPELINE)
    require_sound("a", tmp_path)
    monkeypatch.setattr("dl_assets.config.Pipeline.check", lambda pipeline: pytest.fail("looked into again"))
    require_sound("a", tmp_path)
