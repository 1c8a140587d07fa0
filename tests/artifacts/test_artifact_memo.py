from pathlib import Path

import polars as pl

from dl_assets.artifacts.memo import Memo, Recalled, is_worn, take_back
from dl_assets.artifacts.report import read_json, write_json

TABLE = pl.DataFrame({"id": ["a", "b"], "shard": [0, 1]})
PAIRS = pl.DataFrame({"first": [0], "second": [1]})
KEY = {"uri": "here"}


def remember(root: Path) -> Memo:
    """Run once: an artifact of two shards and a table, and the memo of it."""
    artifact = root / "raw"
    artifact.mkdir()
    for shard in (0, 1):
        (artifact / f"payload-{shard:05d}.bin").write_bytes(b"bytes")
    TABLE.write_parquet(artifact / "samples.parquet")
    Memo((), root / "none", root / "memo").keep(KEY, artifact, samples=TABLE, pairs=PAIRS)
    return Memo((root / "nowhere", artifact), root / "memo", root / "new")


def recalled(memo: Memo) -> Recalled:
    last = memo.recall(KEY)
    assert last is not None
    return last


def test_a_memo_of_the_same_key_is_recalled(tmp_path: Path) -> None:
    tables = recalled(remember(tmp_path)).tables
    assert set(tables) == {"samples", "pairs"} and tables["samples"].equals(TABLE) and tables["pairs"].equals(PAIRS)


def test_a_memo_of_another_key_is_not(tmp_path: Path) -> None:
    assert remember(tmp_path).recall({"uri": "there"}) is None


def test_a_memo_of_another_version_of_the_artifact_is_not(tmp_path: Path) -> None:
    memo = remember(tmp_path)
    TABLE.reverse().write_parquet(tmp_path / "raw/samples.parquet")  # as after a `dvc checkout`
    assert memo.recall(KEY) is None


def test_a_memo_whose_artifact_is_gone_is_not(tmp_path: Path) -> None:
    memo = remember(tmp_path)
    (tmp_path / "raw/samples.parquet").unlink()
    assert memo.recall(KEY) is None


def test_a_memo_whose_table_is_damaged_is_not_recalled(tmp_path: Path) -> None:
    memo = remember(tmp_path)
    (memo.old / "pairs.parquet").write_bytes(b"PAR1")
    assert memo.recall(KEY) is None


def test_a_memo_that_another_version_of_this_code_wrote_is_not_recalled(tmp_path: Path) -> None:
    memo = remember(tmp_path)
    known = read_json(memo.old / "key.json")
    write_json(memo.old / "key.json", {name: known[name] for name in ("key", "artifact")})
    assert memo.recall(KEY) is None


def test_remembered_shards_are_taken_over_without_a_copy(tmp_path: Path) -> None:
    memo, out = remember(tmp_path), tmp_path / "out"
    out.mkdir()
    assert recalled(memo).bring(out) == 2  # the first free number
    assert (out / "payload-00001.bin").samefile(tmp_path / "raw/payload-00001.bin")


def test_taking_back_leaves_no_shard_and_the_last_artifact_as_it_is(tmp_path: Path) -> None:
    memo, out = remember(tmp_path), tmp_path / "out"
    out.mkdir()
    recalled(memo).bring(out)
    take_back(out)
    assert list(out.iterdir()) == [] and len(list((tmp_path / "raw").iterdir())) == 3


def test_a_memo_is_worn_when_a_fifth_is_unused_or_there_are_many_shards() -> None:
    table = pl.DataFrame({"shard": [0] * 10})
    assert not is_worn(2, table) and is_worn(3, table)
    assert not is_worn(0, table.clear())
    assert is_worn(0, pl.DataFrame({"shard": range(101)}))
