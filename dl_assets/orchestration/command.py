"""`python -m dl_assets.orchestration.command crossval digits`: a `dl` command that ends when its parent ends."""

import runpy
import sys

from dl_assets.runner import die_with_parent


def main(words: list[str]) -> None:
    """Run the command in this process; its exit code is ours."""
    die_with_parent()
    sys.argv = ["dl", *words]
    runpy.run_module("dl_assets", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
