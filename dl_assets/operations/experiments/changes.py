"""`train.learning_rate=0.01,0.001 model.width=8,16`: places in a pipeline file, and every combination of their values."""

import itertools
import json
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from dl_assets.config import SECTIONS, Pipeline
from dl_assets.errors import ConfigError
from dl_assets.operations.model_fits import require_model_fits
from dl_assets.problems import Document, choose, gather, plain, shown
from dl_assets.search_space import NoPlaceError, Values, put

MAX_COMBINATIONS = 200
PLACES = tuple(section for section in SECTIONS if section not in ("task", "schedule"))
EXAMPLE = "train.learning_rate=0.01,0.001"
# What the network is built from; to build it anew for every learning rate would take a while.
_BUILT = ("clean", "augment", "model")


def read_changes(words: Iterable[str]) -> dict[str, list[Any]]:
    """Return place -> values. Raises ConfigError.

    >>> read_changes(["train.learning_rate=0.01,1e-3", "model.hidden=[64, 32],[128]", "augment=light,none"])
    {'train.learning_rate': [0.01, 0.001], 'model.hidden': [[64, 32], [128]], 'augment': ['light', 'none']}
    """
    changes: dict[str, list[Any]] = {}
    for word in words:
        place, sign, text = word.partition("=")
        if not sign or not place:
            raise ConfigError(f"'{word}' names no place and values. Write, for example: {EXAMPLE}")
        if place in changes:
            raise ConfigError(f"{place} is given twice. Write all of its values behind one sign: {place}=1,2")
        changes[place] = _values(word, text)
    return changes


def combinations(changes: dict[str, list[Any]]) -> list[Values]:
    """Return every combination; a value that is given twice counts once. Raises ConfigError where there are none or too many.

    >>> combinations({"train.epochs": [3, 5, 3], "model.width": [8]})
    [{'train.epochs': 3, 'model.width': 8}, {'train.epochs': 5, 'model.width': 8}]
    """
    if not changes or not all(isinstance(values, list) and values for values in changes.values()):
        raise ConfigError(f"An experiment changes something: a place and one value or more, such as {EXAMPLE}")
    different = [list({json.dumps(value): value for value in values}.values()) for values in changes.values()]
    found = [dict(zip(changes, values, strict=True)) for values in itertools.product(*different)]
    if len(found) > MAX_COMBINATIONS:
        raise ConfigError(
            f"These are {len(found):,} combinations, and at most {MAX_COMBINATIONS} are run by one command. Leave some out, "
            "or search among them: dl tune"
        )
    return found


def require_valid(config: Pipeline, found: list[Values]) -> None:
    """Raise ConfigError that lists what is wrong with any combination, each complaint once."""
    sound: set[str] = set()
    gather(partial(_require_valid, config, values, sound) for values in found)


def _require_valid(config: Pipeline, values: Values, sound: set[str]) -> None:
    file = Document(config.path, config.document)
    gather(partial(_require_place, file, place) for place in values)
    try:
        changed = Pipeline(config.path, put(plain(config.document), values)).check()
    except NoPlaceError as error:
        raise file.problem((", ".join(values),), str(error)) from None
    built = json.dumps([changed.document.get(section) for section in _BUILT], default=str)
    if built not in sound:
        require_model_fits(changed)
        sound.add(built)


def _require_place(file: Document, place: str) -> None:
    section = place.partition(".")[0]
    if section not in PLACES:
        raise file.problem((place,), f"is no place that an experiment can change{choose(section, PLACES)}")


def told(values: Values) -> str:
    """Return values as they are written on the command line.

    >>> told({"train.learning_rate": 0.001, "model.hidden": [64, 32]})
    'train.learning_rate=0.001 model.hidden=[64, 32]'
    """
    return " ".join(f"{place}={value if isinstance(value, str) else shown(value)}" for place, value in values.items())


def _values(word: str, text: str) -> list[Any]:
    try:
        values = YAML(typ="safe").load(f"[{text}]")
    except YAMLError:
        values = None
    if not isinstance(values, list) or not values:
        raise ConfigError(f"'{word}' cannot be read: behind the sign come values with commas between them, such as {EXAMPLE}")
    return [_number(value) for value in values]


def _number(value: Any) -> Any:
    """To YAML `1e-3` is a word; here it is what everybody means by it."""
    if isinstance(value, str) and value[:1] in "+-.0123456789":
        with suppress(ValueError):
            return float(value)
    return value
