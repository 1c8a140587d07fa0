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


def test_a_mistake_in_a_section_that_is_checked_quickly_is_told_too_and_all_at_once(tmp_path: Path) -> None:
    write(tmp_path, PIPELINE)
    require_sound("a", tmp_path)
    write(tmp_path, PIPELINE.replace("split: {}", "split: {sed: 3}").replace("train: {}", "train: {epochs: many}"))
    with pytest.raises(ConfigError, match=r"has 2 problems:\n(.*sed.*\n.*many|.*many.*\n.*sed)"):
        require_sound("a", tmp_path)


@pytest.mark.parametrize(
    "edit", [("", ""), ("train: {}", "train: {epochs: 3}"), ("schedule: {}", 'schedule: {cron: "0 3 * * *"}')]
)
def test_a_sound_model_and_policy_are_built_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: tuple[str, str]
) -> None:
    write(tmp_path, PIPELINE)
    require_sound("a", tmp_path)
    for section in ("model", "augment"):
        monkeypatch.setattr(f"dl_assets.config.Pipeline.{section}", property(lambda pipeline: pytest.fail("built again")))
    write(tmp_path, PIPELINE.replace(*edit))
    require_sound("a", tmp_path)
