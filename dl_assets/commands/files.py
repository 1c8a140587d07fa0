"""Commands that write and check pipeline files."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dl_assets.commands.app import ROOT, AsJson, OptionalName, app, sync_index
from dl_assets.errors import ConfigError, PipelineError


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
    sync_index()


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
