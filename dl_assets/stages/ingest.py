"""Stage 1: read the source once and keep its bytes as they are."""

import json
from collections.abc import Iterable
from hashlib import blake2b, sha256
from pathlib import Path

import polars as pl

from dl_assets import progress, registry
from dl_assets.artifacts.raw import RawSample
from dl_assets.artifacts.report import Report, write_json
from dl_assets.artifacts.shards import PackWriter
from dl_assets.artifacts.tables import RAW_SAMPLES, write_table
from dl_assets.config import Pipeline

_SCHEMA = {
    "id": pl.String,
    "target": pl.String,
    "group": pl.String,
    "origin": pl.String,
    "shard": pl.Int64,
    "offset": pl.Int64,
    "size_bytes": pl.Int64,
}


def ingest(config: Pipeline, *, out: Path) -> Report:
    """Copy every sample of the source into packs, with a table of what was found where."""
    source = registry.module("sources", config.source.name)
    description = source.describe(**config.source.options)
    read = getattr(source, config.source.name)
    tracked = progress.track(read(**config.source.options), description.get("num_samples", 0))
    samples, fingerprint = store(tracked, out)
    write_table(RAW_SAMPLES, out, samples)
    write_json(out / "source.json", {**description, "fingerprint": fingerprint, "num_samples": len(samples)})
    return Report(
        counts={
            "samples": len(samples),
            "without_target": samples["target"].null_count(),
            "zero_bytes": int((samples["size_bytes"] == 0).sum()),
            "skipped_files": description.get("skipped_files", 0),
        },
        numbers={"bytes": int(samples["size_bytes"].sum()), "classes": samples["target"].drop_nulls().n_unique()},
    )


def store(samples: Iterable[RawSample], out: Path) -> tuple[pl.DataFrame, str]:
    """Write the payloads; return the table of samples and the fingerprint of them all, in their order."""
    rows: list[tuple[str, str | None, str | None, str, int, int, int]] = []
    fingerprint = sha256()
    with PackWriter(out) as pack:
        for sample in samples:
            shard, offset = pack.write(sample.payload)
            row = (identify(sample.origin), sample.target, sample.group, sample.origin, shard, offset, len(sample.payload))
            rows.append(row)
            fingerprint.update(json.dumps([row[0], sha256(sample.payload).hexdigest(), sample.target]).encode())
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row"), fingerprint.hexdigest()


def identify(origin: str) -> str:
    """Name a sample for good: the same origin has the same id in every run and on every machine.

    >>> identify("cat/1.jpg")
    '32018dafbde900d2'
    """
    return blake2b(origin.encode(), digest_size=8).hexdigest()
