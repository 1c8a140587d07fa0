"""Checks a pipeline file at the door of a run, and remembers that it was found sound."""

from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

from dl_assets import registry
from dl_assets.config import load_pipeline
from dl_assets.files import replace_text
from dl_assets.operations.model_fits import require_model_fits
from dl_assets.runner import writable

# Models and transforms are checked by building them, which imports these; each takes seconds.
_LIBRARIES = ("torch", "timm", "albumentations")


def require_sound(name: str, root: Path) -> None:
    """Raise ConfigError that lists every problem of `pipelines/<name>.yaml`.

    A file that passed is not looked into again, as long as the file, our code and the libraries are what they were.
    """
    pipeline = load_pipeline(name, root)
    mark, passed = _mark(root / pipeline.path), root / "data" / ".tmp" / f"{name}.sound"
    if passed.is_file() and passed.read_text(encoding="utf-8") == mark:
        return
    require_model_fits(pipeline.check())
    with writable(passed.parent):
        replace_text(passed, mark)


def _mark(path: Path) -> str:
    files = [path, *sorted(registry.PACKAGE.rglob("*.py"))]
    content = blake2b(b"\0".join(file.read_bytes() for file in files), digest_size=16).hexdigest()
    return " ".join([content, *map(version, _LIBRARIES)])
