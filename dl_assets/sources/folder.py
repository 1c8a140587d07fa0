"""A folder on this machine that holds one folder of files for each class."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dl_assets.artifacts.raw import RawSample
from dl_assets.errors import DataError

# What file managers and archivers leave behind; names that begin with a dot are left out as well.
LITTER = {"thumbs.db", "desktop.ini", "__macosx", "@eadir"}


def folder(*, path: str) -> Iterator[RawSample]:
    """Yield every file below `path` in the order of its name; its target is the first folder on the way to it.

    `path` is relative to the working directory. A file directly in `path` has no target.
    """
    root = Path(path)
    files, _ = _find(root)
    return (RawSample(_origin(file, root), _read(file), _target(file, root)) for file in files)


def describe(*, path: str) -> dict[str, Any]:
    """Say where the samples come from; `skipped_files` counts litter such as `.DS_Store` and `Thumbs.db`."""
    files, skipped = _find(Path(path))
    return {"kind": "folder", "uri": path, "licence": "not stated", "num_samples": len(files), "skipped_files": skipped}


def _find(root: Path) -> tuple[list[Path], int]:
    """Return all files, sorted by their path, and the number of files left out as litter."""
    if not root.exists():
        raise DataError(
            f"source.path: {root} does not exist (looked in {Path.cwd()}). Put a folder there that holds "
            "one folder of files for each class, or correct source.path."
        )
    if not root.is_dir():
        raise DataError(
            f"source.path: {root} is a file, but must be a folder that holds one folder of files for each class. "
            "Unpack it if it is an archive, or name the folder that it is in."
        )
    found = list(_walk(root, ()))
    files = [file for file, is_litter in found if not is_litter]
    if not files:
        raise DataError(
            f"source.path: {root} holds no files. Put one folder of files for each class into it, or correct source.path."
        )
    _require_classes(root, files)
    return sorted(files, key=lambda file: file.relative_to(root).parts), len(found) - len(files)


def _walk(directory: Path, ancestors: tuple[Path, ...], in_litter: bool = False) -> Iterator[tuple[Path, bool]]:
    """Yield (file, whether it is litter). Follows links, but not in circles."""
    real = directory.resolve()
    if real in ancestors:
        raise DataError(f"source.path: {directory} is a link to a folder that it lies in. Remove the link.")
    for path, is_folder in _entries(directory):
        is_litter = in_litter or path.name.startswith(".") or path.name.lower() in LITTER
        if is_folder:
            yield from _walk(path, (*ancestors, real), is_litter)
        else:
            yield path, is_litter


def _entries(directory: Path) -> list[tuple[Path, bool]]:
    """Return (path, whether it is a folder) of everything in `directory`."""
    try:
        entries = [(path, path.is_dir()) for path in directory.iterdir()]
    except OSError as error:
        raise DataError(
            f"source.path: the folder {directory} cannot be read ({error.strerror}). "
            "Give yourself the right to read it, or move it away."
        ) from error
    for path, _ in entries:
        try:
            path.name.encode("utf-8")
        except UnicodeEncodeError:
            shown = str(path).encode("utf-8", "backslashreplace").decode()
            raise DataError(f"source.path: the name of {shown} is not valid UTF-8. Rename it.") from None
    return entries


def _require_classes(root: Path, files: list[Path]) -> None:
    classes = sorted({target for file in files if (target := _target(file, root)) is not None})
    if len(classes) >= 2:
        return
    inner = sorted({file.relative_to(root).parts[1] for file in files if len(file.relative_to(root).parts) > 2})
    deeper = (
        f" If {', '.join(inner[:5])} are the classes, write: source: {{kind: folder, path: {root / classes[0]}}}."
        if len(inner) >= 2
        else ""
    )
    raise DataError(
        f"source.path: {root} must hold one folder per class and at least two of them with files; found "
        f"{len(classes)}{f' ({classes[0]})' if classes else ''} and "
        f"{sum(_target(file, root) is None for file in files)} files outside of any.{deeper}"
    )


def _read(file: Path) -> bytes:
    if file.is_symlink() and not file.exists():
        raise DataError(f"source.path: {file} is a broken link to {file.readlink()}. Mend or remove it.")
    if not file.is_file():
        raise DataError(f"source.path: {file} is neither a file nor a folder (a pipe, a socket or a device?). Remove it.")
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(
            f"source.path: {file} cannot be read ({error.strerror}). Give yourself the right to read it, or move it away."
        ) from error


def _origin(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


def _target(file: Path, root: Path) -> str | None:
    parts = file.relative_to(root).parts
    return parts[0] if len(parts) > 1 else None
