"""New raw data costs in proportion to what is new: 600 pictures more, after 60,000."""

import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.photos import jpegs

from dl_assets import files
from dl_assets.artifacts.memo import Memo
from dl_assets.config import Pipeline
from dl_assets.stages.clean import clean
from dl_assets.stages.ingest import ingest

CIFAR10 = Path(__file__).parents[3] / "shared/data/cifar10/cifar10.zip"
COUNT, ADDED = 60_000, 600


def pictures() -> Iterator[tuple[str, bytes]]:
    """Yield names and JPEGs of 32 px: the real CIFAR-10 where it is at hand, else pictures made here."""
    if not CIFAR10.exists():
        yield from ((f"{'ab'[index % 2]}/{index}.jpg", jpeg) for index, jpeg in enumerate(jpegs(COUNT, 32, 32)))
        return
    with zipfile.ZipFile(CIFAR10) as archive:
        for name in archive.namelist():
            if name.endswith(".jpg"):
                part, target, file = name.split("/")[-3:]
                yield f"{target}/{part}-{file}", archive.read(name)


class Project:
    """Runs the two stages as the runner does, with artifacts that replace the last ones."""

    def __init__(self, root: Path, source: Path) -> None:
        self._root = root
        document = {
            "task": "image_classification",
            "source": {"kind": "folder", "path": str(source)},
            "clean": {"image_size": 32},
        }
        self._config = Pipeline(Path("pipelines/many.yaml"), {**document, "clean": {"image_size": 32, "max_rejected": 0.5}})

    def run(self) -> dict[str, float]:
        """Return CPU seconds of the stages."""
        seconds = {}
        for stage, name, folders in (
            (ingest, "raw", {}),
            (clean, "clean", {"raw": self._root / "raw", "pages": self._root / "pages"}),
        ):
            work, memo = self._root / f"{name}.work", self._root / f"{name}.memo"
            files.remove(self._root / "pages")
            work.mkdir()
            (self._root / "pages").mkdir()
            started = time.process_time()
            stage(self._config, **folders, memo=Memo((self._root / name,), memo, memo.with_suffix(".new")), out=work)
            seconds[name] = time.process_time() - started
            files.publish(memo.with_suffix(".new"), memo, memo.with_suffix(".old"))
            files.publish(work, self._root / name, self._root / f"{name}.old")
        return seconds


@pytest.mark.timeout(3600)
def test_what_is_new_is_what_costs(tmp_path: Path) -> None:
    source = tmp_path / "pictures"
    kept_back: list[tuple[str, bytes]] = []
    for index, (name, payload) in enumerate(pictures()):
        if index % 100 == 99:
            kept_back.append((name, payload))
            continue
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(payload)
    project = Project(tmp_path, source)
    full = project.run()
    for name, payload in kept_back:
        (source / name).write_bytes(payload)
    grown, unchanged = project.run(), project.run()
    print(f"\n{COUNT - len(kept_back):,} pictures, then {len(kept_back)} more, then none")
    for stage in full:
        print(f"  {stage:<10}{full[stage]:>8.2f} s CPU{grown[stage]:>8.2f} s{unchanged[stage]:>8.2f} s")
    share = sum(grown.values()) / sum(full.values())
    print(
        f"  together: 1 % more costs {100 * share:.1f} % of the whole, nothing new {100 * sum(unchanged.values()) / sum(full.values()):.1f} %"
    )
    assert share < 0.05
