"""`dl promote` and `dl rollback`: the only two that change data/<pipeline>/champion, in one step that no crash can halve."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dl_assets import runner
from dl_assets.artifacts.report import read_json
from dl_assets.config import load_pipeline
from dl_assets.errors import ConfigError
from dl_assets.operations.promote import Record, force, weigh
from dl_assets.operations.promotion import history
from dl_assets.operations.promotion.folder import DECISION, Folder, open_folder
from dl_assets.operations.promotion.revision import revision
from dl_assets.orchestration import champion_store
from dl_assets.orchestration.champion_inputs import stale_inputs
from dl_assets.orchestration.champion_store import Stored
from dl_assets.orchestration.champion_swap import Place


def promote(name: str, root: Path, *, forced: bool = False, dry_run: bool = False) -> Record:
    """Weigh the exported model against the champion and let it take the champion's place where the rule, or force, says so.

    The decision is returned, and, but for a dry run, written to reports/promotion/decision.json. Raises ConfigError.
    """
    config = load_pipeline(name, root)
    with _alone(name, root) as place:
        champion = _champion(place)
        challenger = _copy_of_exported(place)
        stale = _require_fresh(place, forced=forced)
        before = read_json(place.champion / DECISION) if champion else None
        decision = weigh(config, root, challenger, champion, before)
        decision = {**(force(decision) if forced else decision), "notes": [*decision["notes"], *stale]}
        if not dry_run and decision["promoted"]:
            _write(place.new / DECISION, decision)
            stored = champion_store.put(root, place.new)
            place.install(stored, _entry(history.PROMOTION, stored, decision))
        elif not dry_run:
            place.tell(decision)
    return decision


def rollback(name: str, root: Path, to: str | None = None) -> history.Entry:
    """Bring a former champion back from DVC's cache, byte for byte, and return its promotion. Raises ConfigError."""
    load_pipeline(name, root)
    with _alone(name, root) as place:
        entries, now = history.read(place.folder), history.current_md5(place.folder)
        wanted = history.find(entries, to, name) if to else history.former(entries, now)
        if wanted is None:
            none = "no champion" if now is None else "no former champion"
            raise ConfigError(f"'{name}' has {none} to go back to. Its promotions are listed by: dl models {name}")
        if wanted["md5"] == now:
            raise ConfigError(f"Promotion {wanted['number']} of '{name}' is the champion already. Others: dl models {name}")
        stored = Stored(wanted["md5"], wanted["size"], wanted["nfiles"])
        champion_store.take(root, stored, place.new, name)
        entry = {
            "action": history.ROLLBACK,
            "to": wanted["number"],
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "revision": revision(root),
            "sha256": wanted["sha256"],
            **asdict(stored),
        }
        place.install(stored, entry)
    return wanted


def restore(name: str, root: Path) -> None:
    """Put the champion that champion.dvc names in its place, if another one is there or none. Raises ConfigError."""
    md5 = history.current_md5(root / "data" / name)
    if md5 is None:
        return
    with _alone(name, root) as place:
        if place.champion.is_dir() and champion_store.put(root, place.champion).md5 == md5:
            return
        champion_store.take(root, Stored(md5, 0, 0), place.new, name)
        place.exchange()


@contextmanager
def _alone(name: str, root: Path) -> Iterator[Place]:
    """Let one process at a time change the champion; complete or undo what a killed one has left."""
    place = Place(root, name)
    with runner.writable(place.folder), runner.locked(root / "data" / ".tmp" / f"{name}.champion.lock"):
        place.recover()
        try:
            yield place
        finally:
            place.clear()


def _copy_of_exported(place: Place) -> Folder:
    """Copy the challenger first: a run beside this one may replace exported/ meanwhile."""
    remedy = f"Run: dl run {place.pipeline}"
    if not place.exported.is_dir():
        raise ConfigError(f"{place.exported} does not exist: there is no exported model of '{place.pipeline}' yet. {remedy}")
    open_folder(place.exported, remedy)
    shutil.copytree(place.exported, place.new)
    return open_folder(place.new, remedy)


def _require_fresh(place: Place, *, forced: bool) -> list[str]:
    """Raise ConfigError where the model was made from other samples than it would be compared on; told, where it is forced."""
    stale = stale_inputs(place.root, place.pipeline)
    if not stale:
        return []
    told = (
        f"{' and '.join(stale)} changed since {place.exported} was made: the model may have learnt from samples that are in "
        "the test part now, which flatters it."
    )
    if not forced:
        raise ConfigError(f"{told} Run: dl run {place.pipeline}")
    return [told]


def _champion(place: Place) -> Folder | None:
    remedy = f"Bring it back: dvc checkout {place.champion}.dvc (after a clone: dvc pull {place.champion}.dvc)"
    if place.champion.is_dir():
        return open_folder(place.champion, remedy)
    if (place.folder / history.POINTER).is_file():
        raise ConfigError(f"{place.champion} does not exist, but {history.POINTER} beside it tells of a champion. {remedy}")
    return None


def _entry(action: str, stored: Stored, decision: Record) -> dict[str, Any]:
    own = decision["challenger"]
    told = {name: decision[name] for name in ("time", "revision", "verdict", "reason")}
    metrics = {"metric": decision["rule"]["metric"], "metrics": own["metrics"]}
    return {"action": action, **told, **metrics, "sha256": own["sha256"], **asdict(stored)}


def _write(path: Path, decision: Record) -> None:
    path.write_text(json.dumps(decision, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
