"""The `space` of the `tune` section: places in a pipeline file, and what may stand there instead."""

import itertools
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from dl_assets.problems import Document, DocumentError, Place, Problem, gather, plain, shown
from dl_assets.registry import did_you_mean
from dl_assets.sections import Range, Tune

SEARCHED = ("model", "train", "augment")
MAX_GRID = 10_000
_SPLIT = 0.381966  # of a range: where no whole number is expected

Direction = Literal["minimize", "maximize"]
Values = dict[str, Any]  # name of a place -> what stands there


@dataclass(frozen=True)
class OneOf:
    """A place with candidates that have no order. `name` is the place with dots, such as `model.width`."""

    name: str
    candidates: tuple[Any, ...]

    def grid(self) -> tuple[Any, ...]:
        return self.candidates


@dataclass(frozen=True)
class Between:
    """A place with numbers from `low` to `high`, both included; `whole` where the option takes whole numbers only."""

    name: str
    low: float
    high: float
    step: float | None
    log: bool
    whole: bool

    def grid(self) -> tuple[Any, ...] | None:
        """Return every value, or None where there is no step.

        >>> Between("train.weight_decay", 0.1, 0.35, 0.1, log=False, whole=False).grid()
        (0.1, 0.2, 0.3)
        """
        if self.step is None:
            return None
        count = math.floor((self.high - self.low) / self.step + 1e-9) + 1
        values = (self.low + index * self.step for index in range(count))
        return tuple(int(value) if self.whole else short(value) for value in values)


Dimension = OneOf | Between


@dataclass(frozen=True)
class Search:
    """The checked section; `direction` says which way the metric is better."""

    options: Tune
    dimensions: tuple[Dimension, ...]
    direction: Direction

    def grid(self) -> list[Values]:
        """Return every combination; only where each place has a grid."""
        names = [dimension.name for dimension in self.dimensions]
        return [dict(zip(names, values, strict=True)) for values in itertools.product(*_grids(self.dimensions))]


def short(value: float) -> float:
    """Round to four digits: what is tried is what can be read in the file.

    >>> short(0.00123456), short(0.30000000000000004)
    (0.001235, 0.3)
    """
    return float(f"{value:.4g}")


# ---- places ------------------------------------------------------------------------------------------------------


class NoPlaceError(Exception):
    """The path leads through something that is no mapping."""

    def __init__(self, name: str, found: Any) -> None:
        super().__init__(f"is inside {name}, which is {shown(found)} in this file and no mapping. Write it there as one.")


def put(document: dict[str, Any], values: Values) -> dict[str, Any]:
    """Return a plain document with these values in place; whole sections first, then what is inside them.

    >>> put({"train": {"epochs": 3}, "augment": "light"}, {"train.batch_size": 8, "augment.mixup": 0.2})
    {'train': {'epochs': 3, 'batch_size': 8}, 'augment': {'preset': 'light', 'mixup': 0.2}}
    """
    for name in sorted(values, key=lambda name: name.count(".")):
        section, *rest = name.split(".")
        document = {**document, section: _put(_opened(section, document.get(section), rest), rest, values[name], section)}
    return document


def take(document: dict[str, Any], name: str, missing: Any = None) -> Any:
    """Return what stands at a place, `missing` where nothing does."""
    section, *rest = name.split(".")
    found = _opened(section, document.get(section), rest)
    for part in rest:
        if not isinstance(found, dict) or part not in found:
            return missing
        found = found[part]
    return found


