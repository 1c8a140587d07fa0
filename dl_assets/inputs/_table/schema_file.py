"""The schema of a table as a YAML file that people edit."""

from collections.abc import Callable
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from ruamel.yaml import YAML

from dl_assets.errors import ConfigError
from dl_assets.files import replace_text
from dl_assets.inputs._table.date_formats import FORMATS, day_of
from dl_assets.inputs._table.schema import USED, Column, Kind, Schema
from dl_assets.problems import Document, choose, gather, read_yaml, shown
from dl_assets.registry import Options

_REMEDY = "Write it anew by: dl schema NAME --infer"
_ABOUT = f"""\
# What the columns of the table hold. It was worked out from the data: read it, mend it, commit it.
# Later data is held against it: a row that breaks a rule is rejected with the reason.
#
# kind       number, category (words), date; text and ignore are not used by models; `why` says why
# nullable   false: a row that lacks it is rejected
# minimum    of a number or a date (such as 1990-12-31); likewise maximum
# allowed    of a category: [red, green]; any other word is rejected. Without it, a new word is one of the others
# rename     {{found: instead}}, such as {{Male: male, unknown: null}}; null makes it a missing value
# formats    of a date, the first that fits: {", ".join(FORMATS)};
#            each may have a time behind it
#
# Spaces around a cell are always cut off.
"""


class ColumnOptions(Options):
    """What the file may say of one column."""

    kind: Kind
    nullable: bool = True
    minimum: float | str | None = None
    maximum: float | str | None = None
    allowed: Annotated[list[str], Field(min_length=1)] | None = None
    rename: dict[str, str | None] = Field(default_factory=dict)
    formats: Annotated[list[Literal[FORMATS]], Field(min_length=1)] | None = None  # type: ignore[valid-type]
    why: str | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "ColumnOptions":
        for name, kinds in (("minimum", ("number", "date")), ("maximum", ("number", "date")), ("allowed", ("category",)),
                            ("formats", ("date",)), ("rename", USED)):  # fmt: skip
            if getattr(self, name) and self.kind not in kinds:
                raise ValueError(f"has `{name}`, which is for the kind {' or '.join(kinds)}, but it is of the kind {self.kind}")
        lost = [word for word in self.rename.values() if self.allowed and word is not None and word not in self.allowed]
        if lost:
            raise ValueError(f"renames to '{lost[0]}', which is not in `allowed`. Add it there")
        low, high = self.bound("minimum"), self.bound("maximum")
        if low is not None and high is not None and low > high:
            raise ValueError(f"has minimum {self.minimum} and maximum {self.maximum}, but the minimum must not be more")
        return self

    def bound(self, name: str) -> float | None:
        """Return a bound as the typed column counts: a date in days."""
        value = getattr(self, name)
        if value is None or (self.kind == "number" and not isinstance(value, str)):
            return None if value is None else float(value)
        day = day_of(value) if self.kind == "date" and isinstance(value, str) else None
        if day is None:
            needed = "a date such as 1990-12-31" if self.kind == "date" else "a number such as 0.5"
            raise ValueError(f"has {name} {shown(value)}, but it must be {needed}")
        return day

    def column(self, name: str) -> Column:
        return Column(
            name=name,
            kind=self.kind,
            nullable=self.nullable,
            minimum=self.bound("minimum"),
            maximum=self.bound("maximum"),
            allowed=None if self.allowed is None else tuple(self.allowed),
            rename=self.rename,
            formats=tuple(self.formats or FORMATS[:1]) if self.kind == "date" else (),
            why=self.why,
        )


def read_schema(path: Path) -> Schema:
    """Read a schema. Raises ConfigError that lists every problem of the file with its line."""
    if not path.is_file():
        raise ConfigError(f"{path} does not exist: clean.schema names it. {_REMEDY}")
    content = read_yaml(path)
    if not isinstance(content, dict):
        found = "is empty" if content is None else f"is {shown(content)}, but must be a mapping"
        raise ConfigError(f"{path} {found} with the key `columns`. {_REMEDY}")
    file = Document(path, content)
    checks: list[Callable[[], Any]] = [*(partial(_require_known, file, key) for key in content), partial(_columns, file)]
    columns: tuple[Column, ...] = gather(checks)[-1]
    if not any(column.is_used for column in columns):
        raise file.problem(("columns",), "have no number, category or date among them: there is nothing to learn from.")
    return Schema(columns, path)


def document_of(schema: Schema) -> dict[str, Any]:
    """Return a schema as JSON types, for `schema_of`."""
    return {"columns": {column.name: _described(column) for column in schema.columns}}


def schema_of(document: dict[str, Any]) -> Schema:
    """Return the schema of which `document_of` made this."""
    columns = document["columns"].items()
    return Schema(tuple(ColumnOptions.model_validate(options).column(name) for name, options in columns))


def write_schema(path: Path, schema: Schema) -> None:
    """Write a schema with a line for each column, below comments that say how to edit it."""
    replace_text(path, schema_text(schema))


def schema_text(schema: Schema) -> str:
    """Return what `write_schema` writes."""
    text = StringIO()
    yaml = YAML()
    yaml.width = 100_000
    document = yaml.map()
    document["columns"] = yaml.map()
    for column in schema.columns:
        document["columns"][column.name] = _flow(_described(column))
    yaml.dump(document, text)
    return _ABOUT + text.getvalue()


def _require_known(file: Document, key: object) -> None:
    if key != "columns":
        raise file.problem((str(key),), f"is not known here{choose(key, ['columns'])}")


def _columns(file: Document) -> tuple[Column, ...]:
    found = file.content.get("columns")
    if not isinstance(found, dict) or not found:
        raise file.problem(("columns",), f"is {shown(found)}, but must be a mapping from names to what they hold. {_REMEDY}")
    return tuple(gather(partial(_column, file, name, options) for name, options in found.items()))


def _column(file: Document, name: object, options: Any) -> Column:
    place = ("columns", name)
    if not isinstance(name, str):
        raise file.problem(place, f"is {shown(name)}, but a name is text: put it in quotes.")  # type: ignore[arg-type]
    if not isinstance(options, dict):
        raise file.problem(("columns", name), f"is {shown(options)}, but must be a mapping such as {{kind: number}}.")
    return file.validate(("columns", name), options, ColumnOptions).column(name)


def _described(column: Column) -> dict[str, Any]:
    """Return what is to be written: nothing that goes without saying."""
    bounds = {name: getattr(column, name) for name in ("minimum", "maximum") if getattr(column, name) is not None}
    is_date = column.kind == "date"
    return {
        "kind": column.kind,
        **({} if column.nullable else {"nullable": False}),
        **{name: column.tell(value) if is_date else value for name, value in bounds.items()},
        **({"allowed": list(column.allowed)} if column.allowed else {}),
        **({"rename": dict(column.rename)} if column.rename else {}),
        **({"formats": list(column.formats)} if column.formats else {}),
        **({"why": column.why} if column.why else {}),
    }


def _flow(options: dict[str, Any]) -> Any:
    from ruamel.yaml.comments import CommentedMap

    line = CommentedMap(options)
    line.fa.set_flow_style()
    return line
