"""Commands that try changes without touching the workspace."""

from typing import Annotated

import typer

from dl_assets.commands.app import ROOT, AsJson, Name, app, sync_index


@app.command(name="experiment")
def experiment_(
    name: Name,
    changes: Annotated[
        list[str], typer.Argument(help="places and their values: train.learning_rate=0.01,0.001 model.width=8,16")
    ],
    label: Annotated[
        str | None, typer.Option("--name", help="name of the experiment; several are numbered: NAME-1, NAME-2")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run every combination of these values as a DVC experiment; files, dvc.lock and the champion stay as they are."""
    from dl_assets.operations.experiments.changes import read_changes
    from dl_assets.operations.experiments.show import print_findings
    from dl_assets.operations.sound import require_sound
    from dl_assets.orchestration.experiment import experiment

    sync_index()
    require_sound(name, ROOT)
    found = experiment(name, read_changes(changes), ROOT, name=label, as_json=as_json)
    print_findings(found, ROOT, as_json=as_json)


@app.command()
def experiments(
    name: Name,
    adopt: Annotated[
        str | None, typer.Option(metavar="EXPERIMENT", help="write what it changed into the pipeline file")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the experiments of a pipeline, the best first, beside the workspace; or adopt one."""
    from dl_assets.operations.experiments.show import print_adopted, print_findings
    from dl_assets.orchestration import experiment

    if adopt is not None:
        print_adopted(name, adopt, experiment.adopt(name, adopt, ROOT), as_json=as_json)
    else:
        print_findings(experiment.collect(name, ROOT), ROOT, as_json=as_json)
