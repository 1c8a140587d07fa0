"""Excel and OpenDocument workbooks: one sheet, whose first row holds the names of the columns."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from dl_assets.errors import ConfigError, DataError
from dl_assets.problems import choose
from dl_assets.sources._table.local import Local
from dl_assets.sources._table.names import column_names
from dl_assets.sources._table.reading import Portion, Reading, portions_of


def read_workbook(local: Local, place: str, name: str, *, sheet: str | None) -> Reading:
    """Read the sheet of that name, or else the first that holds anything. Empty rows are no rows."""
    fastexcel = _library(place)
    try:
        workbook = fastexcel.read_excel(local.path)
        used, cells, others = _sheet(workbook, place, sheet)
    except fastexcel.FastExcelError as error:
        raise DataError(
            f"source.path: {place} cannot be read as a workbook ({error}). Save it anew, without a password."
        ) from error
    header, rows = cells.head(1), cells.slice(1)
    columns, made_up = column_names(header.row(0), place)
    rows = rows.rename(dict(zip(rows.columns, columns, strict=True))).filter(~pl.all_horizontal(pl.all().is_null()))

    def portions() -> Iterator[Portion]:
        yield from portions_of(rows)

    found: dict[str, Any] = {"sheet": used}
    found |= {"other_sheets": others} if others and sheet is None else {}
    found |= {"columns_without_name": made_up} if made_up else {}
    return Reading(name, columns, len(rows), found, portions)


def _sheet(workbook: Any, place: str, sheet: str | None) -> tuple[str, pl.DataFrame, list[str]]:
    names: list[str] = workbook.sheet_names
    if sheet is not None and sheet not in names:
        raise ConfigError(
            f"source.sheet: {place} has no sheet '{sheet}'{choose(sheet, names).replace('Allowed', 'Its sheets')}"
        )
    for name in names if sheet is None else [sheet]:
        cells = workbook.load_sheet(name, header_row=None, dtypes="string").to_polars()
        if len(cells):
            return name, cells, [other for other in names if other != name]
    raise DataError(
        f"source.path: {place} has nothing in {', '.join(names) if sheet is None else sheet}. Name another sheet, or fill it."
    )


def _library(place: str) -> Any:
    try:
        import fastexcel
    except ImportError as error:
        raise ConfigError(
            f"source.path: {place} needs a package that is not installed. Run: pip install 'dl-assets[excel]'"
        ) from error
    return fastexcel
