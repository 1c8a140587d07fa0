"""What a stage has to say about its run: counts, numbers and checks, as `reports/<stage>.json`."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from dl_assets.errors import ArtifactError

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Check:
    """One statement about an artifact that holds or does not; a failed error-check stops the pipeline."""

    name: str
    passed: bool
    value: float
    threshold: float
    severity: Severity = "error"
    detail: str = ""

    def sentence(self) -> str:
        return f"{self.name}: found {self.value:g}, allowed {self.threshold:g}. {self.detail}".strip()


@dataclass(frozen=True)
class Report:
    """Counts (numbers of samples), numbers (everything else) and checks of one stage's run."""

    counts: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    def failed(self) -> list[Check]:
        return [check for check in self.checks if not check.passed and check.severity == "error"]


def write_report(path: Path, report: Report, seconds: float) -> None:
    checks = {check.name: {k: v for k, v in asdict(check).items() if k != "name"} for check in report.checks}
    write_json(path, {"counts": report.counts, "numbers": report.numbers, "checks": checks, "seconds": round(seconds, 3)})


def read_checks(path: Path) -> list[Check]:
    """Return the checks of a report, or nothing where the stage has not written one yet."""
    if not path.is_file():
        return []
    return [Check(name=name, **values) for name, values in read_json(path)["checks"].items()]


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people and programs. Raises ValueError on NaN, which is no JSON."""
    path.write_text(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read JSON. Raises ArtifactError where the file is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtifactError(f"{path} does not exist. Run the stage that writes it again: dl run NAME.") from None
    except json.JSONDecodeError as error:
        raise ArtifactError(f"{path} is not valid JSON ({error}). Delete it and run the stage that writes it again.") from None
