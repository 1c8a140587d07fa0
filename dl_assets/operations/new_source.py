"""Makes the `source` section from what the user named: a folder, an archive, a table, a URL or a built-in data set."""

import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import polars as pl

from dl_assets import registry
from dl_assets.artifacts.raw import LABEL_SEPARATOR, Source
from dl_assets.artifacts.rejection import Rejection
from dl_assets.errors import ConfigError, DataError
from dl_assets.sources._files.archives import archive_tree, is_archive_name
from dl_assets.sources._files.folders import folder_tree
from dl_assets.sources._files.listings import LISTING_SUFFIXES, read_listing, suffix_of
from dl_assets.sources._files.places import is_url, is_web, join, parent
from dl_assets.sources._files.transfer import fetch
from dl_assets.sources._files.tree import Tree
from dl_assets.sources._files.values import PART_OF

Section = dict[str, Any]

_SAMPLE = 200
_KEY = "source.path"
_PLACES = ("path", "root", "unlabelled")
_PATTERNS = (r"^(?P<target>[^.]+)\.\d+\.", r"^(?P<target>[^\d].*?)[ _-]*\(?\d+\)?\.[^.]+$")  # cat.1.jpg, bulldog_1.jpg
_TARGETS = ("target", "label", "labels", "class", "class_name", "category", "species", "breed", "diagnosis", "tags", "y")
_FILES = ("file", "filename", "file_name", "filepath", "file_path", "path", "image", "image_path", "url")
_PARTS = ("part", "split", "subset", "set")


def source_section(source: str, name: str, root: Path, *, several_labels: bool = False) -> Section:
    """Return the `source` section; with `several_labels`, a cell of a table may hold more than one.

    A built-in data set goes before a folder of the same name (write ./digits for that).
    Raises DataError where there is nothing of that name or it cannot be read, ConfigError where it must be written by hand.
    """
    builtin = builtin_names(are_tables=False)
    if source in builtin:
        return {"kind": "builtin", "name": source}
    if source in builtin_names(are_tables=True):
        raise ConfigError(
            f"'{source}' is a table. Choose a task for tables: --task tabular_classification or tabular_regression."
        )
    if is_url(source):
        return _of_url(source, name, several_labels)
    path = Path(source).expanduser()
    place = root / path
    if not place.exists():
        raise DataError(
            f"There is neither a folder nor a file '{source}' in {root.resolve()} nor a built-in data set of that name"
            f"{registry.did_you_mean(source, builtin) or '.'} Give a folder that holds one folder of files for each class, a "
            f"zip or tar archive of one, a table of files, a URL, or a built-in data set: {', '.join(builtin)}."
        )
    require_apart(source, place.resolve(), name, root)
    if place.is_dir():
        return _of_tree(folder_tree(str(place), _KEY), "folder", path.as_posix())
    if suffix_of(source) in LISTING_SUFFIXES:
        return _of_table(path.as_posix(), str(place), name, several_labels)
    return _of_tree(archive_tree(str(place), _KEY), "archive", path.as_posix())


