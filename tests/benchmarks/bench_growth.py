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
COUNT = 60_000


def photos() -> Iterator[tuple[str, bytes]]:
    """Yield names and JPEGs of 320 x 240 px, made here."""
    return ((f"{'ab'[index % 2]}/{index}.jpg", jpeg) for index, jpeg in enumerate(jpegs(COUNT, 320, 240)))


def thumbnails() -> Iterator[tuple[str, bytes]]:
    """Yield names and JPEGs of 32 px of the real CIFAR-10, which cost next to nothing to decode."""
    with zipfile.ZipFile(CIFAR10) as archive:
        for name in archive.namelist():
            if name.endswith(".jpg"):
                part, target, file = name.split("/")[-3:]
                yield f"{target}/{part}-{file}", archive.read(name)


class Project:
    """Runs the two stages as the runner does, with artifacts that replace the last ones."""

    def __init__(self, root: Path, source: Path, image_size: int) -> None:
        self._root = root
        document = {"task": "image_classification", "source": {"kind": "folder", "path": str(source)}}
        self._config = Pipeline(
            Path("pipelines/many.yaml"), {**document, "clean": {"image_size": image_size, "max_rejected": 0.5}}
        )

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


def share_of_one_percent(root: Path, title: str, pictures: Iterator[tuple[str, bytes]], image_size: int) -> float:
    """Print what the first run costs, then one with 1 % more files, then one with nothing new; return the second's share."""
    source = root / "pictures"
    kept_back: list[tuple[str, bytes]] = []
    for index, (name, payload) in enumerate(pictures):
        if index % 100 == 99:
            kept_back.append((name, payload))
            continue
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(payload)
    project = Project(root, source, image_size)
    runs = [project.run()]
    for name, payload in kept_back:
        (source / name).write_bytes(payload)
    runs += [project.run(), project.run()]
    print(f"\n{title}: all but 1 %, then that 1 %, then nothing new")
    for stage in runs[0]:
        print(f"  {stage:<10}" + "".join(f"{run[stage]:>8.2f} s CPU" for run in runs))
    first, *others = (sum(run.values()) for run in runs)
    print("  share of the first run" + "".join(f"{100 * other / first:>8.1f} %" for other in others))
    return others[0] / first


@pytest.mark.timeout(3600)
def test_what_is_new_is_what_costs(tmp_path: Path) -> None:
    """The aim is reached by photos, and by thumbnails in every other run: RESULTS.md says by how much."""
    shares = [share_of_one_percent(tmp_path / "photos", "60,000 photos of 320 x 240 px", photos(), 64)]
    if CIFAR10.exists():
        title = "CIFAR-10, 60,000 pictures of 32 px"
        shares.append(share_of_one_percent(tmp_path / "thumbnails", title, thumbnails(), 32))
    assert max(shares) <= 0.05
