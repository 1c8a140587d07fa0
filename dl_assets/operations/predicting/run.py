"""`dl predict`: everything that is to be predicted, printed, or written to a file whole or not at all."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dl_assets import progress
from dl_assets.config import Pipeline
from dl_assets.errors import DataError, PipelineError
from dl_assets.files import replaced
from dl_assets.operations.predicting import formats, pictures, rows
from dl_assets.operations.predicting.chosen import Chosen, choose_model
from dl_assets.operations.predicting.inputs import find_inputs
from dl_assets.operations.predicting.kept import Kept, kept_beside
from dl_assets.operations.predicting.piece import Work
from dl_assets.operations.predicting.result import NAMED, Result, named_problems, read_result, tell_problems
from dl_assets.operations.predicting.telling import Tell, telling


class Stopped(PipelineError):
    """The prediction was interrupted; what is finished is kept."""

    exit_code = 130


def predict_inputs(
    config: Pipeline, paths: Sequence[str], root: Path, out: Path | None, *, challenger: bool = False, as_json: bool = False
) -> None:
    """Predict files, or the rows of tables, and write the rows to `out`, or print them as CSV or as one JSON object a line.

    Raises DataError after all the others are predicted, where an input has no answer; its `problem` says why.
    """
    if out:
        formats.require_format(out)
    chosen = choose_model(config, root, challenger=challenger)
    work = _work(config, chosen, paths, out)
    if out is None:
        tell_problems(work.what, *_print(work, as_json=as_json))
        return
    result = _write(config.name, chosen, work, out, as_json=as_json)
    event = {"pipeline": config.name, "out": str(out), "model": chosen.sha256, "answered_by": chosen.role, **result.told()}
    progress.emit("predicted", **event)
    again = f", {result.num_kept:,} of them kept from a run that was stopped" if result.num_kept else ""
    words = f"Wrote {out}: {result.num_rows:,} {work.what}{again}. They are answers of {chosen}."
    print(json.dumps({"kind": "predicted", **event}, ensure_ascii=False) if as_json else words)
    tell_problems(work.what, result.num_rows, result.num_problems, result.named)


def _work(config: Pipeline, chosen: Chosen, paths: Sequence[str], out: Path | None) -> Work:
    if config.task.inputs == "table":
        return Work("rows", None, rows.pieces_of(chosen.exported, config, paths))
    inputs = find_inputs(config, paths)
    if out and inputs.kept is not None:
        formats.require_columns(out, inputs.kept)
    return Work("files", len(inputs.names), pictures.pieces_of(chosen.exported, inputs))


# ---- printed ---------------------------------------------------------------------------------------------------


def _print(work: Work, *, as_json: bool) -> tuple[int, int, list[str]]:
    """Print the rows, and return how many there are, how many have no answer, and why, as far as that is told."""
    num_rows = num_problems = 0
    named: list[str] = []
    for answers in (answers for piece in work.pieces for answers in piece.answers()):
        sys.stdout.write(answers.write_ndjson() if as_json else answers.write_csv(include_header=num_rows == 0))
        num_rows += len(answers)
        num_problems += answers[:, -1].count()
        named += named_problems(answers)[: NAMED - len(named)]
    return num_rows, num_problems, named


# ---- written ---------------------------------------------------------------------------------------------------


def _write(pipeline: str, chosen: Chosen, work: Work, out: Path, *, as_json: bool) -> Result:
    with kept_beside(out, chosen.key) as kept:
        with telling(pipeline, work.what, work.total, as_json=as_json) as tell:
            places, num_kept = _finish(work, kept, tell, out)
        if not places:
            raise DataError("there is nothing to predict: the tables have a header, and no rows below it.")
        result = read_result(places, chosen.exported.answer({}, 0).width, num_kept)
        metadata = {"pipeline": pipeline, "model": chosen.sha256, "answered_by": chosen.role}
        with replaced(out) as temporary:
            formats.write(result.rows, temporary, formats.kind_of(out), metadata)
    return result


def _finish(work: Work, kept: Kept, tell: Tell, out: Path) -> tuple[list[Path], int]:
    """Return where the answers of each piece are, and for how many inputs they were there already."""
    places: list[Path] = []
    done = num_kept = 0
    try:
        for piece in work.pieces:
            place, before = kept.place(piece), done
            if place.is_file():
                num_kept += piece.num_inputs
            else:
                kept.finish(piece, lambda num, before=before: tell(before + num))  # type: ignore[misc]
            places.append(place)
            done += piece.num_inputs
            tell(done)
    except KeyboardInterrupt:
        raise Stopped(f"stopped. {done:,} {work.what} are predicted and kept beside {out}: the same command goes on.") from None
    return places, num_kept
