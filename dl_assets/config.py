"""One pipeline file as typed, checked values. Every problem of a file is found and told at once."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, create_model

from dl_assets import registry
from dl_assets.augmentation import Augment, Choice, read_augment
from dl_assets.errors import ConfigError
from dl_assets.problems import Document, DocumentError, M, Place, Problem, choose, fewest, gather, read_yaml, shown
from dl_assets.search_space import Direction, Search, read_space
from dl_assets.sections import (
    About,
    Action,
    Clean,
    Evaluate,
    Export,
    Model,
    Monitor,
    Notify,
    Promote,
    Schedule,
    Source,
    Split,
    Train,
    Tune,
    Weights,
)
from dl_assets.tasks._task import Task

__all__ = [
    "INDEX",
    "JOB_ENDINGS",
    "OPTIONAL",
    "PIPELINES",
    "SCHEMAS",
    "SECTIONS",
    "Augment",
    "Choice",
    "Clean",
    "Evaluate",
    "Export",
    "Monitor",
    "Notify",
    "Pipeline",
    "Promote",
    "Schedule",
    "Search",
    "Source",
    "Split",
    "Train",
    "Tune",
    "better_name",
    "clean_options",
    "load_pipeline",
    "model_base",
    "read_pipeline",
    "read_yaml",
    "scan_pipelines",
]

T = TypeVar("T")

PIPELINES = Path("pipelines")
INDEX = PIPELINES / "index.yaml"
SCHEMAS = PIPELINES / "schemas"
_TAKEN = (INDEX.stem, "maintenance")  # a file that is no pipeline, and a Dagster job that is of none
JOB_ENDINGS = ("_crossval", "_experiment", "_monitor", "_predict", "_tune")  # `cats_tune` is the Dagster job that tunes `cats`


SECTIONS = ("task", "source", "clean", "split", "augment", "model", "train", "evaluate", "export", "schedule")
OPTIONAL = ("promote", "tune", "monitor", "notify", "owners", "tags")
_EXAMPLES = {
    "task": "`task: image_classification`",
    "source": "`source: {kind: folder, path: ...}`",
    "augment": "`augment: []` for no augmentation",
    "model": "`model: {name: cnn}`",
    "tune": "`tune: {space: {train.learning_rate: {low: 1.0e-4, high: 1.0e-2, log: true}}}`",
}
STAGE_OPTIONS: dict[str, type[BaseModel]] = {
    "clean": Clean,
    "split": Split,
    "train": Train,
    "evaluate": Evaluate,
    "export": Export,
    "notify": Notify,
    "promote": Promote,
    "monitor": Monitor,
    "schedule": Schedule,
}


@dataclass
class Pipeline:
    """A pipeline file. Each section is checked when it is first read; `check()` reads them all.

    Lazy, because checking `model` imports torch, and the stages that build no network should not pay for that.
    """

    path: Path
    document: dict[str, Any]

    @property
    def name(self) -> str:
        return self.path.stem

    @functools.cached_property
    def task_name(self) -> str:
        name = self._section("task", str)
        if name is None:
            raise self._missing("task")
        return self._known(("task",), name, registry.names("tasks"))

    @functools.cached_property
    def task(self) -> Task:
        task: Task = registry.find("tasks", self.task_name)
        return task

    @functools.cached_property
    def source_kind(self) -> str:
        return self._named("source", "kind", "sources")

    @functools.cached_property
    def source(self) -> Choice:
        """The source with its own options; see `keep` for the one that every source has."""
        own = registry.options_of(registry.find("sources", self.source_kind)).model_fields
        options = dict(self._source)
        return Choice(self.source_kind, {name: options[name] for name in own})

    @functools.cached_property
    def keep(self) -> str:
        return self._source.keep

    @functools.cached_property
    def _source(self) -> Source:
        function = registry.find("sources", self.source_kind)
        options = {name: value for name, value in self._section("source", dict).items() if name != "kind"}
        return self._file.validate(("source",), options, cast(type[Source], registry.options_of(function, Source)))

    @functools.cached_property
    def model_name(self) -> str:
        """Name of the model, checked without importing it."""
        return self._named("model", "name", "models")

    @functools.cached_property
    def model(self) -> Choice:
        """The model with its own options; see `weights` for the one that every model has."""
        function = registry.find("models", self.model_name)
        own = registry.options_of(function)
        options = {name: value for name, value in self._section("model", dict).items() if name != "name"}
        checks: list[Callable[[], Any]] = [
            partial(self._file.validate, ("model",), options, registry.options_of(function, self._model_base)),
            partial(self._fit, function.maps),
        ]
        chosen = dict(gather(checks)[0])
        return Choice(self.model_name, {name: chosen[name] for name in own.model_fields})

    @functools.cached_property
    def encoding(self) -> dict[str, dict[str, Any]]:
        """How the inputs and the targets are fitted on the train part, checked without importing the model."""
        kinds = {"inputs": self.task.inputs, "targets": self.task.targets}
        names = {folder: registry.options_of(registry.module(folder, kind).fit).model_fields for folder, kind in kinds.items()}
        section = self._section("model", dict) or {}
        given = {key: value for key, value in section.items() if any(key in options for options in names.values())}
        chosen = dict(self._file.validate(("model",), given, self._model_base))
        return {folder: {name: chosen[name] for name in options} for folder, options in names.items()}

    @property
    def _model_base(self) -> type[Model]:
        try:
            return model_base((self.task.inputs,), (self.task.targets,))
        except DocumentError:  # told by `task`; here the options of every kind are let pass
            return model_base(tuple(registry.names("inputs")), tuple(registry.names("targets")))

    @functools.cached_property
    def weights(self) -> Weights:
        """What the training begins with, checked without importing the model."""
        section = self._section("model", dict) or {}
        given = {name: value for name, value in section.items() if name == "weights"}
        return self._file.validate(("model",), given, Model).weights

    @functools.cached_property
    def augment(self) -> Augment:
        """The section with its transforms tried out; that imports albumentations, which takes 2 s."""
        return self._by_inputs(
            lambda inputs: read_augment(
                self._file,
                self.document.get("augment"),
                inputs,
                lambda: registry.module("transforms", inputs).stored_shape(self.clean),
            )
        )

    @functools.cached_property
    def clean(self) -> Clean:
        return self._by_inputs(lambda inputs: self._options("clean", clean_options(inputs)))

    @functools.cached_property
    def split(self) -> Split:
        return self._options("split", Split)

    @functools.cached_property
    def train(self) -> Train:
        options = self._options("train", Train)
        if options.loss:
            self._require_fitting_loss(options.loss.name)
        if options.freeze_epochs and self.weights == Weights():
            raise self._file.problem(
                ("train", "freeze_epochs"),
                f"is {options.freeze_epochs}, but the model begins with `weights: none`: what is frozen would stay as it was "
                "drawn at random. Give model.weights, or leave this away.",
            )
        return options

    @functools.cached_property
    def evaluate(self) -> Evaluate:
        return self._options("evaluate", Evaluate)

    @functools.cached_property
    def export(self) -> Export:
        return self._by_inputs(self._export_of)

    def _export_of(self, inputs: str) -> Export:
        options = self._options("export", Export)
        if options.resize and not hasattr(registry.module("inputs", inputs), "any_size"):
            raise self._file.problem(
                ("export", "resize"),
                f"is true, but what task '{self.document.get('task')}' learns from has no size. Leave it away.",
            )
        return options

    @functools.cached_property
    def promote(self) -> Promote:
        """The rule of `dl promote`, which has a default where the file has no such section."""
        options = self._options("promote", Promote)
        known = registry.module("targets", self.task.targets).METRICS
        if options.metric is not None and options.metric not in known:
            raise self._file.problem(("promote", "metric"), f"is {shown(options.metric)}{choose(options.metric, known)}")
        for name in options.minimum if isinstance(options.minimum, dict) else ():
            if name not in known:
                raise self._file.problem(("promote", "minimum", name), f"is no metric{choose(name, known)}")
        return options

    @functools.cached_property
    def notify(self) -> Notify:
        return self._options("notify", Notify)

    @functools.cached_property
    def schedule(self) -> Schedule:
        options = self._options("schedule", Schedule)
        if options.new_data and not self.raw_data:
            raise self._file.problem(
                ("schedule", "new_data"),
                f"is true, but a source of kind '{self.source_kind}' has no file in which a change could be seen here. "
                "Leave it away; with a cron, a database is asked anew each time.",
            )
        return options

    @functools.cached_property
    def monitor(self) -> Monitor:
        """How drift is looked for, which has defaults where the file has no such section."""
        return self._options("monitor", Monitor)

    @functools.cached_property
    def raw_data(self) -> tuple[str, ...]:
        """The files, folders and URLs that the source reads and that may change."""
        found: tuple[str, ...] = registry.module("sources", self.source_kind).places(**self.source.options)
        return found

    @property
    def owners(self) -> list[str]:
        return self._about.owners

    @property
    def tags(self) -> dict[str, str]:
        return self._about.tags

    @functools.cached_property
    def _about(self) -> About:
        given = {name: self.document[name] for name in About.model_fields if self.document.get(name) is not None}
        return self._file.validate((), given, About)

    @functools.cached_property
    def tune(self) -> Search:
        """The search of `dl tune`, with every candidate tried in its place."""
        if "tune" not in self.document:
            raise self._missing("tune")
        options = self._options("tune", Tune)
        scores = registry.module("targets", self.task.targets).SCORES
        known: dict[str, Direction] = {
            "val_loss": "minimize",
            **{f"val_{name}": direction for name, direction in scores.items()},
        }
        checks: list[Callable[[], Any]] = [
            partial(self._metric, options.metric, known),
            partial(read_space, self._file, options, self._problems_of),
        ]
        return Search(options, tuple(gather(checks)[1]), known[options.metric])

    def _metric(self, name: str, known: dict[str, Direction]) -> None:
        if name not in known:
            raise self._file.problem(("tune", "metric"), f"is {shown(name)}{choose(name, known)}")

    def check(self, sections: tuple[str, ...] = (*SECTIONS, *OPTIONAL)) -> "Pipeline":
        """Check these sections, the set of keys and the names; raise one ConfigError that lists every problem."""
        names = ("task_name", "source_kind", "model_name")
        gather(
            [
                *(partial(self._key, key) for key in self.document),
                *(partial(self._present, key) for key in SECTIONS),
                *(
                    partial(getattr, self, name)
                    for name in (*names, *sections)
                    if name not in OPTIONAL or name in self.document
                ),
            ]
        )
        return self

    # ---- keys ----------------------------------------------------------------------------------------------------

    @property
    def _file(self) -> Document:
        return Document(self.path, self.document)

    def _key(self, key: str) -> None:
        if key not in (*SECTIONS, *OPTIONAL):
            raise self._unknown(key)

    def _unknown(self, key: str) -> DocumentError:
        homes = [f"`{section}`" for section, options in STAGE_OPTIONS.items() if key in options.model_fields]
        if homes:
            return self._file.problem((key,), f"is not known here; it belongs inside {' or '.join(homes)}.")
        return self._file.problem((key,), f"is not known here{choose(key, (*SECTIONS, *OPTIONAL))}")

    def _present(self, key: str) -> None:
        if key not in self.document:
            raise self._missing(key)

    def _missing(self, key: str) -> DocumentError:
        for other in self.document:
            if other not in SECTIONS and registry.nearest(other, SECTIONS) == key:
                return self._unknown(other)
        return self._file.problem((key,), "is missing. Add " + _EXAMPLES.get(key, f"`{key}: {{}}` for the defaults") + ".")

    def _section(self, key: str, kind: type) -> Any:
        """Return the section as the file has it; None where it is missing or empty."""
        value = self.document.get(key)
        if value is None or isinstance(value, kind):
            return value
        wanted = "a mapping such as `{}`" if kind is dict else "a list such as `[]`" if kind is list else "a name"
        raise self._file.problem((key,), f"is {shown(value)}, but must be {wanted}.")

    def _problems_of(self, document: dict[str, Any], section: str) -> list[Problem]:
        """What is wrong with a section of this pipeline where its document is another."""
        try:
            getattr(Pipeline(self.path, document), section)
        except DocumentError as problems:
            return problems.found
        return []

    # ---- one section -------------------------------------------------------------------------------------------

    def _named(self, key: str, word: str, folder: str) -> str:
        section = self._section(key, dict)
        if section is None:
            raise self._missing(key)
        if section.get(word) is None:
            raise self._file.problem((key, word), f"is missing. Allowed: {', '.join(registry.names(folder))}.")
        return self._known((key, word), section[word], registry.names(folder))

    def _known(self, place: Place, name: Any, known: list[str]) -> str:
        if name not in known:
            raise self._file.problem(place, f"is {shown(name)}{choose(name, known)}")
        return str(name)

    def _options(self, key: str, model: type[M]) -> M:
        return self._file.validate((key,), self._section(key, dict) or {}, model)

    def _fit(self, maps: str) -> None:
        if maps == self.task.maps:
            return
        fitting = [name for name in registry.names("models") if registry.find("models", name).maps == self.task.maps]
        remedy = f"Choose one of: {', '.join(fitting)}." if fitting else "No model here does that yet."
        raise self._file.problem(
            ("model", "name"),
            f"is '{self.model_name}', which maps {maps}, but task '{self.task_name}' needs {self.task.maps}. {remedy}",
        )

    def _require_fitting_loss(self, name: str) -> None:
        fits, needed = registry.find("losses", name).fits, self.task.targets
        if fits != needed:
            fitting = [other for other in registry.names("losses") if registry.find("losses", other).fits == needed]
            raise self._file.problem(
                ("train", "loss"),
                f"is '{name}', which is for {fits}, but task '{self.task_name}' has {needed}. "
                f"Choose one of: {', '.join(fitting)}.",
            )

    def _by_inputs(self, check: Callable[[str], T]) -> T:
        """Check by the task's kind of input; where the task is wrong, by the kind that suits the section best."""
        try:
            inputs = self.task.inputs
        except DocumentError as unknown:
            others = fewest(partial(check, kind) for kind in registry.names("inputs"))
            raise DocumentError(self.path, [*unknown.found, *others]) from None
        return check(inputs)


