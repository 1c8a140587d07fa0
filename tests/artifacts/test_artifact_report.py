import json
from pathlib import Path

import pytest

from dl_assets.artifacts.report import Check, Report, read_checks, read_json, write_json, write_report
from dl_assets.errors import ArtifactError

PASSED = Check("rejected_share", passed=True, value=0.01, threshold=0.1)
FAILED = Check("leaked_duplicates", passed=False, value=2, threshold=0, detail="In more than one part: digest x.")
WARNED = Check("agreement", passed=False, value=0.9, threshold=0.99, severity="warning")


def test_a_report_on_disk_has_counts_numbers_checks_and_seconds(tmp_path: Path) -> None:
    write_report(tmp_path / "r.json", Report({"kept": 3}, {"share": 0.5}, [PASSED]), 1.23456)
    assert json.loads((tmp_path / "r.json").read_text()) == {
        "counts": {"kept": 3},
        "numbers": {"share": 0.5},
        "seconds": 1.235,
        "checks": {"rejected_share": {"passed": True, "value": 0.01, "threshold": 0.1, "severity": "error", "detail": ""}},
    }


def test_checks_come_back_as_they_were_written(tmp_path: Path) -> None:
    write_report(tmp_path / "r.json", Report(checks=[PASSED, FAILED, WARNED]), 0)
    assert read_checks(tmp_path / "r.json") == [PASSED, FAILED, WARNED]


def test_a_stage_that_has_not_run_has_no_checks(tmp_path: Path) -> None:
    assert read_checks(tmp_path / "r.json") == []


def test_only_a_failed_error_fails_the_stage() -> None:
    assert Report(checks=[PASSED, FAILED, WARNED]).failed() == [FAILED]


def test_a_failed_check_says_what_was_found_and_allowed() -> None:
    assert FAILED.sentence() == "leaked_duplicates: found 2, allowed 0. In more than one part: digest x."


def test_nan_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"accuracy": float("nan")})


@pytest.mark.parametrize("text", ["", "{", "not json"])
def test_broken_json_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ArtifactError, match=r"x\.json is not valid JSON"):
        read_json(tmp_path / "x.json")
