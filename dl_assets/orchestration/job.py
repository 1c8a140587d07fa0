"""`python -m dl_assets.orchestration.job digits [STAGE]`: `dagster job execute` that ends when its parent ends."""

import argparse
import json
import runpy
import sys
from collections.abc import Sequence

from dl_assets.orchestration.forcing import force_tag
from dl_assets.runner import die_with_parent

DEFINITIONS = "dl_assets.orchestration.definitions"


def main(pipeline: str, stage: str | None, forced: Sequence[str]) -> None:
    """Run the pipeline's job in this process, up to and including `stage`; Dagster's own exit code is ours."""
    die_with_parent()
    selection = ["--op-selection", f"*{pipeline}__{stage}"] if stage else []
    tags = ["--tags", json.dumps(force_tag(forced))] if forced else []
    sys.argv = ["dagster", "job", "execute", "-m", DEFINITIONS, "-j", pipeline, *selection, *tags]
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("pipeline")
    parser.add_argument("stage", nargs="?")
    parser.add_argument("--force", nargs="*", default=[], help="addresses of stages that run although nothing changed")
    words = parser.parse_args()
    main(words.pipeline, words.stage, words.force)
