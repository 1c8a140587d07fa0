"""What a query of a database yields, by SQLAlchemy."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from dl_assets.errors import ConfigError, DataError, Outage
from dl_assets.outages import is_outage
from dl_assets.sources._table.names import column_names
from dl_assets.sources._table.reading import Portion, Reading, portions_of
from dl_assets.sources._table.secrets import Address, address_of

if TYPE_CHECKING:
    from sqlalchemy import CursorResult, Engine

_FETCHED = 10_000


def read_database(template: str, query: str) -> Reading:
    """Read what `query` yields, or the whole table of that name. Origins are `query:1`, ... in the order of the answer."""
    address = address_of(template)
    with _answer(address, query) as result:
        if not result.returns_rows:
            raise ConfigError("source.query: it yields no rows. Write a SELECT, or the name of a table.")
        columns, made_up = column_names(list(result.keys()), "the query's answer")

    def portions() -> Iterator[Portion]:
        with _answer(address, query) as result:
            for rows in result.partitions(_FETCHED):
                values = (map(as_text, column) for column in zip(*rows, strict=True))
                yield from portions_of(
                    pl.DataFrame([pl.Series(n, list(v), pl.String) for n, v in zip(columns, values, strict=True)])
                )

    found = {"file": address.shown, "format": "sql", "query": query}
    return Reading("query", columns, None, found | ({"columns_without_name": made_up} if made_up else {}), portions)


def tables_of(template: str) -> list[str]:
    """Return the names of all tables and views in the database."""
    address = address_of(template)
    with _mended(address):
        from sqlalchemy import inspect

        engine = _engine(address)
        inspector = inspect(engine)
        return sorted([*inspector.get_table_names(), *inspector.get_view_names()])


def as_text(value: Any) -> str | None:
    """Return a cell as text: times in UTC, durations in seconds, bytes in hexadecimal digits, structures as JSON.

    >>> as_text(True), as_text(1.5), as_text(None), as_text(b"a")
    ('true', '1.5', None, '61')
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime) and value.tzinfo:
        value = value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return json.dumps(value, default=str) if isinstance(value, bool | dict | list) else str(value)


# ---- the connection --------------------------------------------------------------------------------------------


@contextmanager
def _answer(address: Address, query: str) -> "Iterator[CursorResult[Any]]":
    with _mended(address):
        from sqlalchemy import text

        engine = _engine(address)
        # A colon is no parameter: none is given.
        statement = text(_select(engine, query).replace(":", "\\:"))
        with engine.connect().execution_options(stream_results=True, yield_per=_FETCHED) as connection:
            yield connection.execute(statement)


def _select(engine: "Engine", query: str) -> str:
    if not re.fullmatch(r"[\w.]+", query):
        return query
    quoted = engine.dialect.identifier_preparer.quote
    return f"SELECT * FROM {'.'.join(quoted(name) for name in query.split('.'))}"  # noqa: S608 - names, in quotes


def _engine(address: Address) -> "Engine":
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.pool import NullPool

    url = make_url(address.url)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+pg8000")  # the driver that comes with the extra `sql`
    database = url.database
    if url.get_backend_name() == "sqlite" and not (database and database != ":memory:" and Path(database).is_file()):
        raise DataError(f"source.url: there is no database file '{database}' (looked in {Path.cwd()}). Correct source.url.")
    return create_engine(url, poolclass=NullPool)


@contextmanager
def _mended(address: Address) -> Iterator[None]:
    """Say what went wrong without a password; the error itself is not chained, because it may hold one."""
    try:
        from sqlalchemy import exc
    except ImportError:
        raise ConfigError("source.url: databases need a package. Run: pip install 'dl-assets[sql]'") from None
    try:
        yield
    except ImportError as error:  # also what SQLAlchemy says of a dialect that it does not know
        said = address.hide(str(error))
        raise ConfigError(f"source.url: {address.shown} needs a driver ({said}). Run: pip install 'dl-assets[sql]'") from None
    except exc.NoSuchModuleError as error:
        raise ConfigError(
            f"source.url: {address.hide(str(error))}. Begin with sqlite:/// or postgresql+pg8000://, or install a driver."
        ) from None
    except exc.ArgumentError:
        raise ConfigError(
            f"source.url: '{address.shown}' is no URL of a database. Write for instance sqlite:///people.db or "
            "postgresql+pg8000://user:${PASSWORD}@host/database."
        ) from None
    except exc.SQLAlchemyError as error:
        said = address.hide(str(getattr(error, "orig", None) or error))
        if getattr(error, "connection_invalidated", False) or is_outage(error):
            raise Outage(f"source.url: {address.shown} does not answer now ({said}). Run it again later.") from None
        raise DataError(
            f"source.url: {address.shown} does not answer the query ({said}). Check the address, the query and your rights."
        ) from None
