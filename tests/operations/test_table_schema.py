"""`dl schema NAME --infer` writes what the columns hold, shows it, and never overwrites what the user has edited."""

import pytest
from workspace import Workspace, make_workspace

from dl_assets.config import scan_pipelines
from dl_assets.inputs._table.schema_file import read_schema

# A source is one file, which a user may add.
SOURCE = '''\
"""Five people."""

import polars as pl

from dl_assets.artifacts.raw import RawRows, Source


def people() -> Source:
    """Yield five people."""
    cells = pl.DataFrame({"age": ["1", " 2", "3", None, "5"], "sex": ["m", "f", "M", "m", "[red]f"], "same": ["x"] * 5})
    found = pl.DataFrame({"origin": [f"people.csv:{row}" for row in range(1, 6)]})
    description = {"kind": "people", "uri": "people", "licence": "none", "num_samples": 5, "skipped_files": 0}
    return Source(description, iter(()), rows=lambda: iter([RawRows(found, cells)]))
'''
PIPELINE = """\
task: tabular_classification
source: {kind: people}
clean: {}
split: {}
augment: []
model: {name: fnn}
train: {}
evaluate: {}
export: {}
schedule: {}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = make_workspace(tmp_path_factory.mktemp("schema") / "w")
    (made.root / "dl_assets" / "sources" / "people.py").write_text(SOURCE)
    made.write_pipeline("people", PIPELINE)
    made.write_pipeline("photos", PIPELINE.replace("kind: people", "kind: folder, path: photos"))
    made.write_pipeline("pictures", PIPELINE.replace("tabular_", "image_"))
    for name in ("a", "b"):
        (made.root / "photos" / name).mkdir(parents=True)
        (made.root / "photos" / name / "1.png").write_bytes(b"")
    return made


def ask(project: Workspace, *options: str) -> tuple[int, str]:
    result = project.run("dl", "schema", *options, check=False)
    return result.returncode, result.stdout


def test_the_schema_is_written_shown_and_not_overwritten(project: Workspace) -> None:
    path = project.root / "pipelines" / "schemas" / "people.yaml"
    code, told = ask(project, "people", "--infer")
    assert code == 0, told
    kinds = {column.name: column.kind for column in read_schema(path).columns}
    assert kinds == {"age": "number", "sex": "category", "same": "ignore"}
    assert "  clean: {schema: pipelines/schemas/people.yaml}\n" in told
    assert "20.0 %" in told and "m, f, M" in told and "renamed {M: m}" in told and "the same in every row: 'x'" in told

    path.write_text("edited")
    code, told = ask(project, "people", "--infer")
    assert code == 2 and "pipelines/schemas/people.yaml exists already and is not overwritten. Add --force" in told
    assert path.read_text() == "edited"
    assert ask(project, "people", "--infer", "--force")[0] == 0
    assert path.read_text() != "edited"


def test_the_file_may_be_another(project: Workspace) -> None:
    assert ask(project, "people", "--infer", "--out", "columns.yaml")[0] == 0
    assert read_schema(project.root / "columns.yaml").used


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("photos", "--infer"), "pipelines/photos.yaml: the source 'folder' yields files, and no rows of a table."),
        (("pictures", "--infer"), "pipelines/pictures.yaml: the task 'image_classification' has no table"),
        (("peple", "--infer"), "pipelines/peple.yaml does not exist, did you mean 'people'?"),
        (("people",), "needs a name and --infer: dl schema people --infer"),
        (("--infer",), "needs a name and --infer: dl schema NAME --infer"),
    ],
)
def test_what_cannot_be_done_is_told(project: Workspace, options: tuple[str, ...], told: str) -> None:
    code, text = ask(project, *options)
    assert code == 2 and told in text and "Traceback" not in text


def test_a_schema_is_no_pipeline(project: Workspace) -> None:
    folder = project.root / "pipelines" / "schemas"
    folder.mkdir(exist_ok=True)
    (folder / "Other Name.yaml").write_text("columns: {}")
    assert "Other Name" not in "".join(map(str, scan_pipelines(project.root)))
