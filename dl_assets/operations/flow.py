"""YAML on one line."""

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import SingleQuotedScalarString


def flow(value: dict[str, Any]) -> str:
    """Return YAML on one line, quoted where it must be.

    >>> print(flow({"path": "photos: 2026", "p": 0.5, "urls": ["https://host/a.csv"]}))
    {path: 'photos: 2026', p: 0.5, urls: ['https://host/a.csv']}
    """
    text = StringIO()
    yaml = YAML()
    yaml.default_flow_style = True
    yaml.width = 100_000
    yaml.dump(_quoted(value), text)
    return text.getvalue().strip()


def _quoted(value: Any) -> Any:
    """Put text with a colon in quotes: YAML needs none in https://host, but the parser of DVC does on one line."""
    if isinstance(value, dict):
        return {key: _quoted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_quoted(item) for item in value]
    return SingleQuotedScalarString(value) if isinstance(value, str) and ":" in value else value
