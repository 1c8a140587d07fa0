"""Champion and challenger on the same frozen test set, and the decision which of the two serves from now on."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError
from dl_assets.operations.promotion import verdict
from dl_assets.operations.promotion.answers import Answered
from dl_assets.operations.promotion.arena import Arena
from dl_assets.operations.promotion.feeding import NotComparable
from dl_assets.operations.promotion.folder import Folder
from dl_assets.operations.promotion.revision import revision
from dl_assets.operations.promotion.rule import Condition, against_champion, of_itself
from dl_assets.operations.promotion.samples import read_test_set
from dl_assets.operations.promotion.verdict import Verdict

Record = dict[str, Any]
_SHOWN_CLASSES = 5


def weigh(config: Pipeline, root: Path, challenger: Folder, champion: Folder | None, before: Record | None) -> Record:
    """Return the decision on a challenger: all numbers, the rule, each condition, and the verdict with its reason.

    `before` is the decision by which the champion became it. Raises ConfigError where the challenger cannot be scored.
    """
    arena = Arena(config, root, read_test_set(config, root / "data" / config.name))
    try:
        answered = arena.answer(challenger)
    except NotComparable as error:
        raise ConfigError(
            f"The exported model of '{config.name}' cannot be scored: {error}. Run: dl run {config.name}"
        ) from error
    if champion is None:
        own = arena.numbers(challenger, answered, arena.all_classes(answered))
        return _record(arena, own, verdict.first(_of_itself(arena, own)))
    try:
        rival = arena.answer(champion)
    except NotComparable as error:
        own = arena.numbers(challenger, answered, arena.all_classes(answered))
        judged = verdict.not_comparable(config.name, str(error), _of_itself(arena, own))
        return {**_record(arena, own, judged), "champion": {"sha256": champion.sha256}, "notes": _notes(arena, before)}
    return _against(arena, (champion, rival), (challenger, answered), _notes(arena, before))


def force(decision: Record) -> Record:
    """Return the decision with the challenger as champion whatever the verdict was, unless it is that already."""
    if decision["promoted"] or decision["verdict"] == "unchanged":
        return decision
    name, reason = verdict.forced(decision["verdict"], decision["reason"])
    return {**decision, "verdict": name, "promoted": True, "reason": reason}


def _against(arena: Arena, champion: tuple[Folder, Answered], challenger: tuple[Folder, Answered], notes: list[str]) -> Record:
    fitted = arena.all_classes(champion[1], challenger[1])
    own, other = arena.numbers(*challenger, fitted), arena.numbers(*champion, fitted)
    comparison = arena.compare(champion[1], challenger[1], fitted)
    conditions = [*_of_itself(arena, own), *against_champion(arena.config.promote, arena.metric, comparison)]
    is_same = own["sha256"] == other["sha256"]
    return {
        **_record(arena, own, verdict.unchanged(conditions) if is_same else verdict.against(conditions)),
        "champion": other,
        **comparison.record(),
        "notes": [*notes, *_unknown_classes(champion[1], fitted)],
    }


def _of_itself(arena: Arena, own: Record) -> list[Condition]:
    values = {name: entry["value"] for name, entry in own["metrics"].items()}
    return of_itself(arena.config.promote, arena.metric, values, arena.directions, own["latency_ms"])


def _record(arena: Arena, own: Record, judged: Verdict) -> Record:
    return {
        "pipeline": arena.config.name,
        "verdict": judged.name,
        "promoted": judged.promoted,
        "reason": judged.reason,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "revision": revision(arena.root),
        "rule": {**arena.config.promote.model_dump(mode="json"), "metric": arena.metric, "direction": arena.direction},
        "test_set": {"sha256": arena.test.hash, "samples": len(arena.test.samples)},
        "split": arena.config.split.model_dump(mode="json"),
        "conditions": [asdict(condition) for condition in judged.conditions],
        "challenger": own,
        "champion": None,
        "notes": [],
    }


def _notes(arena: Arena, before: Record | None) -> list[str]:
    """What a reader must know to trust the comparison."""
    found = []
    if before and before["test_set"]["sha256"] != arena.test.hash:
        found.append("The test set has changed since the champion was promoted: both are scored anew on that of today.")
    if before and before["split"] != arena.config.split.model_dump(mode="json"):
        found.append(
            "The options of split have changed since the champion was promoted: it may have learnt from samples that are in "
            "the test part now, which flatters it."
        )
    return found


def _unknown_classes(rival: Answered, fitted: Record) -> list[str]:
    unknown = [name for name in fitted.get("classes", []) if name not in rival.fitted["classes"]]
    if not unknown:
        return []
    shown = ", ".join(unknown[:_SHOWN_CLASSES]) + (", ..." if len(unknown) > _SHOWN_CLASSES else "")
    return [f"The champion does not know {shown}: it counts as having answered the samples of it wrongly."]
