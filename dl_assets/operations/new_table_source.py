"""Makes the `source` section from a table that the user named: a file, a URL, a database or a built-in data set."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dl_assets import registry
from dl_assets.artifacts.raw import RawRows, Source
from dl_assets.errors import ConfigError, DataError
from dl_assets.operations.new_source import Section, builtin_names, require_apart
from dl_assets.sources._files.places import is_url
from dl_assets.sources._table.database import read_database, tables_of
from dl_assets.sources._table.files import Format, read_files
from dl_assets.sources._table.names import listed

_DATABASE = re.compile(r"(sqlite|postgresql|postgres|mysql|mariadb|mssql|oracle|duckdb)(\+\w+)?://")


def table_section(source: str, target: str | None, name: str, root: Path) -> Section:
    """Return the `source` section. A query or the name of a table follows the URL of a database behind a `#`.

    A built-in data set goes before a file of the same name (write ./diabetes for that). Raises DataError where there is
    nothing of that name or it cannot be read, ConfigError where the target is not told or is no column of it.
    """
    builtin = builtin_names(are_tables=True)
    if source in builtin:
        return _of_builtin(source, target)
    section: Section = {"kind": "table", **(_of_database(source, root) if _DATABASE.match(source) else {"path": _path(source)})}
    if "path" in section and not is_url(source):
        _require_file(source, root, builtin)
        require_apart(source, (root / section["path"]).resolve(), name, root)
    if target is None:
        raise ConfigError(f"Say which column is to be learnt: --target COLUMN. {source} has {listed(_columns(section, root))}.")
    section["target"] = target
    _open(section, root)
    return section


def all_rows(section: Section, root: Path) -> Iterator[RawRows]:
    """Yield the rows of the source."""
    source = _open(section, root)
    assert source.rows is not None
    return source.rows()


def look_at_rows(section: Section, root: Path) -> tuple[int, RawRows]:
    """Return the number of samples and the first of them, 50,000 at most. Where nobody knows the number, all are read."""
    source = _open(section, root)
    assert source.rows is not None
    rows = source.rows()
    first = next(rows)
    num_samples = source.description["num_samples"]
    if num_samples is None:
        num_samples = len(first.found) + sum(len(some.found) for some in rows)
    return num_samples, first


def _of_builtin(source: str, target: str | None) -> Section:
    if target is not None:
        raise ConfigError(f"What is learnt of the built-in data set '{source}' is given with it. Leave --target away.")
    return {"kind": "builtin", "name": source}


def _of_database(source: str, root: Path) -> Section:
    url, _, query = source.partition("#")
    if query:
        return {"url": url, "query": query}
    tables = tables_of(_placed({"url": url}, root)["url"])
    if len(tables) != 1:
        raise ConfigError(
            f"The database has {f'the tables {listed(tables)}' if tables else 'no table'}. Write which is meant, or its query, "
            "behind a '#' at the end of the URL, as in sqlite:///people.db#people."
        )
    return {"url": url, "query": tables[0]}


def _path(source: str) -> str:
    return source if is_url(source) else Path(source).expanduser().as_posix()


def _require_file(source: str, root: Path, builtin: tuple[str, ...]) -> None:
    if not (root / Path(source).expanduser()).exists():
        raise DataError(
            f"There is no file '{source}' in {root.resolve()} nor a built-in table of that name"
            f"{registry.did_you_mean(source, builtin) or '.'} Give a file such as people.csv, its URL, the URL of a "
            f"database, or a built-in table: {', '.join(builtin)}."
        )


def _columns(section: Section, root: Path) -> list[str]:
    if "path" in section:
        return read_files([_placed(section, root)["path"]], Format())[0].columns
    return read_database(_placed(section, root)["url"], section["query"]).columns


def _open(section: Section, root: Path) -> Source:
    options = {key: value for key, value in _placed(section, root).items() if key not in ("kind", "keep")}
    source: Source = registry.find("sources", section["kind"])(**options)
    return source


def _placed(section: Section, root: Path) -> dict[str, Any]:
    """Return the section as it is to be read from anywhere: its local paths are relative to `root`."""
    placed = dict(section)
    path, url = section.get("path"), section.get("url", "")
    if path is not None:
        places = [place if is_url(place) else str(root / place) for place in ([path] if isinstance(path, str) else path)]
        placed["path"] = places[0] if isinstance(path, str) else places
    file = url.removeprefix("sqlite:///")
    if file != url:
        placed["url"] = f"sqlite:///{root / file}"
    return placed
