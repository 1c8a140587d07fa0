"""`pipelines/index.yaml`: what dvc.yaml must know of each pipeline, derived from the pipeline files."""

from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from dl_assets import registry
from dl_assets.config import INDEX, Pipeline, load_pipeline, read_pipeline, read_yaml, scan_pipelines
from dl_assets.errors import ConfigError
from dl_assets.files import replace_text
from dl_assets.problems import Document, DocumentError, choose, gather, shown

HEADER = "# Derived from the files beside it by `dl sync`; commit it, never edit it.\n"


def entry(path: Path, root: Path = Path()) -> dict[str, str]:
    """Return the index entry of one pipeline file: the code and the data that its stages depend on."""
    pipeline = read_pipeline(path, root)
    gather([lambda: pipeline.task_name, lambda: pipeline.model_name, lambda: pipeline.source, lambda: pipeline.weights])
    _require_origin(pipeline, root)
    source = pipeline.source
    # Data that comes with a library changes only with the source's own module; dvc.yaml can do without neither of the two.
    watched = registry.module("sources", source.name).watched(**source.options) or (f"dl_assets/sources/{source.name}.py",)
    return {
        "task": pipeline.task_name,
        "inputs": pipeline.task.inputs,
        "inputs_parts": _parts("inputs", pipeline.task.inputs),
        "transforms_parts": _parts("transforms", pipeline.task.inputs),
        "targets": pipeline.task.targets,
        "model": pipeline.model_name,
        "weights": pipeline.weights.place or f"dl_assets/models/{pipeline.model_name}.py",
        "source": source.name,
        "input": watched[0],
        "files": watched[-1],
        "schema": _schema(pipeline),
        "originals": _originals(pipeline),
    }


def _require_origin(pipeline: Pipeline, root: Path) -> None:
    """Raise ConfigError where the weights come from a pipeline that does not exist, or that begins with this one's itself."""
    known = scan_pipelines(root)[0]
    chain, current = [pipeline.name], pipeline
    while (other := current.weights.pipeline) is not None:
        if other in chain:
            raise _wrong_origin(
                pipeline, f"goes round in a circle: {' -> '.join([*chain, other])}. Let one of them begin with others."
            )
        if other not in known:
            if current is not pipeline:  # told of that file itself
                return
            others = [name for name in known if name != pipeline.name]
            raise _wrong_origin(pipeline, f"is {shown(other)}{choose(other, others)}")
        chain.append(other)
        try:
            current = read_pipeline(known[other], root)
            current.weights  # noqa: B018 - a broken file is told of itself, not of the pipelines that begin with its model
        except ConfigError:
            return


def _wrong_origin(pipeline: Pipeline, message: str) -> DocumentError:
    return Document(pipeline.path, pipeline.document).problem(("model", "weights", "pipeline"), message)


def _schema(pipeline: Pipeline) -> str:
    """Return the file that declares the columns of a table; where there is none, what the kind of input is made of."""
    section = pipeline.document.get("clean")
    found = section.get("schema") if isinstance(section, dict) else None
    return found if isinstance(found, str) else f"dl_assets/inputs/{pipeline.task.inputs}.py"


def _originals(pipeline: Pipeline) -> str:
    """Return the folder of what the source has where export reads that: the cells of a table, and whole pictures where the
    exported model is to resize them itself; else the stage's own module."""
    section = pipeline.document.get("export")
    is_resized = isinstance(section, dict) and section.get("resize") is True
    is_read = is_resized or pipeline.task.inputs == "table"
    return f"data/{pipeline.name}/raw" if is_read else "dl_assets/stages/export.py"


def _parts(folder: str, name: str) -> str:
    """Return the folder of private modules that `dl_assets/<folder>/<name>.py` is made of; where there is none, that file."""
    private = Path("dl_assets", folder, f"_{name}")
    return str(private if (registry.PACKAGE.parent / private).is_dir() else Path("dl_assets", folder, f"{name}.py"))


def write_index(root: Path = Path()) -> list[ConfigError]:
    """Bring the index up to date; return what is wrong with files that cannot be read (their old entry is kept)."""
    before = _readable(root)
    pipelines, wrong = scan_pipelines(root)
    entries = {}
    for name, path in pipelines.items():
        try:
            entries[name] = entry(path, root)
        except ConfigError as error:
            wrong.append(error)
            if before and name in before:
                entries[name] = before[name]
    if entries != before:
        replace_text(root / INDEX, HEADER + _dump({"pipelines": entries}))
    return wrong


def read_index(root: Path = Path()) -> dict[str, dict[str, str]]:
    """Return the entries of the index, none where there is no index. Raises ConfigError where it is broken."""
    if not (root / INDEX).exists():
        return {}
    try:
        document = read_yaml(root / INDEX)
        return {str(name): dict(item) for name, item in (document["pipelines"] or {}).items()}
    except (ConfigError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{INDEX} cannot be read (a merge conflict, or edited by hand?). Run: dl sync") from error


def require_fresh(name: str, root: Path = Path()) -> None:
    """Raise ConfigError where the index says something else of this pipeline than its file does."""
    path = load_pipeline(name, root).path
    found, expected = read_index(root).get(name), entry(root / path, root)
    if found is None:
        raise ConfigError(f"{INDEX} is stale: it does not list the pipeline '{name}'. Run: dl sync")
    for key in {**expected, **found}:
        if found.get(key) != expected.get(key):
            raise ConfigError(
                f"{INDEX} is stale: for '{name}' it says {key}: {found.get(key)}, but pipelines/{name}.yaml says "
                f"{expected.get(key)}. Run: dl sync"
            )


def require_no_leftovers(root: Path = Path()) -> None:
    """Raise ConfigError where the index lists a pipeline that has no file any more."""
    gone = sorted(set(read_index(root)) - set(scan_pipelines(root)[0]))
    if gone:
        raise ConfigError(f"{INDEX} is stale: it lists '{gone[0]}', but pipelines/{gone[0]}.yaml does not exist. Run: dl sync")


def _readable(root: Path) -> dict[str, dict[str, str]] | None:
    """Return the index, or None where there is none to be read: it is derived, so it can always be written anew."""
    try:
        return read_index(root) if (root / INDEX).exists() else None
    except ConfigError:
        return None


def _dump(value: dict[str, Any]) -> str:
    text = StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.dump(value, text)
    return text.getvalue()
