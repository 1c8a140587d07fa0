from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dl_assets.artifacts.shards import ArrayReader, ArrayWriter, PackWriter, read_payloads
from dl_assets.errors import ArtifactError

PAYLOADS = [b"one", b"", b"three", b"a payload that is larger than a shard", b"x"]


def write_pack(folder: Path, max_shard_bytes: int) -> pl.DataFrame:
    with PackWriter(folder, max_shard_bytes) as pack:
        places = [(*pack.write(payload), len(payload)) for payload in PAYLOADS]
    return pl.DataFrame(places, schema=["shard", "offset", "size_bytes"], orient="row")


def write_arrays(folder: Path, arrays: np.ndarray, max_shard_bytes: int) -> pl.DataFrame:
    with ArrayWriter(folder, max_shard_bytes) as writer:
        return pl.DataFrame([writer.write(array) for array in arrays], schema=["shard", "row"], orient="row")


@pytest.mark.parametrize("max_shard_bytes", [1, 8, 10**6])
def test_payloads_come_back_over_any_number_of_shards(tmp_path: Path, max_shard_bytes: int) -> None:
    samples = write_pack(tmp_path, max_shard_bytes)
    assert list(read_payloads(tmp_path, samples)) == PAYLOADS
    assert list(read_payloads(tmp_path, samples.reverse())) == PAYLOADS[::-1]
    assert len(list(tmp_path.iterdir())) == samples["shard"].max() + 1  # type: ignore[operator]


def test_a_pack_that_ends_early_is_named(tmp_path: Path) -> None:
    samples = write_pack(tmp_path, 10**6)
    (tmp_path / "payload-00000.bin").write_bytes(b"onet")
    with pytest.raises(ArtifactError, match=r"payload-00000\.bin ends early: 5 bytes wanted at 3, 1 found"):
        list(read_payloads(tmp_path, samples))


@pytest.mark.parametrize("max_shard_bytes", [24, 60, 10**6])
def test_arrays_come_back_over_any_number_of_shards(tmp_path: Path, max_shard_bytes: int) -> None:
    arrays = np.random.default_rng(0).integers(0, 256, (7, 2, 4, 3), dtype=np.uint8)
    samples = write_arrays(tmp_path, arrays, max_shard_bytes)
    reader = ArrayReader(tmp_path, samples)
    assert len(reader) == 7 and reader.shape == (2, 4, 3)
    np.testing.assert_array_equal(reader.batch(np.arange(7)), arrays)
    assert len(list(tmp_path.iterdir())) == {24: 7, 60: 4, 10**6: 1}[max_shard_bytes]


def test_numpy_itself_can_read_a_shard(tmp_path: Path) -> None:
    arrays = np.random.default_rng(0).integers(0, 256, (1234, 2, 2, 1), dtype=np.uint8)
    write_arrays(tmp_path, arrays, 10**6)
    np.testing.assert_array_equal(np.load(tmp_path / "pixels-00000.npy", allow_pickle=False), arrays)


def test_the_order_of_the_samples_is_the_order_of_the_arrays(tmp_path: Path) -> None:
    arrays = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1)
    samples = write_arrays(tmp_path, arrays, 2)
    assert ArrayReader(tmp_path, samples[[2, 0]]).batch(np.array([0, 1])).ravel().tolist() == [2, 0]


def test_a_view_is_written_as_what_it_shows(tmp_path: Path) -> None:
    array = np.arange(8, dtype=np.uint8).reshape(2, 4, 1)[:, ::-1]
    samples = write_arrays(tmp_path, array[None], 10**6)
    np.testing.assert_array_equal(ArrayReader(tmp_path, samples)[0], array)


def test_a_broken_shard_is_named(tmp_path: Path) -> None:
    samples = write_arrays(tmp_path, np.zeros((3, 2, 2, 1), np.uint8), 10**6)
    shard = tmp_path / "pixels-00000.npy"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=r"pixels-00000\.npy cannot be read"):
        ArrayReader(tmp_path, samples)


def test_no_arrays_make_no_shards(tmp_path: Path) -> None:
    with ArrayWriter(tmp_path):
        pass
    assert not list(tmp_path.iterdir())
