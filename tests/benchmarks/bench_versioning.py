"""What DVC pays to version many small pictures: as files of a folder, and as the packs that `ingest` writes."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest
from benchmarks.photos import jpegs

from dl_assets.artifacts.packs import PackWriter

COUNT, ROUNDS = 25_000, 5


def spent(*command: str, root: Path) -> float:
    """Run `dvc` and return its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "DVC_SITE_CACHE_DIR": str(root / "site")}
    subprocess.run([sys.executable, "-m", "dvc", *command], cwd=root, check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def make(root: Path, kind: str) -> Path:
    data = root / "data"
    data.mkdir(parents=True)
    spent("init", "--no-scm", root=root)
    payloads = list(jpegs(100, 32, 32))
    with PackWriter(data) as pack:
        for index in range(COUNT):
            payload = payloads[index % 100] + index.to_bytes(4, "big")  # bytes after the end marker make each one different
            if kind == "pack":
                pack.write(payload)
            else:
                (data / f"{index:05d}.jpg").write_bytes(payload)
    return root


@pytest.mark.timeout(3600)
def test_a_pack_is_cheaper_to_version(tmp_path: Path) -> None:
    costs: dict[str, list[float]] = {"pack": [], "folder": []}
    for turn in range(ROUNDS):
        for kind, seconds in costs.items():
            root = make(tmp_path / f"{kind}{turn}", kind)
            seconds.append(spent("add", "data", root=root) + spent("status", root=root))
    pack, folder = (median(seconds) for seconds in costs.values())
    print(f"\ndvc add + dvc status of {COUNT:,} pictures, median of {ROUNDS}")
    print(f"  pack   {pack:>8.2f} s CPU    1.0 x")
    print(f"  folder {folder:>8.2f} s CPU{folder / pack:>7.1f} x")
    assert folder > 5 * pack
