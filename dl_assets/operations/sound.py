"""Checks a pipeline file at the door of a run, and remembers that it was found sound."""

import json
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

from dl_assets import registry
from dl_assets.config import SECTIONS, Pipeline, load_pipeline
from dl_assets.files import replace_text
from dl_assets.operations.model_fits import require_model_fits
from dl_assets.runner import writable

# Models and transforms are checked by building them, which imports these; each takes seconds.
_LIBRARIES = ("torch", "timm", "albumentations")
# What they are built from. The other sections are checked at every run: an edit of the epochs must not cost these imports.
_BUILT = ("task", "clean", "augment", "model")


def require_sound(name: str, root: Path) -> None:
    """Raise ConfigError that lists every problem of `pipelines/<name>.yaml`.

    Sections that take long and passed are not looked into again while they, our code and the libraries are what they were.
    """
    pipeline = load_pipeline(name, root)
    mark, passed = _mark(pipeline), root / "data" / ".tmp" / f"{name}.sound"
    if passed.is_file() and passed.read_text(encoding="utf-8") == mark:
        pipeline.check(tuple(section for section in SECTIONS if section not in _BUILT))
        return
    require_model_fits(pipeline.check())
    with writable(passed.parent):
        replace_text(passed, mark)


def _mark(pipeline: Pipeline) -> str:
    built = json.dumps([pipeline.document.get(section) for section in _BUILT], default=repr)
    code = (file.read_bytes() for file in sorted(registry.PACKAGE.rglob("*.py")))
    content = blake2b(b"\0".join([built.encode(), *code]), digest_size=16).hexdigest()
    return " ".join([content, *map(version, _LIBRARIES)])
