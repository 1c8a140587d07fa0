"""Ingest and clean stream: their peak memory does not grow with the number of pictures."""

import itertools
import subprocess
import sys
from pathlib import Path

from benchmarks.photos import jpegs

from dl_assets.index import write_index

FEW, MANY = 2_000, 10_000
PIPELINE = """\
task: image_classification
source: {kind: folder, path: pictures}
clean: {image_size: 64}
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
    """Write `count` pictures of 160 x 120 px in two classes, and the pipeline."""
    for target in ("a", "b"):
        (root / "pictures" / target).mkdir(parents=True)
    for (index, jpeg), target in zip(enumerate(jpegs(count, 160, 120)), itertools.cycle("ab"), strict=False):
        (root / "pictures" / target / f"{index}.jpg").write_bytes(jpeg)
    (root / "pipelines").mkdir()
    (root / "pipelines" / "many.yaml").write_text(PIPELINE)
    write_index(root)
    return root


def peak_bytes(stage: str, root: Path) -> int:
    command = [sys.executable, "-c", MEASURE, sys.executable, "-m", "dl_assets", "stage", stage, "many"]
    return UNIT * int(subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout)


def test_peak_memory_is_flat(tmp_path: Path) -> None:
    clones = {count: make_clone(tmp_path / str(count), count) for count in (FEW, MANY)}
    print(f"\nPeak memory, {FEW:,} and {MANY:,} pictures")
    for stage in ("ingest", "clean"):
        few, many = (peak_bytes(stage, root) for root in clones.values())
        added = (many - few) / (MANY - FEW) / 1024
        print(f"  {stage:<52}{few / 1e6:>8,.0f} MB{many / 1e6:>8,.0f} MB{added:>8.2f} KiB for each picture more")
        assert many < 1.25 * few  # five times as many pictures
