"""Stage 1: read the source once and keep its bytes as they are; what was read before is not read again."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dl_assets import progress, registry
from dl_assets.artifacts.memo import Memo, is_worn, take_back
from dl_assets.artifacts.packs import PackWriter, fingerprint
from dl_assets.artifacts.raw import Listing, RawRows, RawSample, Source
from dl_assets.artifacts.rejection import Rejection
from dl_assets.artifacts.report import Report, write_json
from dl_assets.artifacts.rows import store_rows
from dl_assets.artifacts.tables import CLEAN_SAMPLES, RAW_SAMPLES, REJECTED, Rows, write_table
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError

_FOUND = {
    "target": pl.String,
    "group": pl.String,
    "time": pl.Datetime("us"),
    "part": pl.String,
    "origin": pl.String,
    "location": pl.String,
    "version": pl.String,
    "place": pl.UInt32,
}
# Whose bytes are where; `problem` says why there are none.
_PLACE = {
    "id": pl.String,
    "content": pl.String,
    "shard": pl.Int64,
    "offset": pl.Int64,
    "size_bytes": pl.Int64,
    "problem": pl.String,
}
_REMEMBERED = {"origin": pl.String, "version": pl.String, **_PLACE}
_COLUMNS = ("id", *(name for name in _FOUND if name != "place"), *(name for name in _PLACE if name != "id"))


def ingest(config: Pipeline, *, memo: Memo, out: Path) -> Report:
    """Copy every sample of the source into packs, with a table of what was found where."""
    source = _read(config)
    if source.rows is not None:
        return _write(source.description, _ingest_rows(config, source.rows(), out), out)
    description, (samples, unused, num_new) = _ingest(config, source, memo, out)
    report = _write(description, _with_columns(samples.drop("version"), source.columns), out, num_new)
    memo.keep(_key(config, description), out, samples=pl.concat([unused, samples.select(*_REMEMBERED)]))
    return report


def _with_columns(samples: pl.DataFrame, columns: pl.DataFrame | None) -> pl.DataFrame:
    """Add what else the source knows of each sample. Raises ConfigError where a name stands for something of ours."""
    if columns is None:
        return samples
    taken = set(columns.columns[1:]) & {*samples.columns, *CLEAN_SAMPLES.schema.columns, *REJECTED.schema.columns, "fold"}
    if taken:
        raise ConfigError(
            f"source.columns: {', '.join(sorted(taken))} would stand in the place of our own column of that name. "
            "Rename it in the table, or leave it away."
        )
    return samples.join(columns, on="origin", how="left", maintain_order="left", validate="1:1")


def _write(description: dict[str, Any], samples: pl.DataFrame, out: Path, num_new: int | None = None) -> Report:
    write_table(RAW_SAMPLES, out, samples)
    write_json(out / "source.json", {**description, "fingerprint": _fingerprint(samples), "num_samples": len(samples)})
    return Report(
        counts={
            "samples": len(samples),
            **({} if num_new is None else {"new": num_new}),
            "without_target": samples["target"].null_count(),
            "zero_bytes": int((samples["size_bytes"] == 0).sum()),
            "skipped_files": description["skipped_files"],
        },
        numbers={"bytes": int(samples["size_bytes"].sum()), "classes": samples["target"].drop_nulls().n_unique()},
    )


def _ingest_rows(config: Pipeline, rows: Iterator[RawRows], out: Path) -> pl.DataFrame:
    """Store the rows of a table: they are read in one go, which is as quick as to look for what is new."""
    if config.keep == "reference":
        raise DataError("source.keep is 'reference', but the rows of a table are always copied. Write `keep: copy`.")
    found = store_rows(rows, out)
    if found.is_empty():
        raise DataError(f"{config.path}: the source has no row. Look at the table, or at what `source` says of it.")
    # The same content has the same id wherever it stands; of equal rows each but the first is numbered.
    turn = pl.int_range(pl.len()).over("content", "problem", "key")
    name = pl.coalesce("key", pl.when(pl.col("problem").is_null()).then("content").otherwise("origin"))
    names = found.select(pl.when(turn == 0).then(name).otherwise(pl.format("{}#{}", name, turn + 1))).to_series()
    ids = pl.Series([identify(name) for name in names], dtype=pl.String)
    return found.with_columns(id=ids, location=pl.lit(None, pl.String)).select(name for name in _COLUMNS if name != "version")


def _ingest(
    config: Pipeline, source: Source, memo: Memo, out: Path
) -> tuple[dict[str, Any], tuple[pl.DataFrame, pl.DataFrame, int]]:
    """Return the description of the source, and what `store` returns. The source's list of files is let go with it."""
    last = memo.recall(_key(config, source.description))
    if last is not None:
        known, first_shard = last.tables["samples"], last.bring(out)
        if source.listing is not None and config.keep == "copy":
            samples, unused, num_new = add(source.listing(), out, known, first_shard)
        else:
            samples, unused, num_new = store(_tracked(source), out, config.keep, known, first_shard)
        if not is_worn(len(unused), samples):
            return source.description, (samples, unused, num_new)
        take_back(out)
        source = _read(config)
    return source.description, store(_tracked(source), out, config.keep)


