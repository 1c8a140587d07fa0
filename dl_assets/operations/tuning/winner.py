"""The best values in the pipeline file: only what changes is written, every other character stays as it is."""

import difflib
import io
import json
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from dl_assets.config import read_pipeline
from dl_assets.errors import PipelineError
from dl_assets.files import replace_text
from dl_assets.problems import plain, shown
from dl_assets.search_space import Values, put, take


class Proposal:
    """A pipeline file with other values, not yet written."""

    def __init__(self, path: Path, root: Path, values: Values) -> None:
        self._file, self._path = root / path, path
        self.before = self._file.read_bytes().decode("utf-8")  # as it is: line ends too
        document = plain(read_pipeline(self._file, root).document)
        changed = {name: value for name, value in values.items() if take(document, name) != value}
        after = self._changed(document, changed)
        if after is None:
            wanted = ", ".join(f"{name}: {shown(value)}" for name, value in changed.items())
            raise PipelineError(f"{path} is written in a way that cannot be changed by itself. Write there: {wanted}")
        self.after = after

    def _changed(self, document: dict[str, Any], changed: Values) -> str | None:
        """Return the text with these values, or None where it would not read as it should."""
        try:
            text = with_values(self.before, document, changed)
            return text if plain(YAML().load(text)) == put(document, changed) else None
        except YAMLError:
            return None

    def diff(self) -> str:
        """Return a unified diff, empty where nothing changes."""
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(difflib.unified_diff(before, after, str(self._path), str(self._path)))

    def write(self) -> None:
        replace_text(self._file, self.after)


def with_values(text: str, document: dict[str, Any], values: Values) -> str:
    """Return the YAML with these values; `document` is what it says now.

    >>> print(with_values("train: {epochs: 3}  # short", {"train": {"epochs": 3}}, {"train.epochs": 5, "train.seed": 1}))
    train: {epochs: 5, seed: 1}  # short
    """
    for name in sorted(values, key=lambda name: name.count(".")):
        document = put(document, {name: values[name]})
        text = _with_value(text, document, name.split("."))
    return text


def _with_value(text: str, document: dict[str, Any], place: list[str]) -> str:
    node, found, begin = YAML().compose(text), document, 0
    for part in place:
        if not isinstance(node, MappingNode):  # a preset's name, or nothing: it becomes a mapping
            break
        inside = {key.value: (key, value) for key, value in node.value}
        if part not in inside:
            return _inserted(text, node, part, found[part])
        (key, node), found = inside[part], found[part]
        begin = text.index(":", key.end_mark.index) + 1
    return _replaced(text, node, begin, found)


def _replaced(text: str, node: Node, begin: int, value: Any) -> str:
    """Write `value` instead of `node`, which stands behind the colon that ends at `begin`."""
    start, end = node.start_mark.index, _end(node)
    if start == end:  # nothing stands there
        start = end = begin
    elif "\n" in text[begin:start]:  # a block on the lines below
        start = begin
    gap = " " if start == begin else ""
    return text[:start] + gap + _flow(value) + text[end:]


def _inserted(text: str, node: MappingNode, key: str, value: Any) -> str:
    """Add a key behind the last one of a mapping."""
    entry = f"{key}: {_flow(value)}"
    if not node.value:
        return f"{text[: node.start_mark.index]}{{{entry}}}{text[node.end_mark.index :]}"
    end = _end(node.value[-1][1])
    if node.flow_style:
        return text[:end] + ", " + entry + text[end:]
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    indent = " " * int(node.value[0][0].start_mark.column)
    return f"{text[:line_end]}\n{indent}{entry}{text[line_end:]}"


def _end(node: Any) -> int:
    """Return where a node's text ends; a block ends with the last thing in it, not with the comments behind that."""
    while not isinstance(node, ScalarNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(node, MappingNode) else last
    return int(node.end_mark.index)


def _flow(value: Any) -> str:
    """Write a value on one line.

    >>> _flow([{"HorizontalFlip": {"p": 0.5}}, "Blur", None, True, "3"])
    "[{HorizontalFlip: {p: 0.5}}, Blur, null, true, '3']"
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        buffer = io.StringIO()
        YAML().dump([value], buffer)
        return buffer.getvalue().removeprefix("- ").rstrip("\n")
    return _number(value) if isinstance(value, float) else json.dumps(value)


def _number(value: float) -> str:
    """Write a float as every reader of YAML takes it for one: with a point.

    >>> _number(0.003), _number(3e-05), _number(2.0)
    ('0.003', '3.0e-05', '2.0')
    """
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}{'e' + exponent if exponent else ''}"
