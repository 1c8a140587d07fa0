"""Batch prediction as a Dagster job: the launchpad asks for inputs and output, the run shows what came out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from dl_assets.config import Pipeline
from dl_assets.operations.predicting.formats import first_rows
from dl_assets.orchestration.dead_runs import bury_dead_runs, sign_in
from dl_assets.orchestration.event_log import log_event
from dl_assets.orchestration.execution import Event, RunFailed, dl_command, follow
from dl_assets.orchestration.metadata import table
from dl_assets.orchestration.retries import fail_step

_DESCRIPTION = "Predicts files, or the rows of tables, with the champion, or where there is none with the exported model."
_PREVIEWED_ROWS, _PREVIEWED_COLUMNS = 10, 12
_CONFIG = {
    "inputs": dg.Field(
        [str], description="files, folders, archives, tables that list files, or tables of rows; relative to the repository"
    ),
    "out": dg.Field(str, description="what is written: .parquet, .csv or .jsonl"),
    "challenger": dg.Field(bool, default_value=False, description="ask the exported model, promoted or not"),
}


def make_predict_job(config: Pipeline, root: Path) -> dg.JobDefinition:
    """Return a job of one op, which waits for no GPU: ONNX Runtime answers on the processor."""
    pipeline = config.name

    @dg.op(name=f"{pipeline}__predict", description=_DESCRIPTION, config_schema=_CONFIG, out=dg.Out(dg.Nothing))
    def run(context: dg.OpExecutionContext) -> None:
        sign_in(context)
        bury_dead_runs(context.instance)
        context.add_output_metadata(_metadata(_predict(context, pipeline, root), root))

    @dg.job(name=f"{pipeline}_predict", description=f"{_DESCRIPTION} The command: dl predict {pipeline} INPUTS --out FILE")
    def job() -> None:
        run()

    return job


def _predict(context: dg.OpExecutionContext, pipeline: str, root: Path) -> Event:
    """Run the command and return what it says came out. An input without an answer is a warning: all others are written."""
    found: list[Event] = []

    def observe(event: Event) -> None:
        log_event(context, event)
        found.extend([event] if event["kind"] == "predicted" else [])

    try:
        follow(_command(pipeline, context.op_config), root, observe)
    except RunFailed as error:
        if not found:
            fail_step(context, error)
        context.log.warning(str(error))
    return found[0]


def _command(pipeline: str, config: Mapping[str, Any]) -> list[str]:
    flags = ["--challenger"] if config["challenger"] else []
    return dl_command("predict", pipeline, "--out", config["out"], *flags, "--", *config["inputs"])


def _metadata(told: Event, root: Path) -> dict[str, Any]:
    out = root / told["out"]
    shares = [{"answer": answer, "share": round(share, 4)} for answer, share in told["shares"].items()]
    return {
        "rows": told["rows"],
        "problems": told["problems"],
        "answered_by": told["answered_by"],
        "model": told["model"],
        "path": dg.MetadataValue.path(out.resolve()),
        **({"class_shares": table({"answer": "string", "share": "float"}, shares)} if shares else {}),
        "preview": _preview(out),
    }


def _preview(out: Path) -> dg.TableMetadataValue:
    """Return the first rows as text, as far as they fit on a page."""
    rows = first_rows(out, _PREVIEWED_ROWS)
    columns = rows.columns if rows.width <= _PREVIEWED_COLUMNS else [*rows.columns[: _PREVIEWED_COLUMNS - 1], rows.columns[-1]]
    records = [
        {
            name: "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
            for name, value in row.items()
        }
        for row in rows.select(columns).iter_rows(named=True)
    ]
    return table(dict.fromkeys(columns, "string"), records)
