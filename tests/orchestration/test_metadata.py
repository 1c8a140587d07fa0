"""An asset's page says what it was made from, by which options, and where it lies, without opening a file."""

from pathlib import Path
from typing import Any

import pytest

from dl_assets.orchestration.graph import load_graph
from dl_assets.orchestration.metadata import materialization_metadata
from dl_assets.orchestration.versions import read_lock


@pytest.fixture(scope="module")
def shown(ran_once: Any) -> Any:
    graph = load_graph(ran_once.root)
    lock = read_lock(graph)
    return lambda address: (materialization_metadata(graph, graph.nodes[address], lock), lock)


def test_an_asset_names_the_versions_that_it_read_and_who_made_them(shown: Any) -> None:
    metadata, lock = shown("train@digits")
    read = {record.data["path"]: record.data for record in metadata["reads"].records}
    assert set(read) == {"data/digits/clean", "data/digits/parts", "data/digits/augmented"}
    made = {out["path"]: out["md5"] for out in lock["clean@digits"]["outs"]}
    assert read["data/digits/clean"]["md5"] == made["data/digits/clean"]
    assert read["data/digits/clean"]["made_by"] == "clean@digits"


def test_an_asset_names_its_options_its_folder_and_its_report(shown: Any, ran_once: Any) -> None:
    metadata, _ = shown("train@digits")
    assert metadata["parameters"].value["pipelines/digits.yaml"]["train"]["epochs"] == 2
    places = [Path(metadata[name].value).relative_to(ran_once.root) for name in ("folder", "stage_report")]
    assert [str(place) for place in places] == ["data/digits/model", "data/digits/reports/train.json"]
