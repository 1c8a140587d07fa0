"""The command line: `dl` and `python -m dl_assets`. Thin: every command calls one function elsewhere."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from dl_assets import progress
from dl_assets.errors import ConfigError, PipelineError

app = typer.Typer(
    name="dl",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From raw data to a certified model: DVC executes, Dagster shows, Lightning trains, ONNX ships.",
)
ROOT = Path()

Name = Annotated[str, typer.Argument(help="the pipeline: pipelines/NAME.yaml")]
OptionalName = Annotated[str | None, typer.Argument(help="one pipeline; all of them by default")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of text")]


@app.callback()
def options(debug: Annotated[bool, typer.Option("--debug", help="show a traceback with every error")] = False) -> None:
    if debug:
        os.environ[progress.DEBUG] = "1"


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="name of the pipeline, which becomes pipelines/NAME.yaml")],
    source: Annotated[
        str, typer.Option(help="a folder that holds one folder of images a class, a table, or `digits`, `breast_cancer`, ...")
    ],
    task: Annotated[str, typer.Option(help="what to learn")] = "image_classification",
    target: Annotated[str | None, typer.Option(help="of a table: the column that is to be learnt")] = None,
    minutes: Annotated[float | None, typer.Option(help="how long a training may take; by default as the data needs it")] = None,
) -> None:
    """Write a pipeline that runs as it is, with defaults chosen from your data."""
    from dl_assets.operations.new import new_pipeline

    path = new_pipeline(name, task, source, ROOT, target=target, minutes=minutes)
    print(f"Wrote {path}. Look at it, then run: dl run {name}")


@app.command()
def check(name: OptionalName = None, as_json: AsJson = False) -> None:
    """Check every pipeline file, the index, the graph and the environment; tell all problems at once."""
    from dl_assets.config import INDEX
    from dl_assets.operations.check import find_problems
    from dl_assets.orchestration.graph import load_graph

    problems = find_problems(name, ROOT)
    try:
        load_graph(ROOT)
    except ConfigError as error:
        if not any(str(INDEX) in str(problem) for problem in problems):  # DVC reads it too: one complaint is enough
            problems.append(error)
    _print_problems(problems, as_json)


@app.command()
def run(
    name: Name,
    stage: Annotated[str | None, typer.Argument(help="run up to and including this stage")] = None,
    dagster: Annotated[bool, typer.Option("--dagster", help="run the Dagster job, so that the UI shows it")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a pipeline; stages whose inputs are unchanged are skipped."""
    from dl_assets.operations.sound import require_sound
    from dl_assets.operations.summary import print_summary
    from dl_assets.orchestration.doors import run as run_pipeline

    _sync()
    require_sound(name, ROOT)
    run_pipeline(name, stage, ROOT, through_dagster=dagster, as_json=as_json)
    print_summary(name, stage, ROOT, as_json)


@app.command(name="predict")
def predict_(
    name: Name,
    files: Annotated[list[str] | None, typer.Argument(help="files, folders of files, or tables")] = None,
    out: Annotated[Path | None, typer.Option(help="write a CSV file here; else the rows are printed")] = None,
    submission: Annotated[
        Path | None, typer.Option(help="write Kaggle's id,label here; without FILES, of what the source has to be predicted")
    ] = None,
    positive: Annotated[str | None, typer.Option(help="class whose probability is submitted; the second of two")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask the exported model about files, or about the rows of tables; what cannot be read gets a row that says why."""
    from dl_assets.config import load_pipeline
    from dl_assets.operations.predict import predict_files
    from dl_assets.operations.predict_rows import predict_tables
    from dl_assets.operations.submission import write_submission

    if submission and (out or as_json):
        raise ConfigError("--submission writes a file of its own. Leave --out and --json away, or run the command twice.")
    if submission:
        write_submission(name, files or [], ROOT, submission, positive)
    elif positive:
        raise ConfigError("--positive is for a submission. Add --submission FILE, or leave it away.")
    elif not files:
        raise ConfigError(f"there is nothing to predict. Name files or folders: dl predict {name} FILES")
    elif (config := load_pipeline(name, ROOT)).task.inputs == "table":
        predict_tables(config, files, ROOT, out, as_json=as_json)
    else:
        predict_files(name, files, ROOT, out, as_json=as_json)


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
    _sync()
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

    _sync()
    require_sound(name, ROOT)
    num_folds = load_pipeline(name, ROOT).split.folds if folds is None else folds
    require_folds(num_folds, name)
    run_crossval(name, num_folds, ROOT, as_json=as_json)
    print_result(name, ROOT, as_json=as_json)


@app.command()
def status(name: OptionalName = None, as_json: AsJson = False) -> None:
    """Tell which stages would run, and why."""
    from dl_assets.operations.summary import print_status
    from dl_assets.orchestration.status import reasons

    _sync()
    print_status(reasons(name, ROOT), as_json)


@app.command(name="trace")
def trace_(
    name: Name,
    sample: Annotated[str, typer.Argument(metavar="ID", help="id of a sample, the start of one, or an origin such as a path")],
    as_json: AsJson = False,
) -> None:
    """Tell one sample's way: where it comes from, what became of it, and what the model says of it."""
    from dl_assets.operations.trace import print_trace

    print_trace(name, sample, ROOT, as_json=as_json)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="port of the web page")] = 3000,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
) -> None:
    """Open the Dagster UI, with the daemon that runs schedules."""
    from dl_assets.orchestration.doors import open_ui

    _sync()
    open_ui(ROOT, host, port)


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="a model, whose options are listed; all models by default")] = None,
    like: Annotated[str | None, typer.Option(help="list the architectures that fit a pattern, such as 'resnet*'")] = None,
    as_json: AsJson = False,
) -> None:
    """List the models: what they fit, their size and options; `dl models backbone --like 'resnet*'` lists architectures."""
    from dl_assets.operations.models import print_models

    print_models(name, like, as_json)


