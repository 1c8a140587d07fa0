"""What is wrong in a YAML file: where it stands, what was found, what is allowed and what to do about it."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scalarbool import ScalarBoolean

from dl_assets.errors import ConfigError
from dl_assets.registry import did_you_mean

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `line` counts from 1; without one, something is missing from the file as a whole."""

    line: int | None
    key: str
    message: str


class DocumentError(ConfigError):
    """Everything that is wrong in one file, in the order of its lines."""

    def __init__(self, path: Path, found: Iterable[Problem]) -> None:
        self.path = path
        self.found = sorted(dict.fromkeys(found), key=lambda problem: problem.line or float("inf"))
        places = [f"{path}:{problem.line}" if problem.line else str(path) for problem in self.found]
        lines = [f"{place}: {problem.key} {problem.message}" for place, problem in zip(places, self.found, strict=True)]
        many = f"{path} has {len(lines)} problems:\n  " if len(lines) > 1 else ""
        super().__init__(many + "\n  ".join(lines))


def gather(checks: Iterable[Callable[[], T]]) -> list[T]:
    """Run every check, even after one has failed; return their values or raise the problems of all as one."""
    values: list[T] = []
    found: list[Problem] = []
    path = Path()
    for check in checks:
        try:
            values.append(check())
        except DocumentError as problems:
            found, path = [*found, *problems.found], problems.path
    if found:
        raise DocumentError(path, found)
    return values


def fewest(checks: Iterable[Callable[[], T]]) -> list[Problem]:
    """Return the problems of the check that finds the fewest."""
    return min((_problems_of(check) for check in checks), key=len, default=[])


def _problems_of(check: Callable[[], T]) -> list[Problem]:
    try:
        check()
    except DocumentError as problems:
        return problems.found
    return []


@dataclass(frozen=True)
class Document:
    """A YAML mapping that knows its file and its lines."""

    path: Path
    content: dict[str, Any]

    def problem(self, place: Place, message: str) -> DocumentError:
        """Return (to raise or to gather) one problem at a place such as `("augment", 0, "rotate")`."""
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
        return DocumentError(self.path, [Problem(_line(self.content, place), key, message)])

    def validate(self, place: Place, options: dict[str, Any], model: type[M]) -> M:
        """Return the options at `place` as `model`, or raise every problem they have."""
        options = plain(options)
        try:
            # By way of JSON, in which a YAML list may be a tuple and nothing else is converted.
            return model.model_validate_json(json.dumps(options, default=str))
        except ValidationError as error:
            failed = error.errors()
        wrong: dict[Place, list[str]] = {}
        for item in failed:
            inside = _inside(options, item["loc"])
            if item["type"] == "missing" and isinstance(item["loc"][-1], str):
                inside = (*inside, item["loc"][-1])
            wrong.setdefault(inside, []).append(_explain(dict(item), _options_at(model, item["loc"])))
        # A value that may be this or that has a problem with each; they read as one.
        raise DocumentError(
            self.path,
            [
                problem
                for inside, messages in wrong.items()
                for problem in self.problem(
                    (*place, *inside), _ended(", or ".join(message.removesuffix(".") for message in messages))
                ).found
            ],
        )


def read_yaml(path: Path) -> Any:
    """Read YAML 1.2 and remember the lines. Raises ConfigError with the line where it is none, be it only for DVC."""
    try:
        return parse_yaml(path, path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{path}:{line}: not text in UTF-8 (byte {error.object[error.start]:#04x}). Save the file with the encoding UTF-8."
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}).") from None


def parse_yaml(path: Path, text: str) -> Any:
    """Return what the text of that file says, as `read_yaml` does."""
    try:
        document = YAML().load(text)
        YAML(typ="safe").load(text)  # as DVC does, whose parser in C takes less
        return document
    except DuplicateKeyError as error:
        key = re.search(r'duplicate key "(.*?)"', error.problem or "")
        raise ConfigError(
            f"{_marked(path, error)}: '{key[1] if key else 'a key'}' is written twice. Delete one of them."
        ) from None
    except MarkedYAMLError as error:
        raise ConfigError(f"{_marked(path, error)}: not valid YAML: {_reason(error)}.") from None
    except ReaderError as error:
        raise ConfigError(
            f"{path}: not valid YAML: character {error.position + 1} may not be in a text file. Delete it."
        ) from None
    except (YAMLError, ValueError, TypeError, RecursionError) as error:  # ruamel: an impossible date, an unhashable key, ...
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}.") from None


