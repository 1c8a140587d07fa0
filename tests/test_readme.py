"""The YAML that the README shows is YAML that the product takes, as it stands there."""

import re
from pathlib import Path

import pytest
import yaml

from dl_assets.config import load_pipeline
from dl_assets.inputs._table.schema_file import read_schema

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
PHOTOS = """\
task: image_classification
source: {kind: folder, path: photos}
clean: {image_size: 64}
split: {}
augment: []
model: {name: cnn}
train: {epochs: 20}
evaluate: {}
export: {}
schedule: {}
"""
TABLE = """\
task: tabular_classification
source: {kind: table, path: titanic.csv, target: Survived}
clean: {schema: pipelines/schemas/titanic.yaml}
split: {}
augment: []
model: {name: fnn}
train: {epochs: 20}
evaluate: {}
export: {}
schedule: {}
"""


def complete(block: str) -> str:
    """Return the block with what else a pipeline must say."""
    base = TABLE if "fnn" in block else PHOTOS
    names = set(yaml.safe_load(block))
    return "".join(line for line in base.splitlines(keepends=True) if line.partition(":")[0] not in names) + block


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.partition(":")[0])
def test_what_the_readme_shows_is_taken(block: str, tmp_path: Path) -> None:
    if block.startswith("columns:"):
        (tmp_path / "titanic.yaml").write_text(block)
        assert len(read_schema(tmp_path / "titanic.yaml").columns) == block.count("kind:")
        return
    (tmp_path / "pipelines/schemas").mkdir(parents=True)
    (tmp_path / "pipelines/schemas/titanic.yaml").write_text("columns: {Age: {kind: number}}")
    (tmp_path / "pipelines/cifar10.yaml").write_text(PHOTOS.replace("{name: cnn}", "{name: backbone, architecture: resnet18}"))
    (tmp_path / "pipelines/pets.yaml").write_text(complete(block))
    load_pipeline("pets", tmp_path).check()
