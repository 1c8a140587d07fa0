"""Commands that use a model, or look at one sample."""

from pathlib import Path
from typing import Annotated

import typer

from dl_assets.commands.app import ROOT, AsJson, Name, app
from dl_assets.errors import ConfigError


@app.command(name="predict")
def predict_(
    name: Name,
    files: Annotated[
        list[str] | None, typer.Argument(help="files, folders, archives, tables that list files; or tables of rows")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="write .parquet, .csv or .jsonl here; else the rows are printed")] = None,
    challenger: Annotated[bool, typer.Option("--challenger", help="ask the exported model, promoted or not")] = False,
    submission: Annotated[
        Path | None, typer.Option(help="write Kaggle's id,label here; without FILES, of what the source has to be predicted")
    ] = None,
    positive: Annotated[str | None, typer.Option(help="class whose probability is submitted; the second of two")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask the champion about files, or about the rows of tables; what cannot be read gets a row that says why.

    Where nothing was promoted, the exported model answers. A command with --out that was killed goes on where it was.
    """
    from dl_assets.config import load_pipeline
    from dl_assets.operations.predicting.run import predict_inputs
    from dl_assets.operations.submission import write_submission

    if submission and (out or as_json):
        raise ConfigError("--submission writes a file of its own. Leave --out and --json away, or run the command twice.")
    if submission:
        write_submission(name, files or [], ROOT, submission, positive, challenger=challenger)
    elif positive:
        raise ConfigError("--positive is for a submission. Add --submission FILE, or leave it away.")
    elif not files:
        raise ConfigError(f"there is nothing to predict. Name files or folders: dl predict {name} FILES")
    else:
        predict_inputs(load_pipeline(name, ROOT), files, ROOT, out, challenger=challenger, as_json=as_json)


@app.command(name="serve")
def serve_(
    name: Name,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="port to listen on; 0 takes a free one")] = 8000,
    challenger: Annotated[bool, typer.Option("--challenger", help="serve the exported model, promoted or not")] = False,
    shadow: Annotated[bool, typer.Option("--shadow", help="ask the exported model as well, and log both answers")] = False,
    max_batch: Annotated[int, typer.Option(min=1, help="inputs of one call of the model")] = 32,
    wait_ms: Annotated[float, typer.Option(min=0, help="how long a call waits for inputs that are being decoded")] = 2,
    queue: Annotated[int, typer.Option(min=1, help="inputs that may wait; more are refused with 503")] = 256,
    timeout: Annotated[
        float, typer.Option(min=0.01, max=300, help="seconds in which a request arrives, and again is answered")
    ] = 10,
    max_megabytes: Annotated[float, typer.Option(min=0.001, help="size of a request")] = 10,
    keep_inputs: Annotated[bool, typer.Option("--keep-inputs", help="log the pictures themselves as well")] = False,
    int8: Annotated[bool, typer.Option("--int8", help="serve the model of 8 bits where one was kept (export.int8)")] = False,
) -> None:
    """Answer requests with the champion; DL_API_KEY in the environment is a key that they need."""
    from dl_assets.operations.serve import serve
    from dl_assets.operations.serving.limits import Limits

    limits = Limits(max_batch, wait_ms, queue, timeout, max_megabytes)
    asked = {"challenger": challenger, "shadow": shadow, "keep_inputs": keep_inputs, "int8": int8}
    serve(name, ROOT, host=host, port=port, limits=limits, **asked)


@app.command(name="trace")
def trace_(
    name: Name,
    sample: Annotated[str, typer.Argument(metavar="ID", help="id of a sample, the start of one, or an origin such as a path")],
    as_json: AsJson = False,
) -> None:
    """Tell one sample's way: where it comes from, what became of it, and what the model says of it."""
    from dl_assets.operations.trace import print_trace

    print_trace(name, sample, ROOT, as_json=as_json)
