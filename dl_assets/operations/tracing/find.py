"""Which sample a person means: by its id, the start of it, or where it comes from."""

from pathlib import Path

import polars as pl

from dl_assets.artifacts.tables import CLEAN_SAMPLES, PREDICTIONS, RAW_SAMPLES, REJECTED, Table
from dl_assets.errors import ArtifactError, DataError
from dl_assets.registry import did_you_mean

_NAMED = 5
_COMPARED = 2_000  # ids that are compared for a likeness: more take seconds
# Whoever was read is in raw; the others are for a machine that pulled less.
_LISTED: tuple[tuple[str, Table], ...] = (
    ("raw", RAW_SAMPLES),
    ("clean", CLEAN_SAMPLES),
    ("clean", REJECTED),
    ("evaluation", PREDICTIONS),
)


def find_id(pipeline: str, wanted: str, folder: Path) -> str:
    """Return the id of the sample: `wanted` is an id, a start that only one id has, or an origin.

    Raises ArtifactError where no artifact exists yet, DataError where no sample or several are meant.
    """
    known = _known(pipeline, folder)
    ids = known["id"].unique()
    if wanted in ids:
        return wanted
    named = known.filter(origin=wanted)["id"].unique()
    begun = named if len(named) else ids.filter(ids.str.starts_with(wanted)) if wanted else ids
    if len(begun) == 1:
        return str(begun[0])
    if len(begun):
        first = ", ".join(begun.sort()[:_NAMED])
        raise DataError(
            f"'{wanted}' is the start of {len(begun):,} ids of {pipeline}: {first}{', ...' if len(begun) > _NAMED else ''}. "
            "Give more of it."
        )
    raise DataError(
        f"{pipeline} has no sample '{wanted}'{_nearest(wanted, known)} Ids are in {folder / 'raw' / RAW_SAMPLES.file} and "
        "errors.parquet; a unique start of one is enough, and so is an origin such as a path."
    )


def _known(pipeline: str, folder: Path) -> pl.DataFrame:
    """Return id and origin of every sample that an artifact lists."""
    paths = [folder / artifact / table.file for artifact, table in _LISTED]
    found = [_ids(path) for path in paths if path.is_file()]
    if not found:
        raise ArtifactError(f"{folder} holds no samples yet. Run: dl run {pipeline} ingest")
    return pl.concat(found, how="diagonal")


def _ids(path: Path) -> pl.DataFrame:
    lazy = pl.scan_parquet(path)
    return lazy.select(name for name in ("id", "origin") if name in lazy.collect_schema()).collect()


def _nearest(wanted: str, known: pl.DataFrame) -> str:
    containing = known.filter(pl.col("origin").str.contains(wanted, literal=True)) if "origin" in known.columns else known[:0]
    if len(containing):
        id_, origin = containing.select("id", "origin").row(0)
        return f"; did you mean {id_} ({origin})?"
    alike = known["id"].filter(known["id"].str.starts_with(wanted[:2]))
    return did_you_mean(wanted, alike[:_COMPARED]) or "."
