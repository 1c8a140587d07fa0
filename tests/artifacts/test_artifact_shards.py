import ctypes
import pickle
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dl_assets.artifacts.shards import ArrayReader, ArrayWriter, JpegReader, JpegWriter, open_arrays
from dl_assets.errors import ArtifactError


def write_arrays(folder: Path, arrays: np.ndarray, max_shard_bytes: int) -> pl.DataFrame:
    with ArrayWriter(folder, max_shard_bytes=max_shard_bytes) as writer:
        return pl.DataFrame([writer.write(array) for array in arrays], schema=["shard", "row"], orient="row")


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


@pytest.mark.parametrize("row", [2, -1])
def test_a_row_that_a_shard_has_not_is_noticed(tmp_path: Path, row: int) -> None:
    samples = write_arrays(tmp_path, np.zeros((3, 2, 2, 1), np.uint8), 8)
    with pytest.raises(ArtifactError, match=r"pixels-00000\.npy holds 2 arrays of .*, up to number .*\. Delete the folder"):
        ArrayReader(tmp_path, samples.with_columns(row=pl.Series([0, row, 0])))


@pytest.mark.parametrize("other", [np.zeros((1, 2, 1, 1), np.uint8), np.zeros((1, 2, 2, 1), np.int16)])
def test_a_shard_of_other_arrays_is_noticed(tmp_path: Path, other: np.ndarray) -> None:
    samples = write_arrays(tmp_path, np.zeros((3, 2, 2, 1), np.uint8), 8)
    np.save(tmp_path / "pixels-00001.npy", other)
    with pytest.raises(
        ArtifactError, match=r"pixels-00001\.npy holds 1 arrays of .*; expected are those of \(2, 2, 1\), uint8"
    ):
        ArrayReader(tmp_path, samples)


def write_rows(folder: Path, rows: np.ndarray, max_shard_bytes: int = 10**9) -> pl.DataFrame:
    with ArrayWriter(folder, max_shard_bytes=max_shard_bytes) as writer:
        shards, places = writer.write_all(rows)
    return pl.DataFrame({"shard": shards, "row": places})


def rows_of_numbers(count: int) -> np.ndarray:
    rows = np.random.default_rng(0).normal(size=(count, 3))
    rows[0, 0], rows[1, 1] = np.nan, np.inf
    return rows


@pytest.mark.parametrize(("max_shard_bytes", "num_shards"), [(1, 7), (50, 4), (72, 3), (10**6, 1)])
def test_rows_of_a_table_come_back_over_any_number_of_shards(tmp_path: Path, max_shard_bytes: int, num_shards: int) -> None:
    rows, indices = rows_of_numbers(7), np.array([6, 0, 3, 3, 5])
    reader = open_arrays(tmp_path, write_rows(tmp_path, rows, max_shard_bytes))
    assert len(reader) == 7 and reader.shape == (3,) and len(list(tmp_path.iterdir())) == num_shards
    np.testing.assert_array_equal(reader.batch(indices), rows[indices])
    np.testing.assert_array_equal(np.asarray(reader.each(indices)), rows[indices])
    np.testing.assert_array_equal(list(reader.each(indices)), rows[indices])
    np.testing.assert_array_equal(reader[4], rows[4])
    assert reader.batch(indices).dtype == np.float64


@pytest.mark.parametrize("arrays", [rows_of_numbers(7), np.arange(42, dtype=np.uint8).reshape(7, 2, 3, 1)])
@pytest.mark.parametrize("max_shard_bytes", [1, 50, 10**6])
def test_many_arrays_at_once_are_written_as_one_by_one(tmp_path: Path, arrays: np.ndarray, max_shard_bytes: int) -> None:
    for name in ("together", "alone", "both"):
        (tmp_path / name).mkdir()
    together = write_rows(tmp_path / "together", arrays, max_shard_bytes)
    alone = write_arrays(tmp_path / "alone", arrays, max_shard_bytes)
    with ArrayWriter(tmp_path / "both", max_shard_bytes=max_shard_bytes) as writer:
        both = [writer.write(arrays[0]), *zip(*writer.write_all(arrays[1:6]), strict=True), writer.write(arrays[6])]
    assert together.rows() == alone.rows() == both
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("together", "alone", "both")]
    assert files[0] == files[1] == files[2]


def test_no_rows_make_no_shards(tmp_path: Path) -> None:
    assert write_rows(tmp_path, np.zeros((0, 3))).is_empty()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("other", [np.zeros(3, np.float32), np.zeros(3, np.uint8), np.zeros(4)])
def test_all_arrays_of_a_writer_are_alike(tmp_path: Path, other: np.ndarray) -> None:
    with ArrayWriter(tmp_path) as writer:
        writer.write(np.zeros(3))
        with pytest.raises(AssertionError, match="one shape and one type"):
            writer.write(other)
        with pytest.raises(AssertionError, match="one shape and one type"):
            writer.write_all(other[np.newaxis])


