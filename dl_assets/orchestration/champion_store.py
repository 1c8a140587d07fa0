"""Champions in DVC's cache: a folder goes in, its pointer `champion.dvc` is written, and it comes out again byte for byte."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from dvc.repo import Repo
from dvc_data.hashfile.build import build
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.transfer import transfer
from dvc_data.hashfile.tree import Tree
from dvc_objects.errors import ObjectFormatError

from dl_assets import files
from dl_assets.errors import ConfigError
from dl_assets.operations.promotion.history import POINTER

_ALGORITHM = "md5"


@dataclass(frozen=True)
class Stored:
    """A folder in DVC's cache, as champion.dvc tells it."""

    md5: str
    size: int
    nfiles: int


def put(root: Path, folder: Path) -> Stored:
    """Copy a folder into the cache of the repository; what is there already is not written again."""
    with Repo(str(root), _wait_for_lock=True) as repo:
        cache = repo.cache.local
        staging, meta, tree = build(cache, str(folder), cache.fs, _ALGORITHM)
        transfer(staging, cache, {tree.hash_info}, shallow=False)
        return Stored(str(tree.hash_info.value), meta.size or 0, meta.nfiles or 0)


def take(root: Path, stored: Stored, folder: Path, pipeline: str) -> None:
    """Write a folder of the cache to `folder`. Raises ConfigError where the cache does not hold it, or not as it was."""
    with Repo(str(root), _wait_for_lock=True) as repo:
        cache = repo.cache.local
        try:
            for key, _, found in Tree.load(cache, HashInfo(_ALGORITHM, stored.md5)):
                place = folder.joinpath(*key)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(cache.oid_to_path(found.value), place)
        except (FileNotFoundError, ObjectFormatError) as error:
            raise _lost(stored, pipeline) from error
        if str(build(cache, str(folder), cache.fs, _ALGORITHM, dry_run=True)[2].hash_info.value) != stored.md5:
            raise _lost(stored, pipeline)


def point(folder: Path, stored: Stored) -> None:
    """Write data/<pipeline>/champion.dvc as `dvc add` would, but in one step."""
    lines = [
        "outs:",
        f"- md5: {stored.md5}",
        f"  size: {stored.size}",
        f"  nfiles: {stored.nfiles}",
        f"  hash: {_ALGORITHM}",
        "  path: champion",
    ]
    files.replace_text(folder / POINTER, "\n".join(lines) + "\n")


def _lost(stored: Stored, pipeline: str) -> ConfigError:
    return ConfigError(
        f"DVC's cache does not hold the champion {stored.md5} of '{pipeline}' whole. Where a remote has it, fetch it: "
        f"dvc fetch --all-commits data/{pipeline}/{POINTER}"
    )
