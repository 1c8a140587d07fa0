"""Stages that run although nothing changed: those that the tag `dl/force` of a Dagster run names, such as `train@digits`."""

from collections.abc import Mapping, Sequence

FORCE_TAG = "dl/force"


def force_tag(addresses: Sequence[str]) -> dict[str, str]:
    return {FORCE_TAG: " ".join(addresses)} if addresses else {}


def is_forced(tags: Mapping[str, str], address: str) -> bool:
    return address in tags.get(FORCE_TAG, "").split()
