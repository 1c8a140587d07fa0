"""What the paths of the command line stand for: files, every file below a folder or in an archive, and listed files."""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from dl_assets.artifacts.raw import RawSample
from dl_assets.artifacts.rejection import Rejection
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.problems import choose
from dl_assets.sources._files.archives import archive_tree, is_archive_name
from dl_assets.sources._files.folders import folder_tree
from dl_assets.sources._files.listed import readers
from dl_assets.sources._files.listings import LISTING_SUFFIXES, read_listing, suffix_of
from dl_assets.sources._files.places import is_url, join, parent, require_size
from dl_assets.sources._files.tree import Entry

_KEY = "FILES"  # what a message calls the place
_ROW = "\n"  # no column is called so


class Inputs(NamedTuple):
    """One name and one version for each input; a version is None where the file is not there, or behind a URL.

    `samples` yields all of them once, in the order of their names. `kept` is what a manifest says beside the files.
    """

    names: list[str]
    versions: list[str | None]
    samples: Iterator[RawSample]
    kept: pl.DataFrame | None = None


def find_inputs(config: Pipeline, paths: Sequence[str]) -> Inputs:
    """Find all inputs of these paths. Raises DataError where a path does not exist or holds no file."""
    found = [_find(config, path) for path in paths]
    return Inputs(
        [name for one in found for name in one.names],
        [version for one in found for version in one.versions],
        itertools.chain.from_iterable(one.samples for one in found),
        _together(found),
    )


def _find(config: Pipeline, path: str) -> Inputs:
    if not Path(path).exists():
        raise DataError(
            f"{path} does not exist (looked in {Path.cwd()}). Give files, folders, archives, or tables that list files."
        )
    if Path(path).is_dir():
        tree = folder_tree(path, _KEY)
        names = [str(Path(path, name)) for name in tree.files]
        place = Path(path).absolute()
        return Inputs(names, [f"{place} {version}" for version in tree.versions], _local(names, names))
    if is_archive_name(path):
        tree = archive_tree(path, _KEY)
        names = [f"{path}/{name}" for name in tree.files]
        return Inputs(names, [_version(path)] * len(names), map(_member, names, tree.entries()))
    if suffix_of(path) in LISTING_SUFFIXES:
        return _listed(config, path)
    return Inputs([path], [_version(path)], _local([path], [path]))


def _member(name: str, entry: Entry) -> RawSample:
    return RawSample(name, entry.read)


# ---- manifests -------------------------------------------------------------------------------------------------


def _listed(config: Pipeline, path: str) -> Inputs:
    listing = read_listing(path, _KEY)
    column, suffix, root = _column(config, listing, path)
    names = ["" if value is None else str(value).strip() for value in listing[column]]
    places = [join(root, name + suffix) if name else "" for name in names]
    versions = [None if is_url(place) else _version(place) for place in places]
    rest = listing.drop(column)
    return Inputs(names, versions, _local(names, places), rest if rest.width else None)


def _column(config: Pipeline, listing: pl.DataFrame, path: str) -> tuple[str, str, str]:
    """Return the column that names the files, what it leaves out, and where they are.

    As the pipeline's own manifest has it, where this one has that column, too.
    """
    options = config.source.options if config.source.name == "manifest" else {}
    if options.get("file") in listing.columns:
        return options["file"], options["suffix"], options["root"] or parent(path)
    if "file" not in listing.columns:
        raise ConfigError(
            f"{path} has no column 'file'{choose('file', listing.columns).replace('Allowed', 'Its columns')} "
            "Name the column with the path of each file so."
        )
    return "file", "", parent(path)


def _together(found: Sequence[Inputs]) -> pl.DataFrame | None:
    """Return the columns of all manifests, one row for each input; a cell is null where a manifest has no such column."""
    if all(one.kept is None for one in found):
        return None
    numbered = [pl.DataFrame({_ROW: range(len(one.names))}) for one in found]  # of no columns a table would have no rows
    frames = [rows if one.kept is None else rows.hstack(one.kept) for rows, one in zip(numbered, found, strict=True)]
    try:
        return pl.concat(frames, how="diagonal_relaxed").drop(_ROW)
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"the manifests have columns of one name that do not go together ({error}). Predict them one by one."
        ) from error


# ---- files -----------------------------------------------------------------------------------------------------


def _version(place: str) -> str | None:
    """Return what changes when a file changes, and which file it is."""
    try:
        status = Path(place).stat()
    except OSError:
        return None
    return f"{Path(place).absolute()} {status.st_size}-{status.st_mtime_ns}"


def _local(names: Sequence[str], places: Sequence[str]) -> Iterator[RawSample]:
    urls = [place for place in places if is_url(place)]
    remote = iter(readers(urls, "", _KEY) if urls else ())
    for name, place in zip(names, places, strict=True):
        if is_url(place):
            yield RawSample(name, next(remote)[0])
        else:
            yield RawSample(name, partial(_read, place), location=place)


def _read(place: str) -> bytes:
    if not place:
        raise Rejection("unreadable", "the manifest names no file here")
    try:
        require_size(Path(place).stat().st_size)
        if not Path(place).is_file():  # to read a device might take for ever
            raise Rejection("unreadable", f"{place} is no file")
        return Path(place).read_bytes()
    except FileNotFoundError:
        raise Rejection("unreadable", f"the file does not exist: {place}") from None
    except OSError as error:
        raise Rejection("unreadable", f"cannot be read ({error.strerror})") from error