def _key(config: Pipeline, description: dict[str, Any]) -> dict[str, Any]:
    return {"uri": description["uri"], "keep": config.keep}


def _read(config: Pipeline) -> Source:
    source: Source = registry.find("sources", config.source.name)(**config.source.options)
    return source


def _tracked(source: Source) -> Iterator[RawSample]:
    return progress.track(source, source.description["num_samples"])


def store(
    samples: Iterable[RawSample], out: Path, keep: str = "copy", known: pl.DataFrame | None = None, first_shard: int = 0
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Write what is not known into shards from `first_shard` on.

    Return the table of all samples, what was known and is not used any more, and how many samples were new. A sample is
    known where its version is the one of the last run, or where its bytes are.
    """
    known = known if known is not None else pl.DataFrame(schema=_REMEMBERED)
    row_of = dict(zip(known["origin"], range(len(known)), strict=True))
    found, places = _look(samples, out, keep, known, row_of, first_shard)
    return _table(found, places, known)


def add(listing: Listing, out: Path, known: pl.DataFrame, first_shard: int) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Do as `store` does of everything that is listed, and look only at the samples whose version is not the known one."""
    before = known.select("origin", pl.int_range(pl.len(), dtype=pl.UInt32).alias("place"), version_before="version")
    listed = listing.table.join(before, on="origin", how="left", maintain_order="left").with_row_index("row")
    is_same = (pl.col("version") == pl.col("version_before")).fill_null(value=False)
    same, other = listed.filter(is_same), listed.filter(~is_same)
    row_of = dict(other.select("origin", "place").drop_nulls().iter_rows())
    samples = progress.track(listing.pick(other["row"]), len(other))
    changed, places = _look(samples, out, "copy", known, row_of, first_shard)
    together = pl.concat([changed.with_columns(other["row"]), same.drop("version_before")], how="diagonal")
    found = together.sort("row").select(*_FOUND)  # group and time are null where they are not listed
    return _table(found, places, known)


def _look(
    samples: Iterable[RawSample], out: Path, keep: str, known: pl.DataFrame, row_of: dict[str, int], first_shard: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what was found, with the place of each sample's bytes: a row of what is known, or after these, of what is new.

    `row_of` says in which row of `known` an origin is.
    """
    versions = known["version"].to_list()
    found, places = Rows(_FOUND), Rows(_PLACE)
    with PackWriter(out, first_shard) as pack:
        for sample in samples:
            origin, _, target, group, time, part, version, location = sample
            row = row_of.get(origin)
            if row is None or version is None or versions[row] != version:
                payload, problem = _payload(sample)
                content = fingerprint(payload) if problem is None else ""
                if row is None or content != known["content"][row]:
                    row = len(known) + len(places)
                    place = _place(sample, payload, problem, pack, keep)
                    places.add((identify(origin), content, *place, len(payload), problem))
            found.add((target, group, time, part, origin, location if keep == "reference" else None, version, row))
    return found.table(), places.table()


def _table(found: pl.DataFrame, places: pl.DataFrame, known: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    is_used = np.zeros(len(known) + len(places), np.bool_)
    is_used[found["place"].to_numpy()] = True
    unused = known.filter(~is_used[: len(known)])
    table = found.hstack(pl.concat([known.select(*_PLACE), places])[found["place"]]).select(_COLUMNS)
    return table, unused, len(places)


def _payload(sample: RawSample) -> tuple[bytes, str | None]:
    """Return the payload, or why this one sample has none."""
    try:
        return sample.read(), None
    except Rejection as rejection:
        return b"", rejection.detail


def _place(
    sample: RawSample, payload: bytes, problem: str | None, pack: PackWriter, keep: str
) -> tuple[int, int] | tuple[None, None]:
    """Keep the payload; return its shard and offset, or none where there is none or it stays where it is."""
    if problem is not None:
        return None, None
    if keep == "copy":
        return pack.write(payload)
    if sample.location is None:
        raise DataError(
            f"source.keep is 'reference', but {sample.origin} cannot be opened again by itself (it lies in an archive, "
            "or comes with a library). Write `keep: copy`, or unpack the archive and use a folder."
        )
    return None, None


def _fingerprint(samples: pl.DataFrame) -> str:
    """Return a hash of which sample has which bytes and which target, whatever the shards look like."""
    found = sha256()
    for some in samples.select("id", "content", "target").iter_slices(8192):
        found.update(some.write_csv(include_header=False).encode())
    return found.hexdigest()


def identify(origin: str) -> str:
    """Name a sample for good: the same origin has the same id in every run and on every machine.

    >>> identify("cat/1.jpg")
    '32018dafbde900d2'
    """
    return blake2b(origin.encode(), digest_size=8).hexdigest()
