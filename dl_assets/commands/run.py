"""Commands that run pipelines, and show runs."""

from typing import Annotated

import typer

from dl_assets.commands.app import ROOT, AsJson, Name, OptionalName, app, sync_index


@app.command()
def run(
    name: Name,
    stage: Annotated[str | None, typer.Argument(help="run up to and including this stage")] = None,
    dagster: Annotated[bool, typer.Option("--dagster", help="run the Dagster job, so that the UI shows it")] = False,
    force: Annotated[bool, typer.Option("--force", help="run STAGE, or train, although nothing changed")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a pipeline; stages whose inputs are unchanged are skipped."""
    from dl_assets.operations.promotion.show import print_hint
    from dl_assets.operations.sound import require_sound
    from dl_assets.operations.summary import print_summary
    from dl_assets.orchestration.doors import run as run_pipeline

    sync_index()
    require_sound(name, ROOT)
    run_pipeline(name, stage, ROOT, through_dagster=dagster, as_json=as_json, is_forced=force)
    print_summary(name, stage, ROOT, as_json)
    if stage is None:
        print_hint(name, ROOT, as_json=as_json)


@app.command()
def status(name: OptionalName = None, as_json: AsJson = False) -> None:
    """Tell which stages would run, and why."""
    from dl_assets.operations.summary import print_status
    from dl_assets.orchestration.status import reasons

    sync_index()
    print_status(reasons(name, ROOT), as_json)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="port of the web page")] = 3000,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
) -> None:
    """Open the Dagster UI, with the daemon that runs schedules."""
    from dl_assets.orchestration.doors import open_ui

    sync_index()
    open_ui(ROOT, host, port)