@functools.cache
def clean_options(inputs: str) -> type[Clean]:
    """Return the options of `clean` for a kind of input: how it is decoded, what is alike, and what its checks ask for.

    Each check has an option of its own name beside its thresholds, which says what becomes of the samples that it finds.
    """
    module = registry.module("inputs", inputs)
    model = registry.options_of(module.clean, module.CLEAN)
    if hasattr(module, "similar"):
        model = registry.options_of(module.similar, model)
    for name in module.CHECKS:
        check = registry.find("checks", name)
        action: dict[str, Any] = {name: (Action, check.default_action)}
        model = registry.options_of(check, create_model(name, __base__=model, **action))
    return cast(type[Clean], model)


@functools.cache
def model_base(inputs: tuple[str, ...], targets: tuple[str, ...]) -> type[Model]:
    """Return what `model` offers beside the options of the model: its first weights, and how these kinds are fitted."""
    model: type[BaseModel] = Model
    for folder, kinds in (("inputs", inputs), ("targets", targets)):
        for kind in kinds:
            model = registry.options_of(registry.module(folder, kind).fit, model)
    return cast(type[Model], model)


def load_pipeline(name: str, root: Path = Path()) -> Pipeline:
    """Read `pipelines/<name>.yaml`. Raises ConfigError where it is missing, not YAML, or named twice.

    Another file with a bad name does not matter here: one mistake must not stop every pipeline.
    """
    pipelines, wrong = scan_pipelines(root)
    if name not in pipelines:
        if wrong:
            raise ConfigError("\n".join(map(str, wrong)))
        known = f"Pipelines: {', '.join(pipelines)}." if pipelines else "There is none yet."
        raise ConfigError(
            f"{PIPELINES / name}.yaml does not exist{registry.did_you_mean(name, pipelines)}"
            f"{'' if registry.nearest(name, pipelines) else '.'} {known} "
            f"A new one is made by: dl new {name} --task TASK --source PATH"
        )
    return read_pipeline(pipelines[name], root)