def look_at(section: Section, root: Path) -> tuple[int, list[bytes]]:
    """Return the number of samples and the payloads of a few, spread over the whole source."""
    options = {key: _placed(value, root) if key in _PLACES else value for key, value in section.items() if key != "kind"}
    source: Source = registry.find("sources", section["kind"])(**options)
    num_samples: int = source.description["num_samples"]
    payloads = []
    labelled = (sample for sample in source if sample.target is not None)
    for sample in islice(labelled, 0, None, -(-num_samples // _SAMPLE) or 1):
        try:
            payloads.append(sample.read())
        except Rejection:
            continue  # ingest tells of it
    return num_samples, payloads


def builtin_names(*, are_tables: bool) -> tuple[str, ...]:
    """Return the built-in data sets whose samples are rows of a table, or those whose samples are files."""
    builtin = registry.find("sources", "builtin")
    names = get_args(registry.options_of(builtin).model_fields["name"].annotation)
    return tuple(name for name in names if (builtin(name=name).rows is not None) == are_tables)


def _placed(place: str, root: Path) -> str:
    return place if is_url(place) else str(root / place)


def require_apart(source: str, place: Path, name: str, root: Path) -> None:
    results = (root / "data" / name).resolve()
    if place.is_relative_to(results) or results.is_relative_to(place):
        raise ConfigError(
            f"The source '{source}' and data/{name}, where the results of '{name}' go, lie in each other. "
            "Choose another name for the pipeline, or another place for the source."
        )


# ---- what it is --------------------------------------------------------------------------------------------------


def _of_url(source: str, name: str, several_labels: bool) -> Section:
    """An archive on a web server is fetched now, so that its hash can be written down: later runs verify it."""
    web = is_web(source)
    if suffix_of(source) in LISTING_SUFFIXES:
        return _of_table(source, source, name, several_labels)
    if web and is_archive_name(source):
        sha256 = fetch(source, None).name[:64]
        return {"kind": "download", "url": source, "sha256": sha256, "licence": "not stated"}
    if is_archive_name(source):
        return _of_tree(archive_tree(source, _KEY), "archive", source)
    if not web:
        return _of_tree(folder_tree(source, _KEY), "folder", source)
    raise ConfigError(
        f"What is behind '{source}' cannot be told from its name. Make the pipeline from other data first, and then write in "
        f"pipelines/{name}.yaml either source: {{kind: download, url: '{source}', sha256: ..., licence: ...}} for an archive, "
        f"or source: {{kind: folder, path: '{source}'}} for a folder."
    )


def _of_tree(tree: Tree, kind: str, path: str) -> Section:
    """Files that all lie in one folder have their targets in their names, if anywhere."""
    names = [origin.rpartition("/")[-1] for origin in tree.files]
    if len(tree.folders) == 1:
        for pattern in _PATTERNS:
            found = [match["target"] for name in names if (match := re.search(pattern, name))]
            if len(found) >= 0.9 * len(names) and 2 <= len(set(found)) <= len(found) / 2:
                return {"kind": "filename", "path": path, "pattern": pattern}
    return {"kind": kind, "path": path}


# ---- a table of files --------------------------------------------------------------------------------------------


def _of_table(path: str, place: str, name: str, several_labels: bool) -> Section:
    listing = read_listing(place, _KEY)
    file, below, suffix = _file_column(listing, parent(place))
    target = _named(listing.columns, _TARGETS) or _only([column for column in listing.columns if column != file])
    if not file or not target:
        raise ConfigError(
            f"{path} has the columns {', '.join(listing.columns)}; which of them holds the "
            f"{'targets' if file else 'files (relative to the folder that the table is in)'} cannot be told. Name them "
            "'file' and 'target', or make the pipeline from other data first and then write in "
            f"pipelines/{name}.yaml: source: {{kind: manifest, path: '{path}', file: COLUMN, target: COLUMN}}."
        )
    section = {"kind": "manifest", "path": path, "file": file, "target": target}
    part = _named(listing.columns, _PARTS)
    if part and {str(value).strip().lower() for value in listing[part].drop_nulls()} <= {"", *PART_OF}:
        section["part"] = part
    separator = _separator(listing[target]) if several_labels else None
    if separator:
        section["separator"] = separator
    return section | ({"root": join(parent(path), below)} if below else {}) | ({"suffix": suffix} if suffix else {})


def _separator(column: pl.Series) -> str | None:
    """Return what stands between the labels of a cell, or None where every cell has one at most."""
    if isinstance(column.dtype, pl.List):
        return LABEL_SEPARATOR
    text = column.cast(pl.String)
    return next((mark for mark in (LABEL_SEPARATOR, ";", ",", " ") if text.str.contains(mark, literal=True).any()), None)


def _file_column(listing: pl.DataFrame, folder: str) -> tuple[str | None, str, str]:
    """Return (column, folder below the table's, suffix) by which most of the first files are found."""
    if is_url(folder):
        return _named(listing.columns, _FILES), "", ""
    below = ["", *sorted(entry.name for entry in Path(folder).iterdir() if entry.is_dir())][:50]
    first = listing.head(20).with_columns(pl.all().cast(pl.String, strict=False))
    best: tuple[int, str | None, str, str] = (0, None, "", "")
    for column in first.columns:
        for suffix in ("", ".jpg", ".jpeg", ".png"):
            for inner in below:
                found = sum((Path(folder) / inner / f"{value}{suffix}").is_file() for value in first[column].drop_nulls())
                if found > best[0]:
                    best = (found, column, inner, suffix)
    if best[1] is None and any(map(is_url, first.to_series(0).drop_nulls())):
        return first.columns[0], "", ""
    return best[1:]


def _named(columns: Iterable[str], names: tuple[str, ...]) -> str | None:
    by_lower = {column.strip().lower(): column for column in columns}
    return next((by_lower[name] for name in names if name in by_lower), None)


def _only(columns: list[str]) -> str | None:
    return columns[0] if len(columns) == 1 else None
