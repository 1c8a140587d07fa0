"""`dl gc`: which objects of DVC's cache nothing needs any more, of which stages they were, and their removal.

What DVC's own `dvc gc` counts as needed, and every champion that ever was: DVC knows of the one that serves alone.
"""

import logging
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.rwlock import _edit_rwlock
from dvc.utils.serialize import YAMLFileCorruptedError, load_yaml
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.tree import Tree
from dvc_objects.errors import ObjectFormatError

from dl_assets.config import scan_pipelines
from dl_assets.errors import ConfigError, Outage, PipelineError
from dl_assets.operations.care.owners import abandoned, experiments, taken
from dl_assets.operations.promotion.history import POINTER, PROMOTIONS
from dl_assets.orchestration.locks import forget_dead_holders

_FOLDER = re.compile(r"\b[0-9a-f]{32}\.dir\b")
_COMMAND = re.compile(r"python -m dl_assets stage (?P<stage>\w+) (?P<pipeline>\w+)")
_AGAIN = "Nothing was removed; run it again when that is done."
Owner = tuple[str, str]


def collect(root: Path, keep_days: int, *, remove: bool = False) -> dict[str, Any]:
    """Return what is kept and what is not needed, by pipeline and stage; with `remove` the latter is removed.

    Raises Outage, and removes nothing, where something that writes into the cache is under way.
    """
    with Repo(str(root), _wait_for_lock=True) as repo:
        _require_own(repo, root)
        with _alone(repo, root) if remove else ExitStack():
            cache = repo.cache.local
            used = _used(repo, keep_days) | _with_files(cache, _champions(root))
            sizes = {found: Path(cache.oid_to_path(found)).stat().st_size for found in cache.all()}
            unused = {found: size for found, size in sizes.items() if found not in used}
            owners = _owners(repo, set(unused))
            if remove and unused:
                # Folders first, as DVC does: what a crash leaves, the next call finds, and no folder is without its files.
                cache.fs.remove(
                    [cache.oid_to_path(found) for found in sorted(unused, key=lambda name: not name.endswith(".dir"))]
                )
    return {
        "kept": {"objects": len(sizes) - len(unused), "bytes": sum(sizes.values()) - sum(unused.values())},
        "unused": {"objects": len(unused), "bytes": sum(unused.values())},
        "of": _by_owner(unused, owners),
        "keep_days": keep_days,
        "removed": remove,
    }


# ---- what is needed --------------------------------------------------------------------------------------------


def _used(repo: Repo, keep_days: int) -> set[str]:
    """Ask DVC what the workspace, all branches, tags and experiments, and the commits since then need."""
    logging.getLogger("dvc").setLevel(logging.ERROR)  # it warns of every stage that had not run yet at some commit
    since = f"{datetime.now() - timedelta(days=keep_days):%Y-%m-%d}"
    try:
        # force: of a folder whose list of files is gone, the files are of no use either, and DVC would ask about it.
        found = repo.used_objs(all_branches=True, all_tags=True, all_experiments=True, commit_date=since, force=True)
    except DvcException as error:
        raise PipelineError(f"DVC cannot tell what is needed: {error}. Nothing was removed.") from error
    return {str(each.value) for hashes in found.values() for each in hashes if each.value}


def _champions(root: Path) -> set[str]:
    """Return every folder that was ever promoted: those named here, and in any commit of these files."""
    files = [path for name in (PROMOTIONS, POINTER) for path in (root / "data").glob(f"*/{name}")]
    history = subprocess.run(
        ["git", "log", "--all", "-m", "-p", "--no-color", "--no-ext-diff", "--", f"data/*/{PROMOTIONS}", f"data/*/{POINTER}"],  # noqa: S607
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if history.returncode:
        raise PipelineError(f"Git cannot tell which champions there were: {history.stderr.strip()}. Nothing was removed.")
    return {found for text in (history.stdout, *(path.read_text() for path in files)) for found in _FOLDER.findall(text)}


def _with_files(cache: Any, folders: set[str]) -> set[str]:
    """Return the folders and what lies in them; of one that is not in the cache, nothing can be lost."""
    return folders | {found for folder in folders for found in _files(cache, folder)}


def _files(cache: Any, folder: str) -> list[str]:
    try:
        return [str(found.value) for _, _, found in Tree.load(cache, HashInfo("md5", folder))]
    except (FileNotFoundError, ObjectFormatError):
        return []


# ---- whose it was ----------------------------------------------------------------------------------------------


def _owners(repo: Repo, unused: set[str]) -> dict[str, Owner]:
    """Return pipeline and stage of an object, from the runs that DVC remembers; of some it remembers none."""
    found: dict[str, Owner] = {}
    for path in Path(repo.stage_cache.cache_dir).glob("*/*/*"):
        try:
            run = load_yaml(path)
        except YAMLFileCorruptedError:  # DVC deletes it when it meets it
            continue
        if ours := _COMMAND.fullmatch(str(run["cmd"])):
            owner = (ours["pipeline"], ours["stage"])
            found |= {out["md5"]: owner for out in run.get("outs", []) if out.get("md5") in unused}
    for folder, owner in list(found.items()):
        if folder.endswith(".dir"):
            found |= {file: owner for file in _files(repo.cache.local, folder) if file in unused}
    return found


def _by_owner(sizes: dict[str, int], owners: dict[str, Owner]) -> list[dict[str, Any]]:
    counts: Counter[Owner] = Counter()
    total: Counter[Owner] = Counter()
    for name, size in sizes.items():
        owner = owners.get(name, ("", ""))
        counts[owner] += 1
        total[owner] += size
    return [
        {"pipeline": owner[0] or None, "stage": owner[1] or None, "objects": counts[owner], "bytes": size}
        for owner, size in total.most_common()
    ]


# ---- when nothing may be removed -------------------------------------------------------------------------------


def _require_own(repo: Repo, root: Path) -> None:
    """A cache elsewhere may be shared, and nobody here knows what the others need."""
    place = Path(repo.cache.local.path).resolve()
    if not place.is_relative_to(root.resolve()):
        raise ConfigError(
            f"DVC's cache {place} lies outside of {root.resolve()}: other projects may use it, too. Use: dvc gc --projects ..."
        )


@contextmanager
def _alone(repo: Repo, root: Path) -> Iterator[None]:
    """Keep everybody else from writing into the cache. Raises Outage where somebody does so now."""
    with repo.lock, ExitStack() as stack:
        forget_dead_holders(repo)
        with _edit_rwlock(repo.tmp_dir, repo.fs, repo.config["core"].get("hardlink_lock", False)) as lock:
            busy = sorted({*lock["write"], *lock["read"]})
        if busy:
            raise Outage(f"a run is under way, which uses {busy[0]}. {_AGAIN}")
        for name in scan_pipelines(root)[0]:
            if not stack.enter_context(taken(root / "data" / ".tmp" / f"{name}.champion.lock")):
                raise Outage(f"a promotion of {name} is under way. {_AGAIN}")
        running = experiments(root)
        if len(abandoned(running)) < len(running):
            raise Outage(f"an experiment is, or was within the last hour, under way in {running[-1]}. {_AGAIN}")
        yield