def read_pipeline(path: Path, root: Path = Path()) -> Pipeline:
    """Read one pipeline file, whatever its name. Raises ConfigError where it is not a YAML mapping."""
    document = read_yaml(path)
    path = path.relative_to(root)
    if not isinstance(document, dict):
        found = "is empty" if document is None else f"is {shown(document)}, but must be a mapping"
        raise ConfigError(
            f"{path} {found}. It needs the sections {', '.join(SECTIONS)}. Delete it and make a new one by: "
            f"dl new {path.stem} --task TASK --source PATH"
        )
    return Pipeline(path, document)


def scan_pipelines(root: Path = Path()) -> tuple[dict[str, Path], list[ConfigError]]:
    """Return name -> file of every pipeline, and what is wrong with the names of the other files."""
    if not (root / PIPELINES).is_dir():
        raise ConfigError(
            f"There is no folder {PIPELINES}/ in {root.resolve()}. Run the command in the folder that holds dvc.yaml."
        )
    claims: dict[str, list[Path]] = {}
    for path in sorted((root / PIPELINES).iterdir()):
        if path.suffix in (".yaml", ".yml") and path.name != INDEX.name and not path.name.startswith("."):
            claims.setdefault(path.stem.lower(), []).append(path)
    wrong = [error for name, paths in claims.items() if (error := _misnamed(name, paths))]
    return {name: paths[0] for name, paths in claims.items() if not _misnamed(name, paths)}, wrong