def without(document: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return the searched sections of a plain document without what stands at these places."""
    kept = {section: _opened(section, document.get(section), ["?"]) for section in SEARCHED}
    for name in names:
        section, *rest = name.split(".")
        kept[section] = _without(kept[section], rest)
    return kept


def _opened(section: str, found: Any, rest: list[str]) -> Any:
    """A preset's name and a list of transforms are short for a mapping, which has room for more."""
    if section == "augment" and rest:
        return {"preset": found} if isinstance(found, str) else {"transforms": found} if isinstance(found, list) else found
    return found


def _put(found: Any, rest: list[str], value: Any, name: str) -> Any:
    if not rest:
        return value
    if not isinstance(found, dict | None):
        raise NoPlaceError(name, found)
    inside = found or {}
    return {**inside, rest[0]: _put(inside.get(rest[0]), rest[1:], value, f"{name}.{rest[0]}")}


def _without(found: Any, rest: list[str]) -> Any:
    if not rest:
        return None
    if not isinstance(found, dict):
        return found
    kept = {key: item for key, item in found.items() if key != rest[0]}
    inside = _without(found.get(rest[0]), rest[1:])
    return kept | ({rest[0]: inside} if inside else {})


# ---- checking ----------------------------------------------------------------------------------------------------


def read_space(file: Document, options: Tune, problems_of: Callable[[dict[str, Any], str], list[Problem]]) -> list[Dimension]:
    """Try every candidate in the file. `problems_of` says what is wrong with a section of a document."""
    reader = _Reader(file, options, plain(file.content), problems_of)
    dimensions = gather(partial(reader.dimension, name, entry) for name, entry in options.space.items())
    if options.sampler == "grid":
        size = math.prod(map(len, _grids(dimensions)))
        if size > MAX_GRID:
            raise file.problem(
                ("tune", "space"), f"has {size:,} combinations, but a grid may have {MAX_GRID:,}. Leave some out, or use tpe."
            )
    return dimensions


def _grids(dimensions: list[Dimension] | tuple[Dimension, ...]) -> Iterator[tuple[Any, ...]]:
    for dimension in dimensions:
        values = dimension.grid()
        assert values is not None, "read_space lets no other grid through"
        yield values


@dataclass(frozen=True)
class _Reader:
    file: Document
    options: Tune
    content: dict[str, Any]
    problems_of: Callable[[dict[str, Any], str], list[Problem]]
    before: dict[str, list[Problem]] = field(default_factory=dict)  # section -> what is wrong with it as the file has it

    def dimension(self, name: str, entry: Any) -> Dimension:
        place: Place = ("tune", "space", name)
        section = name.partition(".")[0]
        if section not in SEARCHED:
            raise self.file.problem(
                place,
                f"is no place that can be searched{did_you_mean(section, SEARCHED) or '.'} "
                f"A place begins with {', '.join(SEARCHED)}, such as `train.learning_rate`.",
            )
        if isinstance(entry, list):
            return self._one_of(name, entry, place)
        if isinstance(entry, dict):
            return self._between(name, self.file.validate(place, entry, Range), place)
        raise self.file.problem(
            place, f"is {shown(entry)}, but must be a list such as [8, 16] or a range such as {{low: 1, high: 9}}."
        )

    def _one_of(self, name: str, entry: list[Any], place: Place) -> OneOf:
        if len(entry) < 2:
            raise self.file.problem(place, f"is {shown(entry)}, but needs two candidates or more to choose from.")
        gather(partial(self._candidate, name, entry, index, (*place, index)) for index in range(len(entry)))
        return OneOf(name, tuple(entry))

    def _candidate(self, name: str, entry: list[Any], index: int, place: Place) -> None:
        if json.dumps(entry[index]) in map(json.dumps, entry[:index]):
            raise self.file.problem(place, f"is {shown(entry[index])}, which is there already. Delete it.")
        self._require_fit(name, entry[index], place)

    def _between(self, name: str, span: Range, place: Place) -> Between:
        gather(partial(self._require_fit, name, getattr(span, end), (*place, end)) for end in ("low", "high"))
        whole = bool(self._wrong(name, span.low + _SPLIT * (span.high - span.low), place))
        if whole and isinstance(span.step, float):
            raise self.file.problem((*place, "step"), f"is {shown(span.step)}, but {name} takes whole numbers only.")
        if self.options.sampler == "grid" and span.step is None:
            raise self.file.problem(place, "is a range without `step`, but a grid tries every value. Add one, or write a list.")
        return Between(name, span.low, span.high, span.step, span.log, whole)

    def _require_fit(self, name: str, value: Any, place: Place) -> None:
        wrong = self._wrong(name, value, place)
        if wrong:
            raise DocumentError(self.file.path, wrong)

    def _wrong(self, name: str, value: Any, place: Place) -> list[Problem]:
        """Say what is wrong with the file when `value` is put there, beside what is wrong with it anyway."""
        section = name.partition(".")[0]
        try:
            document = put(self.content, {name: value})
        except NoPlaceError as error:
            return self.file.problem(place[:3], str(error)).found
        found = [problem for problem in self.problems_of(document, section) if problem not in self._anyway(section)]
        return [problem for each in found for problem in self._retold(each, name, value, place).found]

    def _anyway(self, section: str) -> list[Problem]:
        if section not in self.before:
            self.before[section] = self.problems_of(self.content, section)
        return self.before[section]

    def _retold(self, problem: Problem, name: str, value: Any, place: Place) -> DocumentError:
        """The same problem, but of the candidate; that there is no such option is one of the place."""
        if problem.key != name:
            return self.file.problem(place, f"is {shown(value)}, with which {problem.key} {problem.message}")
        unknown = problem.message.startswith("is not known here")
        return self.file.problem(place[:3] if unknown else place, problem.message)
