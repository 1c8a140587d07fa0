"""YAML on one line."""

from io import StringIO
from typing import Any

from ruamel.yaml import YAML


def flow(value: dict[str, Any]) -> str:
    """Return YAML on one line, quoted where it must be.

    >>> print(flow({"path": "photos: 2026", "p": 0.5}))
    {path: 'photos: 2026', p: 0.5}
    """
    text = StringIO()
    yaml = YAML()
    yaml.default_flow_style = True
    yaml.width = 100_000
    yaml.dump(value, text)
    return text.getvalue().strip()
