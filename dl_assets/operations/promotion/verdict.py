"""What the conditions of the rule amount to: the verdict, and the reason for it in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from dl_assets.operations.promotion.rule import Condition


@dataclass(frozen=True)
class Verdict:
    """`promoted`, `refused`, `unchanged`, `not comparable` or `forced`, and whether the challenger becomes the champion."""

    name: str
    promoted: bool
    reason: str
    conditions: Sequence[Condition]


def first(conditions: Sequence[Condition]) -> Verdict:
    """Judge a challenger where there is no champion yet: only by what it must reach of itself."""
    if failed := _failed(conditions):
        return Verdict(
            "refused", False, f"There is no champion yet, but the challenger is not good enough: {failed}.", conditions
        )
    return Verdict("promoted", True, "It is the first champion.", conditions)


def against(conditions: Sequence[Condition]) -> Verdict:
    """Judge a challenger beside the champion."""
    if failed := _failed(conditions):
        return Verdict("refused", False, f"The champion stays: {failed}.", conditions)
    gain = next(one for one in conditions if one.name == "gain")
    return Verdict("promoted", True, f"The challenger becomes the champion: {gain.detail}.", conditions)


def unchanged(conditions: Sequence[Condition]) -> Verdict:
    return Verdict("unchanged", False, "The challenger is the champion already: it is the same file.", conditions)


def not_comparable(pipeline: str, why: str, conditions: Sequence[Condition]) -> Verdict:
    """Keep a champion that cannot be asked about the test samples of today, and say how to replace it all the same."""
    reason = f"The champion cannot be compared: {why}. To replace it unseen run: dl promote {pipeline} --force"
    return Verdict("not comparable", False, reason, conditions)


def forced(name: str, reason: str) -> tuple[str, str]:
    """Return verdict and reason of a promotion that the rule did not ask for."""
    return "forced", f"It was promoted by --force, against the verdict '{name}': {reason}"


def _failed(conditions: Sequence[Condition]) -> str:
    """Tell the first condition that failed in words and the others by name; nothing where all passed."""
    failed = [one for one in conditions if not one.passed]
    others = f" (failed too: {', '.join(one.name for one in failed[1:])})" if len(failed) > 1 else ""
    return f"{failed[0].detail}{others}" if failed else ""
