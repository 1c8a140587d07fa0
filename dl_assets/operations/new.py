"""Writes a pipeline file that runs as it is, with options chosen from the data."""

from pathlib import Path

from ruamel.yaml import YAML

from dl_assets import index, registry
from dl_assets.config import JOB_ENDINGS, PIPELINES, Pipeline, better_name, scan_pipelines
from dl_assets.errors import ConfigError
from dl_assets.files import replace_text
from dl_assets.operations.new_pictures import pictures_text
from dl_assets.operations.new_table import table_texts
from dl_assets.problems import choose


def new_pipeline(
    name: str, task: str, source: str, root: Path = Path(), *, target: str | None = None, minutes: float | None = None
) -> Path:
    """Write `pipelines/<name>.yaml`, for a table also its schema, and refresh the index; return the file. Overwrite none.

    `source` is the name of a built-in data set, or the path or URL of a folder that holds one folder of files for each
    class, of a flat folder of files such as `cat.1.jpg`, of a zip or tar archive of either, or of a table of files; for a
    tabular task, of the table itself, or the URL of a database, and `target` is the column to be learnt.
    `minutes` is the time that a training may take.
    """
    path = root / PIPELINES / f"{name}.yaml"
    _require_free_name(name, root)
    if task not in registry.names("tasks"):
        raise ConfigError(f"task '{task}' is not known{choose(task, registry.names('tasks'))}")
    if registry.find("tasks", task).inputs == "table":
        text, others = table_texts(name, task, source, target, root, minutes)
    elif target is None:
        text, others = pictures_text(name, task, source, root, minutes), {}
    else:
        raise ConfigError(f"--target names a column of a table, but the task '{task}' learns from pictures. Leave it away.")
    taken = [file for file in others if file.exists()]
    if taken:
        raise ConfigError(f"{taken[0]} exists already and is not overwritten. Delete it, or choose another name.")
    for file, content in others.items():
        file.parent.mkdir(exist_ok=True)
        replace_text(file, content)
    Pipeline(path.relative_to(root), YAML().load(text)).check()
    replace_text(path, text)
    index.write_index(root)
    return path


def _require_free_name(name: str, root: Path) -> None:
    better = better_name(name)
    if better:
        raise ConfigError(
            f"'{name}' is no name for a pipeline: it must be of a-z, 0-9 and _, begin with a letter, not be "
            f"'index' and not end in {' or '.join(JOB_ENDINGS)}, as Dagster jobs do. Use for instance: {better}"
        )
    pipelines, wrong = scan_pipelines(root)
    if wrong:
        raise wrong[0]
    if name in pipelines:
        raise ConfigError(f"{PIPELINES / name}.yaml exists already and is not overwritten. Choose another name, or delete it.")
