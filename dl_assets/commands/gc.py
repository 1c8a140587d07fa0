"""The command that makes room."""

import sys
from typing import Annotated

import typer

from dl_assets.commands.app import ROOT, AsJson, app


@app.command(name="gc")
def gc_(
    keep_days: Annotated[int, typer.Option(min=0, help="what commits of so many days need is kept")] = 30,
    yes: Annotated[bool, typer.Option("--yes", help="remove it")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what nothing needs any more in DVC's cache and in data/.tmp; champions, branches, tags, experiments are kept."""
    from dataclasses import asdict

    from dl_assets.operations.care.leftovers import clear
    from dl_assets.operations.care.show import print_garbage
    from dl_assets.orchestration.garbage import collect

    found = collect(ROOT, keep_days, remove=yes)
    left = clear(ROOT, lambda problem: print(f"WARNING: {problem}", file=sys.stderr), dry_run=not yes)
    print_garbage({**found, "leftovers": {name: asdict(freed) for name, freed in left.items()}}, as_json=as_json)
