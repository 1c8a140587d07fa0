from pathlib import Path

import polars as pl
import pytest

from dl_assets.artifacts.packs import PackWriter, fingerprint, read_payloads
from dl_assets.artifacts.rejection import Rejection
from dl_assets.errors import ArtifactError

PAYLOADS = [b"one", b"", b"three", b"a payload that is larger than a shard", b"x"]


def write_pack(folder: Path, max_shard_bytes: int = 10**6) -> pl.DataFrame:
    with PackWriter(folder, max_shard_bytes=max_shard_bytes) as pack:
        rows = [(*pack.write(payload), len(payload), fingerprint(payload)) for payload in PAYLOADS]
    samples = pl.DataFrame(rows, schema=["shard", "offset", "size_bytes", "content"], orient="row")
    return samples.with_columns(location=pl.lit(None, pl.String), problem=pl.lit(None, pl.String))


def reference(path: Path, payload: bytes) -> pl.DataFrame:
    return pl.DataFrame(
        {"shard": [None], "offset": [None], "size_bytes": [len(payload)], "location": [str(path)], "problem": [None]}
    ).with_columns(content=pl.lit(fingerprint(payload)))


@pytest.mark.parametrize("max_shard_bytes", [1, 8, 10**6])
def test_payloads_come_back_over_any_number_of_shards(tmp_path: Path, max_shard_bytes: int) -> None:
    samples = write_pack(tmp_path, max_shard_bytes)
    assert list(read_payloads(tmp_path, samples)) == PAYLOADS
    assert list(read_payloads(tmp_path, samples.reverse())) == PAYLOADS[::-1]
    assert len(list(tmp_path.iterdir())) == samples["shard"].max() + 1  # type: ignore[operator]


def test_a_pack_that_ends_early_is_named(tmp_path: Path) -> None:
    samples = write_pack(tmp_path)
    (tmp_path / "payload-00000.bin").write_bytes(b"onet")
    with pytest.raises(ArtifactError, match=r"payload-00000\.bin ends early: 5 bytes wanted at 3, 1 found"):
        list(read_payloads(tmp_path, samples))


def test_what_ingest_could_not_read_is_a_rejection(tmp_path: Path) -> None:
    samples = write_pack(tmp_path).with_columns(problem=pl.lit("the file does not exist"))
    (found, *_) = read_payloads(tmp_path, samples)
    assert isinstance(found, Rejection) and found.reason == "unreadable" and found.detail == "the file does not exist"


def test_a_reference_is_read_from_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"bytes")
    assert list(read_payloads(tmp_path, reference(tmp_path / "a.jpg", b"bytes"))) == [b"bytes"]


def test_a_reference_that_changed_or_is_gone_is_a_rejection(tmp_path: Path) -> None:
    samples = reference(tmp_path / "a.jpg", b"bytes")
    (gone,) = read_payloads(tmp_path, samples)
    (tmp_path / "a.jpg").write_bytes(b"other")
    (changed,) = read_payloads(tmp_path, samples)
    assert isinstance(gone, Rejection) and "is not any more" in gone.detail
    assert isinstance(changed, Rejection) and "has changed since it was ingested" in changed.detail
