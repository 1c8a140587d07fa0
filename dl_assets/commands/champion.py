"""Commands that decide which model serves."""

from typing import Annotated

import typer

from dl_assets.commands.app import ROOT, AsJson, Name, app


@app.command(name="promote")
def promote_(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="promote it whatever the rule says; the record tells so")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only tell what would be decided")] = False,
    as_json: AsJson = False,
) -> None:
    """Let the exported model replace the champion, if the rule (the section `promote`) finds it good enough."""
    from dl_assets.operations.promotion.show import print_decision
    from dl_assets.orchestration.champion import promote

    decision = promote(name, ROOT, forced=force, dry_run=dry_run)
    print_decision(decision, dry_run=dry_run, as_json=as_json)


@app.command(name="rollback")
def rollback_(
    name: Name,
    to: Annotated[str | None, typer.Option(help="a number or hash of `dl models NAME`; the champion before by default")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring a former champion back from DVC's cache, byte for byte."""
    import json

    from dl_assets.orchestration.champion import rollback

    found = rollback(name, ROOT, to)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        print(
            f"The champion of {name} is that of promotion {found['number']} again. To keep it: git add data/{name}; git commit"
        )