def _misnamed(name: str, paths: list[Path]) -> ConfigError | None:
    """Say what is wrong where not exactly one well-named file claims the name (in lower case)."""
    files = [str(PIPELINES / path.name) for path in paths]
    if len(files) > 1:
        return ConfigError(
            f"{' and '.join(files)} claim the same name '{name}', which is one folder in data/. Rename or delete one of them."
        )
    better = f"{better_name(name) or name}.yaml"
    if paths[0].name == better:
        return None
    return ConfigError(
        f"{files[0]} is no name for a pipeline file: it must be of a-z, 0-9 and _, begin with a letter, "
        f"not be {' or '.join(_TAKEN)}, not end in {' or '.join(JOB_ENDINGS)} (Dagster jobs do), and end in .yaml. "
        f"Rename it to {PIPELINES / better}."
    )


def better_name(name: str) -> str | None:
    """Return a name that a pipeline may have in place of `name`, or None where `name` is good.

    >>> better_name("Cats-Dogs"), better_name("cats_dogs"), better_name("index"), better_name("cats_tune")
    ('cats_dogs', None, 'index_1', 'cats_tune_1')
    """
    better = re.sub(r"[^a-z0-9_]", "_", name.lower()).lstrip("_0123456789") or "pipeline"
    better = f"{better}_1" if better in _TAKEN or better.endswith(JOB_ENDINGS) else better
    return None if better == name else better
