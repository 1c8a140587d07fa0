"""The columns that are compared: as the model was given them, so that 80 and 80.0 are the same number."""

import polars as pl

from dl_assets.inputs._table.schema_file import schema_of
from dl_assets.operations.monitoring.differences import CONFIDENCE, EMBEDDING, PREDICTION
from dl_assets.operations.predict import Exported

_PICTURE = ("width", "height", "brightness", EMBEDDING)
_PREFIX = "input_"  # of a table's columns in the log


def comparable(frame: pl.DataFrame, exported: Exported) -> pl.DataFrame:
    """Return what is asked and answered in a frame with the columns of the log: numbers, words and embeddings.

    Dates are left out, because time goes on and they always drift; so are probabilities, of which confidence and
    prediction say what matters.
    """
    answers = frame.select(name for name in (PREDICTION, CONFIDENCE) if name in frame.columns)
    if "schema" not in exported.asked.get("fitted", {}):
        return frame.select(name for name in _PICTURE if name in frame.columns).hstack(answers)
    return _typed(frame, exported).hstack(answers)


def _typed(frame: pl.DataFrame, exported: Exported) -> pl.DataFrame:
    schema = schema_of(exported.asked["fitted"]["schema"])
    cells = frame.select(pl.col(f"{_PREFIX}{column.name}").alias(column.name) for column in schema.used)
    values: pl.DataFrame = exported.inputs.clean(cells, schema, **exported.decoding)[0]
    return values.select(column.name for column in schema.used if column.kind != "date")
