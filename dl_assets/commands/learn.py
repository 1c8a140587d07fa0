"""Commands that compare models, options and folds."""

from typing import Annotated, Literal

import typer

from dl_assets.commands.app import ROOT, AsJson, Name, app, sync_index
from dl_assets.errors import ConfigError


@app.command()
def models(
    name: Annotated[
        str | None,
        typer.Argument(help="a pipeline, whose promotions are listed, or a model, whose options are; all models by default"),
    ] = None,
    like: Annotated[str | None, typer.Option(help="list the architectures that fit a pattern, such as 'resnet*'")] = None,
    as_json: AsJson = False,
) -> None:
    """List the models: what they fit, their size and options; or every promotion of a pipeline, with its metrics.

    `dl models backbone --like 'resnet*'` lists architectures.
    """
    from dl_assets.operations.models import print_models

    print_models(name, like, as_json, ROOT)


@app.command(name="tune")
def tune_(
    name: Name,
    trials: Annotated[int | None, typer.Option(min=1, help="trainings in all, those of before included")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="processes that train at the same time")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="write the best values into the pipeline file without asking")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what would be written, and write nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Search for better values (the section `tune`); when interrupted, the same command goes on."""
    from dl_assets.config import load_pipeline
    from dl_assets.operations.sound import require_sound
    from dl_assets.operations.tune import tune
    from dl_assets.orchestration.doors import run as run_pipeline

    if yes and dry_run:
        raise ConfigError("--yes writes and --dry-run does not. Leave one of them away.")
    sync_index()
    require_sound(name, ROOT)
    load_pipeline(name, ROOT).tune  # noqa: B018 - raises where the file has no such section
    run_pipeline(name, "augment", ROOT, through_dagster=False, as_json=as_json)
    write: Literal["always", "never", "ask"] = "always" if yes else "never" if dry_run else "ask"
    tune(name, ROOT, trials=trials, workers=workers, write=write, as_json=as_json)


@app.command()
def crossval(
    name: Name,
    folds: Annotated[int | None, typer.Option(help="number of folds, 3 or more; `split.folds` of the YAML by default")] = None,
    as_json: AsJson = False,
) -> None:
    """Train and measure once for each fold of train and val, and tell mean, spread and interval of every metric."""
    from dl_assets.config import load_pipeline
    from dl_assets.operations.crossval.folds import require_folds
    from dl_assets.operations.crossval.show import print_result
    from dl_assets.operations.sound import require_sound
    from dl_assets.orchestration.crossval import crossval as run_crossval

    sync_index()
    require_sound(name, ROOT)
    num_folds = load_pipeline(name, ROOT).split.folds if folds is None else folds
    require_folds(num_folds, name)
    run_crossval(name, num_folds, ROOT, as_json=as_json)
    print_result(name, ROOT, as_json=as_json)
