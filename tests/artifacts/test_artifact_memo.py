from pathlib import Path

import polars as pl

from dl_assets.artifacts.memo import Memo, is_worn

TABLE = pl.DataFrame({"id": ["a", "b"], "shard": [0, 1]})


def remember(root: Path, key: dict[str, str]) -> Memo:
    """Run once: two shards and a table are remembered."""
    out = root / "out"
    out.mkdir()
    for shard in (0, 1):
        (out / f"payload-{shard:05d}.bin").write_bytes(b"bytes")
    Memo(root / "none", root / "memo").keep(key, TABLE, out)
    return Memo(root / "memo", root / "new")


def test_a_memo_of_the_same_key_is_recalled(tmp_path: Path) -> None:
    assert remember(tmp_path, {"uri": "here"}).recall({"uri": "here"}).equals(TABLE)


def test_a_memo_of_another_key_is_not(tmp_path: Path) -> None:
    assert remember(tmp_path, {"uri": "here"}).recall({"uri": "there"}) is None


def test_a_memo_whose_table_is_damaged_is_not_recalled(tmp_path: Path) -> None:
    memo = remember(tmp_path, {"uri": "here"})
    (memo.old / "memo.parquet").write_bytes(b"PAR1")
    assert memo.recall({"uri": "here"}) is None


def test_remembered_shards_are_links_that_outlive_the_artifact(tmp_path: Path) -> None:
    memo = remember(tmp_path, {})
    inode = (tmp_path / "out/payload-00001.bin").stat().st_ino
    for file in (tmp_path / "out").iterdir():
        file.unlink()
    assert memo.bring(tmp_path / "out") == 2  # the first free number
    assert (tmp_path / "out/payload-00001.bin").stat().st_ino == inode


def test_taking_back_leaves_no_shard(tmp_path: Path) -> None:
    memo = remember(tmp_path, {})
    memo.take_back(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_memo_is_worn_when_a_fifth_is_unused_or_there_are_many_shards() -> None:
    table = pl.DataFrame({"shard": [0] * 10})
    assert not is_worn(8, table) and is_worn(7, table)
    assert not is_worn(0, table.clear())
    assert is_worn(101, pl.DataFrame({"shard": range(101)}))
