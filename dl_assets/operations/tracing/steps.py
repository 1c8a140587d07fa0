"""What each artifact knows of one sample; None where the artifact does not exist."""

from pathlib import Path
from typing import Any

import polars as pl

from dl_assets.artifacts.packs import pack_name
from dl_assets.artifacts.report import read_json
from dl_assets.artifacts.rows import COLUMNS, read_rows, read_values, rows_path
from dl_assets.artifacts.shards import open_arrays
from dl_assets.artifacts.tables import CLEAN_SAMPLES, ERRORS, FLAGGED, PARTS_TABLE, PREDICTIONS, RAW_SAMPLES, REJECTED, Table
from dl_assets.config import Pipeline
from dl_assets.operations.promotion.folder import CERTIFICATE

Found = dict[str, Any]
_PROBABILITY = "probability_"
_PLACES = ("shard", "row", "offset")
_GIVEN = ("id", "target", "group", "time", "part", "origin", "digest", "cluster", *_PLACES)


def source(config: Pipeline, folder: Path, id_: str) -> Found | None:
    """Tell where the sample comes from, and what its source said of it."""
    row = _row(folder / "raw", RAW_SAMPLES, id_)
    if row is None:
        return None
    about = read_json(folder / "raw" / "source.json")
    given = {name: row[name] for name in ("origin", "target", "group", "time", "part", "location")}
    return {"kind": about.get("kind"), "uri": about.get("uri"), **_known(given)}


def raw(config: Pipeline, folder: Path, id_: str) -> Found | None:
    """Tell where its bytes are, or its row; of a table also the cells as they were found."""
    row = _row(folder / "raw", RAW_SAMPLES, id_)
    if row is None:
        return None
    found = {"content": row["content"], "size_bytes": row["size_bytes"], **_known({"problem": row["problem"]})}
    if row["shard"] is None:
        return found
    if config.task.inputs == "table":
        cells = read_rows(folder / "raw", row["shard"])[row["offset"]].row(0, named=True)
        return {"file": rows_path(folder / "raw", row["shard"]).name, "row": row["offset"], **found, "cells": cells}
    return {"file": pack_name(row["shard"]), "offset": row["offset"], **found}


def clean(config: Pipeline, folder: Path, id_: str) -> Found | None:
    """Tell why it was rejected, or what it is stored as and what was measured; and what it was flagged for."""
    if not (folder / "clean" / REJECTED.file).is_file():
        return None
    flags = [{name: row[name] for name in ("reason", "detail")} for row in _rows(folder / "clean", FLAGGED, id_)]
    flagged = {"flagged": flags} if flags else {}
    rejected = _row(folder / "clean", REJECTED, id_)
    if rejected is not None:
        return {"kept": False, "reason": rejected["reason"], "detail": rejected["detail"], **flagged}
    row = _row(folder / "clean", CLEAN_SAMPLES, id_)
    return None if row is None else {"kept": True, **_stored(config, folder / "clean", row), **flagged}


def _stored(config: Pipeline, folder: Path, row: Found) -> Found:
    place = pl.DataFrame([{name: row[name] for name in ("id", "shard", "row")}])
    array = open_arrays(folder, place)[0]
    found = {
        "target": row["target"],
        "shard": row["shard"],
        "row": row["row"],
        "shape": list(array.shape),
        "dtype": str(array.dtype),
    }
    measures = {name: value for name, value in row.items() if name not in _GIVEN and isinstance(value, (int, float, str))}
    if (folder / COLUMNS).is_file():
        return {**found, "values": read_values(folder, place).drop("id").row(0, named=True)}
    return {**found, **({"measures": measures} if measures else {})}


def parts(config: Pipeline, folder: Path, id_: str) -> Found | None:
    """Tell which part it is in, and which fold of a cross-validation."""
    row = _row(folder / "parts", PARTS_TABLE, id_)
    return None if row is None else _known({"part": row["part"], "fold": row["fold"]})


def augmented(config: Pipeline, folder: Path, id_: str) -> Found | None:
    """Tell whether the policy changes it: only what is learnt from is augmented."""
    path, place = folder / "augmented" / "policy.json", parts(config, folder, id_)
    if not path.is_file() or place is None:
        return None
    policy = read_json(path)
    names = [name for step in policy["policy"]["transforms"] for name in step]
    is_learnt = place["part"] == "train"
    return {"applies": is_learnt and bool(names), "transforms": names, "copies": policy["copies"] if is_learnt else 0}


def prediction(config: Pipeline, folder: Path, id_: str) -> Found | None:
    """Tell what the trained model says, and whether that is right; `is_right` is null of numbers, which are never quite."""
    row = _row(folder / "evaluation", PREDICTIONS, id_)
    if row is None:
        return None
    probabilities = {name.removeprefix(_PROBABILITY): row[name] for name in row if name.startswith(_PROBABILITY)}
    answer = {name: row[name] for name in row if name not in ("id", "part") and not name.startswith(_PROBABILITY)}
    error = _row(folder / "evaluation", ERRORS, id_)
    named = ("error", "target_probability", "target_rank", "likely_class")
    more = {name: error[name] for name in named if name in error} if error else {}
    is_right = error is None if probabilities else None
    return {
        **_known(answer),
        "is_right": is_right,
        **_known(more),
        **({"probabilities": probabilities} if probabilities else {}),
    }


def exported(config: Pipeline, folder: Path, id_: str) -> Found | None:
    """Tell what the exported model was certified to answer, where this is one of its golden samples."""
    path = folder / "exported" / CERTIFICATE
    if not path.is_file():
        return None
    golden = [sample for sample in read_json(path).get("golden", []) if sample.get("id") == id_]
    return {"is_golden": bool(golden), **({"certified": golden[0]} if golden else {})}


STEPS = {
    "source": source,
    "raw": raw,
    "clean": clean,
    "parts": parts,
    "augmented": augmented,
    "prediction": prediction,
    "exported": exported,
}


def _rows(folder: Path, table: Table, id_: str) -> list[Found]:
    path = folder / table.file
    return pl.scan_parquet(path).filter(id=id_).collect().to_dicts() if path.is_file() else []


def _row(folder: Path, table: Table, id_: str) -> Found | None:
    return next(iter(_rows(folder, table, id_)), None)


def _known(found: Found) -> Found:
    return {name: value for name, value in found.items() if value is not None}
