"""What a row of a table means: cells typed by a schema, and what a network is shown of them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from dl_assets.artifacts.report import read_json, write_json
from dl_assets.artifacts.rows import COLUMNS
from dl_assets.artifacts.shards import Arrays
from dl_assets.inputs._table.codes import codes_of
from dl_assets.inputs._table.dates import PARTS, parts_of
from dl_assets.inputs._table.encode import Fitted, encoder, fit_category, fit_number, spans_of
from dl_assets.inputs._table.findings import column_checks as column_checks
from dl_assets.inputs._table.findings import column_table as column_table
from dl_assets.inputs._table.inference import decide
from dl_assets.inputs._table.schema import Schema
from dl_assets.inputs._table.schema_file import document_of, read_schema
from dl_assets.inputs._table.sheet import sheet_of_rows
from dl_assets.inputs._table.survey import Facts, survey
from dl_assets.inputs._table.typed import apply
from dl_assets.sections import Clean

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor, nn

CLEAN = Clean
CHECKS = ("outlier",)
DTYPE = "float64"  # of what is stored
SAME = "values"  # what equal samples have in common
QUALITY = pl.lit(0)  # of two equal rows neither is better
KINDS = ("number", "date", "category")  # of the columns that models use
VIEWS: "dict[str, Callable[[Tensor], Tensor]]" = {}
PREVIEWED = 3  # variants of a sample that are shown below it
_MEASURED_ROWS = 200_000  # by which numbers are judged: of more, every n-th


def clean(
    cells: pl.DataFrame,
    declared: Schema,
    *,
    schema: Annotated[
        str | None, Field(description="file that declares the columns, made by `dl schema NAME --infer`; else inferred")
    ] = None,
    missing: Annotated[
        Literal["keep", "reject"], Field(description="rows in which a value is missing; those that are kept are imputed")
    ] = "keep",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Type the cells of some rows by what is declared.

    Return the columns that models use (numbers and dates, in days since 1970, as Float64; words as String), and what does not
    fit: row (its index), column, value and rule.
    """
    values, violations = apply(declared, cells)
    if missing == "keep":
        return values, violations
    gaps = [
        pl.DataFrame({"row": values[name].is_null().arg_true().cast(violations.schema["row"])}).with_columns(
            column=pl.lit(name), value=pl.lit(None, pl.String), rule=pl.lit("is missing (clean.missing is reject)")
        )
        for name in values.columns
    ]
    return values, pl.concat([violations, *gaps])


def open_schema(raw: Path, options: Clean) -> tuple[Schema, list[Facts]]:
    """Read the schema that `clean` names, or infer one from all rows; return also what was counted of their cells."""
    facts = survey(pl.scan_parquet(raw / "rows-*.parquet"))
    file: str | None = options.model_dump()["schema"]
    return (read_schema(Path(file)) if file else decide(facts)), facts


def matrix(values: pl.DataFrame) -> NDArray[np.float64]:
    """Return typed rows as they are stored, [N, n]: a word by its code, NaN where a value is missing."""
    columns = (codes_of(column) if column.dtype == pl.String else column.to_numpy() for column in values)
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def write_columns(folder: Path, schema: Schema) -> None:
    """Write what the stored arrays in `folder` hold, once the values of all rows lie there."""
    values = pl.scan_parquet(folder / "rows-*.parquet")
    used = [{"name": column.name, "kind": column.kind} for column in schema.columns if column.kind in KINDS]
    words = {
        column["name"]: values.select(pl.col(column["name"]).drop_nulls().unique().sort()).collect().to_series().to_list()
        for column in used
        if column["kind"] == "category"
    }
    write_json(folder / COLUMNS, {"columns": used, "words": words, "schema": document_of(schema)})


# ---- what a network is shown -----------------------------------------------------------------------------------


def fit(
    arrays: Arrays,
    folder: Path,
    *,
    numbers: Annotated[
        Literal["piecewise", "standard", "quantile"],
        Field(description="how numbers are encoded: piecewise linear by quantiles, by mean and deviation, or by their rank"),
    ] = "piecewise",
    bins: Annotated[int, Field(ge=2, le=512, description="quantiles by which a number is encoded")] = 32,
    rare: Annotated[int, Field(ge=1, description="words of fewer train samples share one feature with those never seen")] = 5,
) -> dict[str, Any]:
    """Return {"shape": [n], "kinds": [n], "columns": ...} of the train part's arrays [n]; `folder` is that of clean."""
    stored = read_json(folder / COLUMNS)
    kinds = [column["kind"] for column in stored["columns"]]
    matrix = arrays.batch(np.arange(0, len(arrays), -(-len(arrays) // _MEASURED_ROWS)))  # [N, n]
    columns: list[Fitted] = []
    for place, column in enumerate(stored["columns"]):
        name, values = column["name"], matrix[:, place]
        if column["kind"] == "category":
            columns.append(fit_category(name, values, stored["words"][name], rare=rare))
        elif column["kind"] == "number":
            columns.append(fit_number(name, values, numbers=numbers, bins=bins))
        else:
            columns += _fit_date(name, values, numbers=numbers, bins=bins)
    names = [column["name"] for column in stored["columns"]]
    return {"shape": [len(kinds)], "kinds": kinds, "names": names, "columns": columns, "schema": stored["schema"]}


def _fit_date(name: str, days: NDArray[np.float64], **options: Any) -> Iterator[Fitted]:
    import torch

    parts = parts_of(torch.from_numpy(days)).numpy()
    for place, part in enumerate(PARTS):
        fitted = fit_number(name + part, parts[:, place], **options)
        yield {**fitted, "has_missing": fitted["has_missing"] and part == ""}  # once is enough


def preprocess(fitted: dict[str, Any]) -> "nn.Module":
    """Return a module: raw float64 [B, n] -> features float32 [B, F]."""
    return encoder(fitted["columns"], fitted["kinds"])


def told(fitted: dict[str, Any]) -> tuple[int, Any, tuple[int, ...]]:
    """Return what a model is told of its input: the number of features, which of them are which column's, and their shape."""
    spans = spans_of(fitted["columns"])
    num_features = spans[-1][-1]
    return num_features, spans, (num_features,)


def feed(values: pl.DataFrame, fitted: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Return what ONNX Runtime is given for these typed rows: [N, 1] for each column."""
    return {
        name: (
            values[name].fill_null("").to_numpy().astype(object)
            if kind == "category"
            else values[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        ).reshape(-1, 1)
        for name, kind in zip(fitted["names"], fitted["kinds"], strict=True)
    }


def ask(model: Any, fitted: dict[str, Any]) -> Any:
    """Let an exported model take the columns of a table, each as an input of its own, words as text."""
    from dl_assets.inputs._table.front import with_columns

    words = {column["name"]: column["words"] for column in fitted["columns"] if column["kind"] == "category"}
    return with_columns(model, fitted["names"], fitted["kinds"], words)


def describe(shape: Sequence[int], clean: dict[str, Any]) -> str:
    """Say how a row becomes the model's input."""
    return (
        "one input for each column, named as it is: numbers as float64, dates as float64 days since 1970-01-01, words as text. "
        "What is missing is NaN or an empty text. Imputation, scaling and encoding are inside the model: do not repeat them."
    )


def preview(samples: Sequence[Sequence[NDArray[np.float64]]], targets: Sequence[str], folder: Path) -> "Figure":
    """Draw each sample, beside its target, above its variants; `folder` is that of clean."""
    return sheet_of_rows(samples, targets, read_json(folder / COLUMNS))