def test_a_broken_shard_of_rows_is_named(tmp_path: Path) -> None:
    samples = write_rows(tmp_path, rows_of_numbers(5))
    shard = tmp_path / "pixels-00000.npy"
    shard.write_bytes(shard.read_bytes()[:-8])
    with pytest.raises(ArtifactError, match=r"pixels-00000\.npy cannot be read"):
        ArrayReader(tmp_path, samples)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("other", [np.zeros((2, 3), np.float32), np.zeros((2, 3), ">f8"), np.zeros((2, 3), np.uint8)])
def test_a_shard_of_another_type_is_noticed(tmp_path: Path, other: np.ndarray, number: int) -> None:
    samples = write_rows(tmp_path, rows_of_numbers(4), max_shard_bytes=48)
    np.save(tmp_path / f"pixels-0000{number}.npy", other)
    with pytest.raises(ArtifactError, match=r"holds 2 arrays of \(3,\), .*; expected are those of \(3,\), (uint8|float64)"):
        ArrayReader(tmp_path, samples)


def test_arrays_lie_at_their_addresses(tmp_path: Path) -> None:
    samples = write_arrays(tmp_path, np.arange(28, dtype=np.uint8).reshape(7, 2, 2, 1), 10)
    reader, indices = ArrayReader(tmp_path, samples.reverse()), np.array([5, 0, 3, 3])
    found = [ctypes.string_at(address, 4) for address in reader.each(indices).addresses.tolist()]
    assert found == [array.tobytes() for array in reader.each(indices)]


def test_no_arrays_make_no_shards(tmp_path: Path) -> None:
    with ArrayWriter(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_new_shards_leave_the_old_ones_as_they_are(tmp_path: Path) -> None:
    first = write_arrays(tmp_path, np.full((2, 1, 1, 1), 1, np.uint8), 10**6)
    before = (tmp_path / "pixels-00000.npy").read_bytes()
    with ArrayWriter(tmp_path, first_shard=1) as writer:
        place = writer.write(np.full((1, 1, 1), 2, np.uint8))
    samples = pl.concat([first, pl.DataFrame([place], schema=["shard", "row"], orient="row")])
    assert open_arrays(tmp_path, samples).batch(np.arange(3)).ravel().tolist() == [1, 1, 2]
    assert (tmp_path / "pixels-00000.npy").read_bytes() == before


def smooth_pictures(channels: int) -> np.ndarray:
    ramp = np.linspace(0, 255, 32)
    return np.stack(
        [np.outer(ramp, 1 - ramp / 255).astype(np.uint8)[..., None].repeat(channels, -1) // (1 + n) for n in range(5)]
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("max_shard_bytes", [1, 1000, 10**6])
def test_jpegs_come_back_nearly_as_they_were(tmp_path: Path, channels: int, max_shard_bytes: int) -> None:
    arrays = smooth_pictures(channels)
    with JpegWriter(tmp_path, quality=95, max_shard_bytes=max_shard_bytes) as writer:
        places = [writer.write(array) for array in arrays]
    reader = open_arrays(tmp_path, pl.DataFrame(places, schema=["shard", "row"], orient="row").reverse())
    assert isinstance(reader, JpegReader) and len(reader) == 5 and reader.shape == (32, 32, channels)
    found = reader.batch(np.arange(5))[::-1].astype(int)
    assert np.abs(found - arrays).mean() < 2 and np.abs(found - arrays).max() < 20
    num_shards = len(list(tmp_path.glob("jpegs-*.bin")))
    assert num_shards == 5 if max_shard_bytes == 1 else num_shards >= 1


@pytest.mark.parametrize("writer", [ArrayWriter, JpegWriter])
def test_a_reader_is_sent_to_another_process_without_its_pixels(tmp_path: Path, writer: type) -> None:
    options = {"quality": 95} if writer is JpegWriter else {}
    with writer(tmp_path, max_shard_bytes=10_000, **options) as opened:
        places = [opened.write(array) for array in smooth_pictures(3)]
    reader = open_arrays(tmp_path, pl.DataFrame(places, schema=["shard", "row"], orient="row").reverse())
    message = pickle.dumps(reader)
    assert len(message) < 2_000 < reader[0].nbytes
    np.testing.assert_array_equal(pickle.loads(message).batch(np.arange(5)), reader.batch(np.arange(5)))


@pytest.mark.parametrize("writer", [ArrayWriter, JpegWriter])
def test_each_of_several_arrays_is_that_of_its_index(tmp_path: Path, writer: type) -> None:
    options = {"quality": 95} if writer is JpegWriter else {}
    with writer(tmp_path, max_shard_bytes=5_000, **options) as opened:
        places = [opened.write(array) for array in smooth_pictures(3)]
    reader = open_arrays(tmp_path, pl.DataFrame(places, schema=["shard", "row"], orient="row"))
    found = list(reader.each(np.array([3, 0, 3])))
    np.testing.assert_array_equal(found, [reader[3], reader[0], reader[3]])


def test_jpegs_take_less_room(tmp_path: Path) -> None:
    with JpegWriter(tmp_path, quality=90) as jpegs, ArrayWriter(tmp_path) as pixels:
        for array in smooth_pictures(3):
            jpegs.write(array)
            pixels.write(array)
    sizes = {kind: sum(path.stat().st_size for path in tmp_path.glob(f"{kind}-*")) for kind in ("jpegs", "pixels")}
    assert sizes["jpegs"] < 0.5 * sizes["pixels"]