@app.command()
def schema(
    name: Annotated[str | None, typer.Argument(help="a pipeline with a table, whose columns are looked at")] = None,
    infer: Annotated[
        bool, typer.Option("--infer", help="work out what the columns of NAME hold, and write it to a file")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="the file; pipelines/schemas/NAME.yaml by default")] = None,
    force: Annotated[bool, typer.Option("--force", help="write over a file that is there")] = False,
) -> None:
    """Print the JSON schema of a pipeline file, for editors; or, with NAME --infer, write the schema of a table."""
    if infer and name is not None:
        from dl_assets.operations.table_schema import infer_schema

        infer_schema(name, ROOT, out=out, force=force)
    elif infer or name is not None or out is not None or force:
        raise ConfigError(
            f"The schema of a table needs a name and --infer: dl schema {name or 'NAME'} --infer. "
            "Without either, `dl schema` prints the JSON schema of pipeline files."
        )
    else:
        import json

        from dl_assets.schema import pipeline_schema

        print(json.dumps(pipeline_schema(), indent=2))


@app.command()
def sync() -> None:
    """Bring pipelines/index.yaml up to date with the pipeline files."""
    _sync()


@app.command(hidden=True)
def stage(stage: str, pipeline: str) -> None:
    """Run one stage in the working directory. DVC calls this; you want `dl run`."""
    from dl_assets import runner

    with _told(f"{stage} stage", stage, pipeline):
        runner.run_stage(stage, pipeline)


@app.command(hidden=True)
def folds(pipeline: str, num_folds: int, key: str) -> None:
    """Train the folds of a cross-validation in the working directory. `dl crossval` calls this."""
    from dl_assets.config import load_pipeline
    from dl_assets.operations.crossval.run import crossval as run_folds

    with _told("cross-validation", "crossval", pipeline):
        run_folds(load_pipeline(pipeline), num_folds, key)


@contextmanager
def _told(what: str, name: str, pipeline: str) -> Iterator[None]:
    """Work for the process that started this one: end when it ends, and tell it what went wrong."""
    from dl_assets import runner

    runner.die_with_parent()
    try:
        yield
    except PipelineError as error:
        progress.fail(f"ERROR: {error}", error.exit_code)
        _debug()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - a mistake of ours must not reach the user as a traceback either
        kept = runner.keep_traceback(name, pipeline)
        progress.fail(
            f"ERROR: the {what} of {pipeline} failed with {type(error).__name__}: {error}. "
            f"This is not a mistake of yours that we know; the traceback is in {kept}.",
            1,
        )
        _debug()
        sys.exit(1)


def _sync() -> None:
    from dl_assets import index

    for error in index.write_index(ROOT):
        print(f"WARNING: {error}", file=sys.stderr)


def _print_problems(problems: list[PipelineError], as_json: bool) -> None:
    if as_json:
        import json

        print(json.dumps({"problems": [str(problem) for problem in problems]}, indent=2))
    elif not problems:
        print("Everything is in order.")
    for problem in [] if as_json else problems:
        print(f"ERROR: {problem}", file=sys.stderr)
    if problems:
        sys.exit(max(problem.exit_code for problem in problems))


def _debug() -> None:
    if os.environ.get(progress.DEBUG):
        traceback.print_exc()


def main() -> None:
    """Run a command; an error is one paragraph and an exit code (2: yours to mend, 1: a run failed)."""
    try:
        app(prog_name="dl")
    except PipelineError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        _fail(f"{error.filename or 'a file'} cannot be used ({error.strerror}). Mend that and try again.", 2)
    except Exception as error:  # noqa: BLE001 - a mistake of ours must not reach the user as a traceback either
        _fail(f"{type(error).__name__}: {error}. This is not a mistake of yours that we know; `dl --debug ...` tells more.", 1)


def _fail(message: str, exit_code: int) -> None:
    progress.fail(f"ERROR: {message}", exit_code)  # also to whoever started the command, such as Dagster
    _debug()
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
