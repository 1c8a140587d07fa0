"""dvc.yaml, the Dagster graph, the signatures of the stages and their imports say the same thing."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import grimp
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from ruamel.yaml import YAML
from workspace import Workspace

from dl_assets import index
from dl_assets.artifacts import ARTIFACT_OF_STAGE
from dl_assets.artifacts.memo import Memo
from dl_assets.config import SECTIONS, Pipeline, load_pipeline, scan_pipelines
from dl_assets.orchestration.definitions import build_definitions

REPOSITORY = Path(__file__).parents[2]
STAGES = YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text())["stages"]
# What every stage uses and what no result depends on; `format.txt` is raised when the meaning of an artifact changes.
PLUMBING = {
    "dl_assets",
    "dl_assets.config",
    "dl_assets.artifacts",
    "dl_assets.registry",
    "dl_assets.runner",
    "dl_assets.errors",
    "dl_assets.outages",
    "dl_assets.progress",
    "dl_assets.files",
    "dl_assets.index",
    "dl_assets.problems",
    "dl_assets.search_space",
    "dl_assets.sections",
    "dl_assets.tasks._task",
}
# What the runner gives a stage beside the artifacts that it reads.
PLACES = {"out", "pages", "before", "memo", "checkpoints", "logs"}
GRAPH = grimp.build_graph("dl_assets")


def deps(stage: str) -> list[str]:
    return [str(dep) for dep in STAGES[stage]["do"]["deps"]]


def outs(stage: str) -> list[str]:
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in STAGES[stage]["do"].get(kind, [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def artifacts_read(stage: str) -> set[str]:
    """Names of the artifacts; of one of which a few files are read, once."""
    return {dep.removeprefix("data/${key}/").partition("/")[0] for dep in deps(stage) if dep.startswith("data/${key}/")}


def modules_of(path: str) -> set[str]:
    """Modules that a dependency of dvc.yaml stands for; `${item.x}` stands for every file of its folder."""
    if path.endswith("_parts}"):  # the folder of private modules beside such a file
        folder = path.removeprefix("${item.").removesuffix("_parts}")
        return {name for name in GRAPH.modules if name.startswith(f"dl_assets.{folder}._")}
    if path.endswith(".py"):
        folder, name = path.removesuffix(".py").rsplit("/", 1)
        if "${" not in name:
            return {f"{folder}/{name}".replace("/", ".")}
        return {f"{folder}/{file.stem}".replace("/", ".") for file in (REPOSITORY / folder).glob("[!_]*.py")}
    module = path.replace("/", ".")
    return {name for name in GRAPH.modules if name == module or name.startswith(f"{module}.")}


def covered(stage: str) -> set[str]:
    return {
        module for dep in deps(stage) if dep.startswith("dl_assets/") or dep.endswith("_parts}") for module in modules_of(dep)
    }


def is_plumbing(module: str) -> bool:
    return any(module == name or (name != "dl_assets" and module.startswith(f"{name}.")) for name in PLUMBING) or (
        module.count(".") == 1 and (REPOSITORY / module.replace(".", "/") / "__init__.py").exists()
    )


def keywords_of(stage: str) -> set[str]:
    function = getattr(importlib.import_module(f"dl_assets.stages.{stage}"), stage)
    return {p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY}


def test_every_stage_of_dvc_yaml_is_a_function_and_an_artifact() -> None:
    assert list(STAGES) == list(ARTIFACT_OF_STAGE)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reads_what_dvc_yaml_says(stage: str) -> None:
    keywords = keywords_of(stage)
    assert keywords - PLACES == artifacts_read(stage)
    assert "out" in keywords


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_stage_keeps_for_its_next_run_is_not_deleted_before_it(stage: str) -> None:
    persists = [out for out in STAGES[stage]["do"]["outs"] if isinstance(out, dict) and next(iter(out.values()))["persist"]]
    assert bool(persists) == bool({"before", "memo"} & keywords_of(stage))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_writes_its_own_artifact_and_its_report_and_nothing_else(stage: str) -> None:
    folder = f"data/${{key}}/{ARTIFACT_OF_STAGE[stage]}"
    report = f"data/${{key}}/reports/{stage}"
    pages = {report} if "pages" in keywords_of(stage) else set()
    others = {out for out in outs(stage) if out != folder and not out.startswith(f"{folder}/")}
    assert others == {f"{report}.json", *pages}


@pytest.mark.parametrize("stage", STAGES)
def test_every_module_that_a_stage_imports_is_a_dependency(stage: str) -> None:
    missing = {
        f"{module} imports {imported}"
        for module in covered(stage)
        for imported in GRAPH.find_modules_directly_imported_by(module)
        if not is_plumbing(imported) and imported not in covered(stage)
    }
    assert missing == set()


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_depends_on_its_own_file_and_on_the_format(stage: str) -> None:
    assert {f"dl_assets/stages/{stage}.py", "dl_assets/format.txt"} <= set(deps(stage))


class Recorder:
    """A pipeline that remembers which of its sections were read."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline, self.read = pipeline, set()

    def __getattr__(self, name: str) -> Any:
        if name in SECTIONS:
            self.read.add(name)
        return getattr(self._pipeline, name)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reads_exactly_the_parameters_that_dvc_yaml_declares(
    stage: str, ran_once: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ran_once.root)
    recorder = Recorder(load_pipeline("digits"))
    folders = {name: Path("data/digits", name) for name in artifacts_read(stage)}
    places = {name: tmp_path / name for name in PLACES - {"before", "memo"}} | {"before": None}
    for name in ("out", "pages"):
        places[name].mkdir()
    arguments = {**folders, **places, "memo": Memo((), tmp_path / "old", tmp_path / "new")}
    function = getattr(importlib.import_module(f"dl_assets.stages.{stage}"), stage)
    function(recorder, **{name: arguments[name] for name in keywords_of(stage)})
    declared = {key for entry in STAGES[stage]["do"]["params"] for keys in entry.values() for key in keys}
    assert recorder.read - {"task"} == declared  # the task is a dependency by its file


