"""The names of the classes: which are renamed, which look like slips, and whether every class has enough samples."""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from dl_assets.artifacts.report import Check

MAX_COMPARED = 2_000  # names; of more, only those that are equal but for their spelling are found
RARE = 0.02  # of the samples of the class that a name is one slip away from
_SEPARATORS = re.compile(r"(?<=\w)[\s_./-]+(?=\w)")  # between words only: grade A- is not grade A, nor is -1 the same as 1


class Suggestion(NamedTuple):
    """A target that may be meant as another one. Nothing is renamed unless the YAML says so, in `clean: {labels: ...}`."""

    found: str
    instead: str
    num_samples: int  # of `found`
    reason: str


def suggestions(targets: pl.Series) -> list[Suggestion]:
    """Return what looks like a slip, by name: spelled alike (case, spaces, separators, width), or a rare name one edit away.

    The instead is the commoner one; of equally common ones, the first by name. Names of less than four letters, and edits
    of a digit (grade_1, grade_2), are no slips.
    """
    sizes: dict[str, int] = dict(
        targets.drop_nulls().value_counts().sort("count", targets.name, descending=[True, False]).rows()
    )
    known: dict[str, str] = {}  # as it is compared -> its commonest name
    found: list[Suggestion] = []
    for name, size in sizes.items():
        commoner = known.setdefault(plain(name), name)
        if commoner != name:
            found.append(Suggestion(name, commoner, size, "the same but for its spelling"))
    if len(known) <= MAX_COMPARED:
        found += _slips(known, sizes)
    return sorted(found, key=lambda suggestion: suggestion.found)


def plain(name: str) -> str:
    """Return a name as it is compared.

    >>> plain(" Red_Panda "), plain("red-panda"), plain("RED  panda")
    ('red panda', 'red panda', 'red panda')
    """
    return _SEPARATORS.sub(" ", unicodedata.normalize("NFKC", name).casefold().strip())


def label_checks(targets: pl.Series, mapping: dict[str, str]) -> list[Check]:
    """Return a warning about names in the mapping that no sample has; `targets` are those that the source gives.

    It is no error, because what is mapped today may have been mended in the source tomorrow.
    """
    unused = sorted(set(mapping).difference(targets.unique()))
    detail = f"No sample has {_few([repr(name) for name in unused])}: mend or remove it in clean.labels." if unused else ""
    return [Check("labels_used", not unused, len(unused), 0, "warning", detail)]


def class_checks(samples: pl.DataFrame, *, min_class_size: int, max_imbalance: float) -> list[Check]:
    """Return warnings about classes that are too small to learn or to measure, and about imbalance."""
    sizes = samples["target"].value_counts().sort("count", "target").rows() or [("", 0)]
    (smallest, least), (largest, most) = sizes[0], sizes[-1]
    small = [f"{name!r} ({count})" for name, count in sizes if count < min_class_size]
    imbalance = most / least if least else 1.0
    return [
        Check(
            "class_size",
            passed=not small,
            value=least,
            threshold=min_class_size,
            severity="warning",
            detail=f"Too few samples to learn from and to measure by: {_few(small)}." if small else "",
        ),
        Check(
            "class_imbalance",
            passed=imbalance <= max_imbalance,
            value=imbalance,
            threshold=max_imbalance,
            severity="warning",
            detail=f"The largest class is {largest!r} ({most}), the smallest {smallest!r} ({least}).",
        ),
    ]


def _slips(known: dict[str, str], sizes: dict[str, int]) -> Iterator[Suggestion]:
    """Yield the rare names that are one letter away from a common one; `known` is sorted, commonest first."""
    for spelling, name in known.items():
        for other, common in known.items():
            if sizes[name] > RARE * sizes[common]:
                break
            if _one_edit_apart(spelling, other):
                yield Suggestion(name, common, sizes[name], "rare, and one letter away")
                break


def _one_edit_apart(one: str, other: str) -> bool:
    """Whether one letter is put in, left out or exchanged, or two neighbours are swapped.

    >>> [_one_edit_apart("panda", other) for other in ("pamda", "pandas", "pnada", "panda", "padna1")]
    [True, True, True, False, False]
    """
    if one == other or min(len(one), len(other)) < 4 or abs(len(one) - len(other)) > 1:
        return False
    start = next((index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    one, other = one[start:], other[start:]
    if any(character.isdigit() for character in one[:1] + other[:1]):
        return False
    swapped = one[:2] == other[:2][::-1] and one[2:] == other[2:]
    return swapped or one[1:] == other[1:] or one[1:] == other or one == other[1:]


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
