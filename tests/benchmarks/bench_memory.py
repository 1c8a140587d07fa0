"""The stages stream: their peak memory does not grow with the number of pictures."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.photos import jpegs

from dl_assets.index import write_index

COUNTS = (2_000, 10_000, 60_000)
STAGES = ("ingest", "clean", "split", "augment")
PIPELINE = """\
task: image_classification
source: {kind: folder, path: pictures}
clean: {image_size: 32}
split: {}
augment: []
model: {name: cnn}
train: {}
evaluate: {}
export: {}
schedule: {}
"""
# A process in between: Linux counts what the process that starts another one holds as that one's own peak.
MEASURE = """\
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


def make_clone(root: Path, count: int) -> Path:
    """Write `count` pictures of 80 x 60 px in two classes, and the pipeline."""
    for target in ("a", "b"):
        (root / "pictures" / target).mkdir(parents=True)
    for (index, jpeg), target in zip(enumerate(jpegs(count, 80, 60)), itertools.cycle("ab"), strict=False):
        (root / "pictures" / target / f"{index}.jpg").write_bytes(jpeg)
    (root / "pipelines").mkdir()
    (root / "pipelines" / "many.yaml").write_text(PIPELINE)
    write_index(root)
    return root


def peak_bytes(stage: str, root: Path) -> int:
    command = [sys.executable, "-c", MEASURE, sys.executable, "-m", "dl_assets", "stage", stage, "many"]
    return UNIT * int(subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout)


@pytest.mark.timeout(3600)
def test_peak_memory_is_flat(tmp_path: Path) -> None:
    clones = {count: make_clone(tmp_path / str(count), count) for count in COUNTS}
    print(f"\nPeak memory: {', '.join(f'{count:,}' for count in COUNTS)} pictures")
    for stage in STAGES:
        peaks = [peak_bytes(stage, root) for root in clones.values()]
        added = (peaks[-1] - peaks[0]) / (COUNTS[-1] - COUNTS[0])
        print(
            f"  {stage:<10}"
            + "".join(f"{peak / 1e6:>8,.0f} MB" for peak in peaks)
            + f"{added:>8,.0f} bytes for each picture more"
        )
        assert peaks[1] < 1.25 * peaks[0]  # five times as many pictures
        assert added < 2_000  # a few rows of tables; the pixels of one picture alone are 3,072 bytes
