"""`python -m dl_assets.orchestration.job digits [STAGE]`: `dagster job execute` that ends when its parent ends."""

import runpy
import sys

from dl_assets.runner import die_with_parent

DEFINITIONS = "dl_assets.orchestration.definitions"


def main(pipeline: str, stage: str | None = None) -> None:
    """Run the pipeline's job in this process, up to and including `stage`; Dagster's own exit code is ours."""
    die_with_parent()
    selection = ["--op-selection", f"*{pipeline}__{stage}"] if stage else []
    sys.argv = ["dagster", "job", "execute", "-m", DEFINITIONS, "-j", pipeline, *selection]
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
