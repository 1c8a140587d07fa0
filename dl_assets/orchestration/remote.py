"""`dl push` and `dl pull`: artifacts and champions, those of before included, to and from the DVC remote."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.config import NoRemoteError, RemoteConfigError
from dvc.exceptions import CheckoutError
from dvc.repo import Repo
from dvc_data.hashfile.hash_info import HashInfo
from dvc_objects.fs.errors import RemoteMissingDepsError

from dl_assets.errors import ConfigError, PipelineError
from dl_assets.operations.promotion import history
from dl_assets.orchestration.champion import restore
from dl_assets.orchestration.graph import load_graph


@dataclass(frozen=True)
class Wanted:
    """What DVC tracks of some pipelines, as it names that, and every folder that has been a champion of one of them."""

    pipelines: list[str]
    stages: list[str]
    pointers: list[str]
    champions: set[HashInfo]


def push(name: str | None, root: Path) -> int:
    """Copy what the pipeline (all of them by default) has made to the remote; return how many files it had not.

    Raises ConfigError where no remote is set, PipelineError where it cannot be used.
    """
    wanted = _wanted(name, root)
    with _opened(root, "push") as repo:
        sent: int = repo.push(targets=[*wanted.stages, *wanted.pointers])
        return sent + _whole(repo.cloud.push(wanted.champions))


def pull(name: str | None, root: Path) -> int:
    """Fetch what dvc.lock and champion.dvc name, and put it in its place; return how many files had to be fetched.

    The champion is replaced in one step. Raises ConfigError where no remote is set, PipelineError where it cannot be used,
    where it lacks something, or where something in the way is not in DVC's cache.
    """
    wanted = _wanted(name, root)
    with _opened(root, "pull") as repo:
        fetched: int = repo.fetch(targets=[*wanted.stages, *wanted.pointers])
        fetched += _whole(repo.cloud.pull(wanted.champions))
        repo.checkout(targets=wanted.stages)
    for pipeline in wanted.pipelines:
        restore(pipeline, root)
    return fetched


def _wanted(name: str | None, root: Path) -> Wanted:
    graph = load_graph(root)
    names = graph.pipelines if name is None else [name]
    stages = [node.address for pipeline in names for node in graph.of_pipeline(pipeline)]
    folders = [Path("data", pipeline) for pipeline in names]
    pointers = [str(folder / history.POINTER) for folder in folders if (root / folder / history.POINTER).is_file()]
    entries = [entry for folder in folders for entry in history.read(root / folder)]
    return Wanted(names, stages, pointers, {HashInfo("md5", entry["md5"]) for entry in entries})


def _whole(result: Any) -> int:
    """Return how many files were copied, where all were."""
    if result.failed:
        raise PipelineError(f"{len(result.failed)} files of former champions could not be copied. Run the command again.")
    return len(result.transferred)


@contextmanager
def _opened(root: Path, command: str) -> Iterator[Repo]:
    """Open the repository, whose remote must be known, and tell what goes wrong in words that help."""
    try:
        with Repo(str(root), _wait_for_lock=True) as repo:
            repo.cloud.get_remote(command=command)
            yield repo
    except NoRemoteError as error:
        raise ConfigError(
            "No DVC remote is set. Name a place for the artifacts: dvc remote add -d storage s3://BUCKET/FOLDER "
            "(or gs://..., ssh://..., a folder); then git add .dvc/config"
        ) from error
    except RemoteMissingDepsError as error:
        raise ConfigError(f"DVC says: {error} For s3:// that is: pip install -c constraints.txt -e '.[s3]'") from error
    except RemoteConfigError as error:
        raise ConfigError(f"DVC says: {error}. Mend .dvc/config, or .dvc/config.local") from error
    except CheckoutError as error:
        raise PipelineError(f"DVC says: {error}. Who made it has to push it: dl push") from error
    except PipelineError:
        raise
    except Exception as error:  # each kind of storage has exceptions of its own
        raise PipelineError(
            f"dl {command} failed: {error}. See whether the remote can be reached: dvc remote list; what was copied stays "
            "copied, and the same command goes on."
        ) from error
