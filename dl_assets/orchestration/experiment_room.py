"""A copy of the repository in which experiments run, so that nothing they do can be seen in the workspace.

`dvc exp run --temp` is not asked, because it edits the pipeline file, stashes and resets the workspace for a moment: a kill
would leave the user's uncommitted work in a Git stash. It copies the data too, and leaves out files that Git does not know yet.
Here the data are links into DVC's cache; what Git ignores, such as data/incoming, is linked where it is.
"""

import fcntl
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dvc.repo import Repo

from dl_assets import files
from dl_assets.errors import ConfigError, PipelineError

ROOMS = Path("data/.tmp/experiments")
# So that a source at ../../photos is found: a link in one of these folders stands for it.
_ABOVE = Path("up/up/up/up")
_OURS = ("dl_assets", "pipelines")  # of these, files that Git does not know yet belong to the experiment too
_LOCK = "lock"
_CONFIG = """\
[core]
    site_cache_dir = {site}
[cache]
    dir = {cache}
    type = "reflink,symlink"
"""


@dataclass(frozen=True)
class Room:
    """`root` is the project's root inside the copy `top`; `base` is the Git tree of the workspace as it was copied."""

    outer: Path
    top: Path
    root: Path
    head: str
    base: str

    def reset(self) -> None:
        """Bring back what was copied from the workspace; data are brought by DVC, where the next experiment needs them."""
        git(self.top, "read-tree", "--reset", "-u", self.base)

    def link(self, place: str) -> None:
        """Let a file or folder that is in the workspace, but not in the copy, be found at the same place."""
        target, source = self.root / place, (self.outer / place).resolve()
        if "://" in place or Path(place).is_absolute() or target.exists() or not source.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source)
        if ".." not in Path(place).parts:
            self._exclude("/" + re.sub(r"([\\*?\[])", r"\\\1", str(target.relative_to(self.top))))

    def link_everything(self) -> None:
        """A source may read more than DVC watches, such as a database beside dvc.yaml."""
        for folder in (Path(), Path("data/incoming")):
            for path in (self.outer / folder).glob("[!.]*"):
                if path != self.outer / "data":
                    self.link(str(path.relative_to(self.outer)))

    def keep(self, ref: str, message: str) -> str:
        """Write what is in the room as a DVC experiment into the Git repository of the workspace; return its commit."""
        git(self.root, "add", "--all", ".")
        commit = git(self.top, "commit-tree", git(self.top, "write-tree"), "-p", self.head, "-m", message)
        git(self.top, "update-ref", ref, commit)
        git(self.outer, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(self.top.resolve()), f"+{ref}:{ref}")
        return commit

    def _exclude(self, pattern: str) -> None:
        with (self.top / ".git/info/exclude").open("a", encoding="utf-8") as file:
            file.write(pattern + "\n")


@contextmanager
def open_room(root: Path, pipelines: list[str]) -> Iterator[Room]:
    """Copy the workspace as it is now, uncommitted edits included. Leftovers of killed commands are swept out first."""
    with _own_slot(root.resolve() / ROOMS) as slot:
        try:
            yield _furnish(root.resolve(), slot / _ABOVE / "repository", slot, pipelines)
        finally:
            files.remove(slot / _ABOVE.parts[0])


@contextmanager
def _own_slot(rooms: Path) -> Iterator[Path]:
    """Take the first folder that nobody works in: so there are never more of them than commands at one time."""
    number = 0
    while True:
        slot = rooms / str(number)
        slot.mkdir(parents=True, exist_ok=True)
        with (slot / _LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                number += 1
                continue
            for path in slot.iterdir():
                if path.name != _LOCK:
                    files.remove(path)
            yield slot
            return


def _furnish(outer: Path, top: Path, slot: Path, pipelines: list[str]) -> Room:
    head = head_of(outer)
    prefix = git(outer, "rev-parse", "--show-prefix")
    top.parent.mkdir(parents=True)
    git(outer, "clone", "--quiet", "--shared", "--no-checkout", git(outer, "rev-parse", "--show-toplevel"), str(top))
    git(top, "update-ref", "--no-deref", "HEAD", head)
    for key, default in (("user.name", "dl-assets"), ("user.email", "dl-assets@localhost")):
        found = subprocess.run(["git", "config", key], cwd=outer, capture_output=True, text=True, check=False)  # noqa: S607
        git(top, "config", key, found.stdout.strip() or default)
    _copy_files(outer, top / prefix, pipelines)
    _configure(outer, top / prefix, slot)
    room = Room(outer, top, top / prefix, head, "")
    for ours in (f"/{prefix}.dvc/config.local", f"/{prefix}.dvc/tmp", f"/{prefix}data/.tmp"):
        room._exclude(ours)
    git(top, "read-tree", "HEAD")
    git(top / prefix, "add", "--all", ".")
    return Room(outer, top, top / prefix, head, git(top, "write-tree"))


def _copy_files(outer: Path, root: Path, pipelines: list[str]) -> None:
    """Copy what Git knows, as it is now, and what of ours it does not know yet."""
    known = git(outer, "ls-files", "-z").split("\0")
    others = git(outer, "ls-files", "-z", "--others", "--exclude-standard").split("\0")
    own = (*_OURS, *(f"data/{name}" for name in pipelines))
    for name in filter(None, [*known, *(other for other in others if other == "dvc.lock" or _is_in(other, own))]):
        source, target = outer / name, root / name
        if source.is_symlink() or source.is_file():  # else it is deleted in the workspace
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def _is_in(name: str, folders: tuple[str, ...]) -> bool:
    return any(name.startswith(f"{folder}/") for folder in folders)


def _configure(outer: Path, root: Path, slot: Path) -> None:
    """Share the cache of the workspace; all else that DVC keeps goes into the room."""
    local = outer / ".dvc" / "config.local"
    with Repo(str(outer)) as repo:
        cache = repo.cache.local_cache_dir
    own = _CONFIG.format(site=slot / _ABOVE.parts[0] / "site", cache=cache)
    before = local.read_text(encoding="utf-8") if local.is_file() else ""
    # Sections of DVC's configuration may not come twice, so the remotes of the workspace stand in front of ours.
    (root / ".dvc" / "config.local").write_text(_without(before, ("core", "cache")) + own, encoding="utf-8")


def _without(text: str, sections: tuple[str, ...]) -> str:
    kept, skipping = [], False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            skipping = line.strip().strip("[]") in sections
        if not skipping:
            kept.append(line)
    return "".join(kept)


def head_of(root: Path) -> str:
    """Return the commit that experiments begin with. Raises ConfigError where there is none yet."""
    try:
        return git(root, "rev-parse", "--verify", "HEAD")
    except PipelineError as error:
        raise ConfigError("Experiments begin with a commit, and there is none yet. Run: git add . && git commit") from error


def git(folder: Path, *words: str) -> str:
    """Run git and return what it prints. Raises PipelineError."""
    found = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S607
    if found.returncode:
        raise PipelineError(f"git {' '.join(words[:2])} failed in {folder}: {found.stderr.strip()}")
    return found.stdout.removesuffix("\n")
