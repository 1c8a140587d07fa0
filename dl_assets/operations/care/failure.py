"""A run that failed, in words: a page in data/<pipeline>/failures/, and the message for a webhook."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dl_assets import files
from dl_assets.errors import Outage, UserError

FAILURES = "failures"
_MOST_PAGES = 50
_REMEDIES = {
    UserError.exit_code: "Mend what the message names, then run it again.",
    Outage.exit_code: "It was tried again and did not pass. See that what it needs is there, then run it again.",
}
_REMEDY = "Read the message and the last lines of the log, then run it again; what is finished is not repeated."


@dataclass(frozen=True)
class Failure:
    """`what` names the stage or operation that failed, such as train@digits; `exit_code` is None where no command told one."""

    pipeline: str
    job: str
    what: str
    message: str
    exit_code: int | None
    command: str
    time: datetime
    seconds: float | None
    run: str
    link: str | None
    last_lines: tuple[str, ...] = ()

    @property
    def remedy(self) -> str:
        return _REMEDIES.get(self.exit_code or 0, _REMEDY)


def write_failure(folder: Path, failure: Failure) -> Path:
    """Write the page of a failure into `folder`, in which the oldest make room; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{failure.time.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.md"
    files.replace_text(path, _page(failure))
    for old in sorted(folder.glob("*.md"))[:-_MOST_PAGES]:
        old.unlink(missing_ok=True)
    return path


def message_of(failure: Failure) -> dict[str, Any]:
    """Return what a webhook is sent; `text` is what chat programs show."""
    link = f" {failure.link}" if failure.link else ""
    told = {**asdict(failure), "time": failure.time.isoformat(timespec="seconds"), "remedy": failure.remedy}
    text = f"{failure.what} failed: {failure.message} {failure.remedy}{link}"
    return {"event": "failed", **told, "text": text}


def recovery(pipeline: str, job: str, run: str, link: str | None) -> dict[str, Any]:
    """Return what a webhook is sent when a job succeeds whose last run failed."""
    text = f"{job} works again.{f' {link}' if link else ''}"
    time = datetime.now(UTC).isoformat(timespec="seconds")
    return {"event": "recovered", "pipeline": pipeline, "job": job, "time": time, "run": run, "link": link, "text": text}


def _page(failure: Failure) -> str:
    facts = {
        "Pipeline": failure.pipeline,
        "Job": failure.job,
        "Time": f"{failure.time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "Duration": None if failure.seconds is None else f"{failure.seconds:.0f} s",
        "Run": failure.link or failure.run,
        "To repeat it": f"`{failure.command}`",
    }
    lines = "\n".join(failure.last_lines)
    parts = [
        f"# {failure.what} failed",
        failure.message,
        f"**What to do.** {failure.remedy}",
        "\n".join(f"- {name}: {fact}" for name, fact in facts.items() if fact),
        *([f"The last lines of its log:\n\n````\n{lines}\n````"] if lines else []),
    ]
    return "\n\n".join(parts) + "\n"