def test_every_dependency_in_dvc_yaml_exists() -> None:
    missing = [
        dep
        for stage in STAGES
        for dep in deps(stage)
        if dep.startswith("dl_assets/") and "${" not in dep and not (REPOSITORY / dep).exists()
    ]
    assert missing == []


def test_the_index_that_is_committed_is_fresh() -> None:
    assert set(index.read_index(REPOSITORY)) == set(scan_pipelines(REPOSITORY)[0])
    for name in index.read_index(REPOSITORY):
        index.require_fresh(name, REPOSITORY)


@pytest.fixture(scope="module")
def asset_graph(ran_once: Workspace) -> AssetGraph:
    return build_definitions(ran_once.root).resolve_asset_graph()


def test_dagster_has_the_edges_of_dvc_yaml(asset_graph: AssetGraph) -> None:
    producer = {out: stage for stage in STAGES for out in outs(stage)}
    for stage in STAGES:
        key = next(key for key in asset_graph.get_all_asset_keys() if key.path == ["digits", ARTIFACT_OF_STAGE[stage]])
        expected = {ARTIFACT_OF_STAGE[producer[dep]] for dep in deps(stage) if dep in producer}
        assert {parent.path[1] for parent in asset_graph.get(key).parent_keys} == expected


@pytest.mark.parametrize("stage", STAGES)
def test_checks_of_dvc_yaml_are_checks_of_dagster(stage: str, asset_graph: AssetGraph) -> None:
    found = {key.name for key in asset_graph.asset_check_keys if key.asset_key.path == ["digits", ARTIFACT_OF_STAGE[stage]]}
    declared = STAGES[stage]["do"]["meta"]["dagster"]
    assert found == {*declared.get("checks", []), *declared.get("checks_of", {}).get("classes", [])}