def shown(value: Any) -> str:
    """Return a value as the user may have written it, shortened."""
    text = f"'{value}'" if isinstance(value, str) else json.dumps(plain(value), default=str, ensure_ascii=False)
    text = "nothing" if value is None else text
    return text if len(text) <= 60 else text[:57] + "..."


def choose(found: object, known: Iterable[str]) -> str:
    """Return the end of a sentence that names the nearest known name and then all of them.

    >>> choose("trian", ["test", "train"])
    ", did you mean 'train'? Allowed: test, train."
    """
    known = list(known)
    return f"{did_you_mean(found, known) or '.'} Allowed: {', '.join(known) or 'nothing'}."


_NEEDED = {
    "int_type": "must be a whole number such as 3",
    "int_from_float": "must be a whole number such as 3",
    "float_type": "must be a number such as 0.5",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "string_type": "must be text; put it in quotes if it is meant as text",
    "tuple_type": "must be a list such as [0.9, 1.1]",
    "list_type": "must be a list such as [1, 2]",
    "dict_type": "must be a mapping such as {a: b}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
}


def _explain(item: dict[str, Any], known: list[str]) -> str:
    """Say in plain English what a pydantic error means."""
    kind, context, found = item["type"], item.get("ctx", {}), item["input"]
    if kind == "extra_forbidden":
        return f"is not known here{choose(item['loc'][-1], known)}"
    if kind == "missing":
        if isinstance(item["loc"][-1], int):
            return "has too few entries"
        return f"is missing. Add `{item['loc'][-1]}: ...`."
    if kind == "value_error":
        message = str(context["error"])
        how = ", which" if message[:1].islower() else ":"  # what libraries say is a sentence of its own
        return f"is {shown(found)}{how} {message}" if item["loc"] else message
    if kind == "literal_error":
        return f"is {shown(found)}{choose(found, context['expected'].replace(chr(39), '').replace(' or ', ', ').split(', '))}"
    if kind == "union_tag_invalid":  # several kinds of options, told apart by their name
        return f"is {shown(context['tag'])}{choose(context['tag'], context['expected_tags'].replace(chr(39), '').split(', '))}"
    needed = _NEEDED[kind].format(**context) if kind in _NEEDED else item["msg"].replace("Input should", "must")
    return f"is {shown(found)}, but {needed}"


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?")) else f"{sentence}."


def _inside(options: Any, location: tuple[str | int, ...]) -> Place:
    """Return those parts of pydantic's `location` that the file has; the others name types, not keys."""
    place: Place = ()
    for part in location:
        try:
            options = options[part]
        except (KeyError, IndexError, TypeError):
            continue
        place = (*place, part)
    return place


def _options_at(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Return the options of the mapping in which `location` ends, which may be one of several kinds told apart by name."""
    models = [model]
    for part in location[:-1]:
        chosen = [kind for kind in models if kind.__name__ == part]
        fields = [kind.model_fields[part] for kind in models if part in kind.model_fields]
        models = chosen or [kind for field in fields for kind in _models_in(field.annotation)] or models
    return [name for kind in models for name in kind.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [kind for part in get_args(annotation) for kind in _models_in(part)]


def plain(value: Any) -> Any:
    """Return ruamel's values as Python's own, with text for keys."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return bool(value) if isinstance(value, ScalarBoolean) else value


def _marked(path: Path, error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"{path}:{mark.line + 1}" if mark else str(path)


def _reason(error: MarkedYAMLError) -> str:
    problem, context = (error.problem or "").strip(), (error.context or "").strip()
    if "'\\t'" in problem:
        return "a line is indented with a tab; use spaces"
    if problem == "found unexpected ':'":
        return "what has a ':' must stand in quotes inside of [] and {}, such as 'team:vision'"
    if problem.startswith("but"):
        return f"{context} {problem}"
    begun = f" {context}, which begins on line {error.context_mark.line + 1}" if context and error.context_mark else ""
    return f"{problem or 'it cannot be read'}{begun}"


def _line(content: Any, place: Place) -> int | None:
    """Line (from 1) of the deepest part of `place` that the file has."""
    line = None
    for part in place:
        try:
            marks = content.lc
            line = (marks.item(part) if isinstance(content, list) else marks.key(part))[0] + 1
            content = content[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line
