"""`promotions.json`: every promotion and rollback of a pipeline, and which of them made the champion that serves."""

import json
from pathlib import Path
from typing import Any

from dl_assets.artifacts.report import read_json
from dl_assets.config import read_yaml
from dl_assets.errors import ConfigError
from dl_assets.files import replace_text

PROMOTIONS, POINTER = "promotions.json", "champion.dvc"
PROMOTION, ROLLBACK = "promotion", "rollback"
_SHORTEST_HASH = 4

Entry = dict[str, Any]


def read(folder: Path) -> list[Entry]:
    """Return the entries of data/<pipeline>, oldest first; each has its number, from 1 on."""
    entries = read_json(folder / PROMOTIONS) if (folder / PROMOTIONS).is_file() else []
    return [{"number": number, **entry} for number, entry in enumerate(entries, start=1)]


def append(folder: Path, entry: Entry) -> None:
    """Add an entry, unless it is the last one already: a promotion that is completed after a crash may have come so far."""
    entries = read_json(folder / PROMOTIONS) if (folder / PROMOTIONS).is_file() else []
    if not entries or entries[-1] != entry:
        replace_text(folder / PROMOTIONS, json.dumps([*entries, entry], indent=2, ensure_ascii=False) + "\n")


def current_md5(folder: Path) -> str | None:
    """Return the hash of the champion as champion.dvc has it; None where there is no champion."""
    if not (folder / POINTER).is_file():
        return None
    md5: str = read_yaml(folder / POINTER)["outs"][0]["md5"]
    return md5


def current(entries: list[Entry], md5: str | None) -> Entry | None:
    """Return the promotion whose model serves: the last that made a folder of this hash."""
    last = next((entry for entry in reversed(entries) if entry["md5"] == md5), None)
    return last and _promotion(entries, last)


def former(entries: list[Entry], md5: str | None) -> Entry | None:
    """Return the promotion whose model served before the current one was promoted; None where there was none.

    One step at a time: a rollback after a rollback goes on to the one before.
    """
    now = current(entries, md5)
    if now is None or now["number"] == 1:
        return None
    return _promotion(entries, entries[now["number"] - 2])


def find(entries: list[Entry], wanted: str, pipeline: str) -> Entry:
    """Return the promotion of this number, or of the folder or model whose hash begins so. Raises ConfigError."""
    if wanted.isdecimal() and 1 <= int(wanted) <= len(entries):
        return _promotion(entries, entries[int(wanted) - 1])
    fits = [
        entry
        for entry in entries
        if entry["action"] == PROMOTION
        and len(wanted) >= _SHORTEST_HASH
        and (entry["md5"].startswith(wanted) or entry["sha256"].startswith(wanted))
    ]
    if len({entry["md5"] for entry in fits}) != 1:
        what = "fits several promotions" if fits else "is no promotion"
        raise ConfigError(f"--to {wanted} {what} of '{pipeline}'. They are listed by: dl models {pipeline}")
    return fits[-1]


def _promotion(entries: list[Entry], entry: Entry) -> Entry:
    """Return the promotion that an entry stands for: a rollback stands for what it brought back."""
    return entries[entry["to"] - 1] if entry["action"] == ROLLBACK else entry
