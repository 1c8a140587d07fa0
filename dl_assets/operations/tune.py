"""`dl tune NAME`: search for better values of a pipeline, report what was found, and write the best into its file."""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Literal

from rich.console import Console
from rich.prompt import Confirm
from rich.syntax import Syntax

from dl_assets import files, index, progress
from dl_assets.artifacts.report import write_json
from dl_assets.artifacts.tables import read_parted
from dl_assets.config import Pipeline, load_pipeline
from dl_assets.errors import PipelineError
from dl_assets.operations.tuning.crew import Crew
from dl_assets.operations.tuning.findings import Findings, findings_of
from dl_assets.operations.tuning.home import Home
from dl_assets.operations.tuning.journal import locked
from dl_assets.operations.tuning.key import key_of, parts_of_key
from dl_assets.operations.tuning.page import render, sentence
from dl_assets.operations.tuning.study import COUNTED, Study
from dl_assets.operations.tuning.told import telling
from dl_assets.operations.tuning.winner import Proposal
from dl_assets.problems import plain
from dl_assets.runner import writable

Write = Literal["ask", "always", "never"]


class Stopped(PipelineError):
    """The search was interrupted; nothing is lost."""

    exit_code = 130


def tune(
    name: str, root: Path, *, trials: int | None = None, workers: int | None = None, write: Write = "ask", as_json: bool = False
) -> None:
    """Search until there are `trials` in all, going on with what was tried before; `clean/`, `parts/`, `augmented/` exist.

    Whoever interrupts it finds every trial that has ended in the report, and the next call goes on from there.
    """
    os.environ[progress.ADDRESS] = f"tune@{name}"
    pipeline = load_pipeline(name, root)
    home, parts = _home(pipeline, root)
    with writable(home.folder), writable(home.scratch), locked(home.scratch / "study.lock") as lock:
        is_new = not home.journal.exists()
        home.write(plain(pipeline.document), parts)
        study = Study(home, pipeline)
        study.mark_killed(set())
        target = study.target(trials)
        study.line_up(target)
        _say(as_json, _first_words(study, target, parts, is_new))
        with _reported(study):
            _search(study, target, workers or study.search.options.workers, lock, as_json)
        files.remove(home.policies)
        findings = findings_of(study)
    _finish(findings, home, _proposal(findings, pipeline, root), write, as_json)


def _home(pipeline: Pipeline, root: Path) -> tuple[Home, dict[str, str]]:
    data = root / "data" / pipeline.name
    parts = parts_of_key(pipeline, read_parted(data / "clean", data / "parts"))
    return Home(root, pipeline.name, key_of(parts)), parts


def _search(study: Study, target: int, workers: int, lock: IO[bytes], as_json: bool) -> None:
    missing = target - sum(row.state in COUNTED for row in study.rows())
    if missing <= 0:
        return
    minutes = study.search.options.minutes
    deadline = time.time() + 60 * minutes if minutes else float("inf")
    size = min(workers, missing)
    num_gpus = _num_gpus(study.pipeline) if size > 1 else 0
    if num_gpus == 1:
        _say(as_json, f"WARNING: {size} workers share one GPU: each is slower, and together they may not fit into its memory.")
    try:
        with telling(study, target, as_json) as watch:
            Crew(study, size, num_gpus, target, deadline, lock).work(watch)
    except KeyboardInterrupt:
        done = sum(row.state in COUNTED for row in study.rows())
        raise Stopped(
            f"stopped. {done} of {target} trials are done and kept. Go on by: dl tune {study.pipeline.name}"
        ) from None


def _num_gpus(pipeline: Pipeline) -> int:
    if pipeline.train.accelerator not in ("auto", "gpu"):
        return 0
    import torch

    return torch.cuda.device_count()


@contextmanager
def _reported(study: Study) -> Iterator[None]:
    """Write the report however the search ends: what was found until then is worth as much."""
    try:
        yield
    finally:
        findings = findings_of(study)
        page = render(findings)
        write_json(study.home.folder / "trials.json", findings.as_json())
        files.replace_text(study.home.folder / "report.html", page)
        # Those of the last search, where whoever started it looks for them, such as the Dagster job.
        files.replace_text(study.home.studies / "report.html", page)
        write_json(study.home.studies / "tune.json", {"study": findings.key, "metrics": _best(findings)})


def _best(findings: Findings) -> dict[str, dict[str, float]]:
    found = {"trials": {"value": float(len(findings.rows))}}
    if findings.best and findings.best.value is not None:
        found[f"best {findings.metric}"] = {"value": findings.best.value}
    return found


def _first_words(study: Study, target: int, parts: dict[str, str], is_new: bool) -> str:
    if not is_new:
        done = sum(row.state in COUNTED for row in study.rows())
        is_all = done < target or study.search.options.sampler == "grid"
        more = "" if is_all else f" For more: dl tune {study.pipeline.name} --trials {2 * target}"
        return f"Study {study.home.key}: {done} of {target} trials are done.{more}"
    others = study.home.others()
    if not others:
        return f"Study {study.home.key}: {target} trials."
    before = others[0].parts_of_key()
    changed = [part for part, found in parts.items() if before.get(part) != found]
    return (
        f"{' and '.join(changed)[:1].upper()}{' and '.join(changed)[1:]} changed, so a new study begins: {study.home.key}, "
        f"{target} trials. The one before is kept: {others[0].folder.relative_to(study.home.root)}"
    )


def _proposal(findings: Findings, pipeline: Pipeline, root: Path) -> Proposal:
    if findings.best is None:
        reasons = Counter(row.reason for row in findings.rows if row.reason).most_common(1)
        why = f" {reasons[0][1]} of them failed alike: {reasons[0][0]}" if reasons else ""
        raise PipelineError(f"{pipeline.path}: none of {len(findings.rows)} trials came to its end.{why}")
    is_present = findings.present is not None and findings.present.number == findings.best.number
    return Proposal(pipeline.path, root, {} if is_present else findings.best.values)


def _finish(findings: Findings, home: Home, proposal: Proposal, write: Write, as_json: bool) -> None:
    diff = proposal.diff()
    places = {"report": str(home.folder / "report.html"), "trials": str(home.folder / "trials.json")}
    _say(as_json, "\n".join([sentence(findings), *(f"{title.capitalize():<8} {place}" for title, place in places.items())]))
    if not as_json and diff:
        _show(diff)
    is_written = bool(diff) and _is_wanted(findings.pipeline, write, as_json)
    if is_written:
        proposal.write()
        index.write_index(home.root)
        _say(as_json, f"Written. Train it by: dl run {findings.pipeline}")
    if as_json:
        best: dict[str, Any] | None = asdict(findings.best) if findings.best else None
        summary = {
            "kind": "summary",
            "study": findings.key,
            "best": best,
            "diff": diff,
            "written": is_written,
            "places": places,
        }
        print(json.dumps(summary), flush=True)


def _is_wanted(name: str, write: Write, as_json: bool) -> bool:
    if write == "always":
        return True
    if write == "never" or as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        _say(as_json, f"Nothing is written. To write this: dl tune {name} --yes")
        return False
    return Confirm.ask("Write this?", default=False)


def _show(diff: str) -> None:
    console = Console(soft_wrap=True)
    if console.is_terminal:
        console.print(Syntax(diff, "diff", theme="ansi_dark", background_color="default"))
    else:
        print(diff, end="", flush=True)


def _say(as_json: bool, words: str) -> None:
    if not as_json:
        print(words, flush=True)
