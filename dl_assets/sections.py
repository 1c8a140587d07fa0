"""The sections of a pipeline file that do not depend on a task, model or source: their options, defaults and bounds."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeAlias, Union
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainValidator,
    WithJsonSchema,
    create_model,
    model_validator,
)

from dl_assets import registry
from dl_assets.registry import Options, did_you_mean

Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


Action = Annotated[
    Literal["reject", "flag", "off"], Field(description="reject: leave the samples out; flag: only list them; off: do not look")
]


class Source(Options):
    """What every source's section offers; the options of the kind of source come beside these."""

    keep: Annotated[
        Literal["copy", "reference"],
        Field(description="copy: raw/ holds the bytes; reference: only hashes, clean reads the source again and verifies them"),
    ] = "copy"


class Weights(Options):
    """Where the first weights of a model come from: one of `file`, `hub` and `pipeline`, or none of them."""

    file: Annotated[str | None, Field(description="a safetensors file or a checkpoint of torch")] = None
    sha256: Annotated[str | None, Field(description="of the file, which is then verified")] = None
    hub: Annotated[
        str | None, Field(description="a name of timm such as resnet18.a1_in1k, or owner/name[@revision] on the hub")
    ] = None
    pipeline: Annotated[str | None, Field(description="a pipeline of this repository, whose model is taken")] = None

    @property
    def place(self) -> str | None:
        """The file or folder in reach of DVC, relative to the repository; None where there is none."""
        return self.file if self.pipeline is None else f"data/{self.pipeline}/model"


_WEIGHTS = "`none`, `{file: PATH}`, `{hub: NAME}` or `{pipeline: NAME}`"


def _weights(found: Any) -> Weights:
    """Read the forms that a file may have. In words of its own: of a value that may be this or that, pydantic tells both."""
    if isinstance(found, Weights):
        return found
    if found == "none":
        return Weights()
    if not isinstance(found, dict):
        raise ValueError(f"is none of {_WEIGHTS}")
    known = list(Weights.model_fields)
    for name in found:
        if name not in known:
            raise ValueError(f"knows no '{name}'{did_you_mean(name, known) or '.'} Allowed: {', '.join(known)}")
    for name, value in found.items():
        if not isinstance(value, str) or not value:
            raise ValueError(f"has no text as its {name}; put it in quotes if it is meant as text")
    if len({"file", "hub", "pipeline"} & set(found)) != 1:
        raise ValueError(f"must be one of {_WEIGHTS}")
    if "sha256" in found and ("file" not in found or not re.fullmatch("[0-9a-fA-F]{64}", found["sha256"])):
        raise ValueError("has a sha256 that is not one of 64 digits (0-9, a-f) beside a file")
    return Weights(**found)


def _weights_schema() -> dict[str, Any]:
    """The forms of `weights` for an editor, with what the fields of `Weights` say of themselves."""
    texts = {name: {"type": "string", "description": field.description} for name, field in Weights.model_fields.items()}
    forms = {"file": {"sha256": {**texts["sha256"], "pattern": "^[0-9a-fA-F]{64}$"}}, "hub": {}, "pipeline": {}}
    return {
        "oneOf": [
            {"const": "none"},
            *(
                {
                    "type": "object",
                    "properties": {kind: texts[kind], **more},
                    "required": [kind],
                    "additionalProperties": False,
                }
                for kind, more in forms.items()
            ),
        ]
    }


class Model(Options):
    """What every model's section offers; the options of the model come beside these."""

    weights: Annotated[
        Weights,
        PlainValidator(_weights),
        WithJsonSchema(_weights_schema()),
        Field(description="what the training begins with; what does not fit the model is adapted or left out, and listed"),
        Field(default_factory=Weights, json_schema_extra={"default": "none"}),
    ]


class Clean(Options):
    """What every task's `clean` section offers; the options of the task's kind of input and of its checks come beside these."""

    labels: Annotated[
        dict[str, Annotated[str, Field(min_length=1)]],
        Field(
            description="targets to rename, found: instead, such as {Cat: cat}",
            default_factory=dict,
            json_schema_extra={"default": {}},
        ),
    ]
    exact_duplicates: Literal["reject", "flag", "keep"] = "reject"
    label_conflicts: Annotated[
        Literal["reject", "flag"], Field(description="equal samples, or nearly equal pictures, with different targets")
    ] = "reject"
    min_class_size: Annotated[int, Field(ge=1, description="a class of fewer samples is a warning")] = 10
    max_imbalance: Annotated[float, Field(ge=1, description="largest class / smallest class above which is a warning")] = 20.0
    warn_rejected: Annotated[float, Field(ge=0, le=1, description="share of samples above which the stage warns")] = 0.02
    max_rejected: Annotated[float, Field(ge=0, le=1, description="share of samples above which the stage fails")] = 0.1


class CleanPictures(Clean):
    """What a task of pictures offers beside that."""

    store: Annotated[
        Literal["pixels", "jpeg"], Field(description="pixels are read fastest; jpeg takes about a tenth of the room")
    ] = "pixels"
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 95
    near_duplicates: Literal["reject", "flag", "keep"] = "reject"


class Split(Options):
    by: Annotated[
        Literal["auto", "random", "time", "given"],
        Field(description="how parts are made; `auto` takes those that the source gives, and is `random` where it gives none"),
    ] = "auto"
    train: Annotated[float, Field(gt=0, lt=1)] = 0.7
    val: Annotated[float, Field(gt=0, lt=1)] = 0.15
    test: Annotated[float, Field(gt=0, lt=1)] = 0.15
    stratify: Annotated[bool, Field(description="cut every class at these shares (not by time)")] = True
    folds: Annotated[int, Field(ge=2, le=100, description="folds of train and val for cross-validation")] = 5
    seed: Seed = 17

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> "Split":
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(
                f"has train {self.train:g} + val {self.val:g} + test {self.test:g} = {total:g}, but the sum must be 1"
            )
        return self


class Augment(Options):
    """What `augment` offers where it is a mapping; a name is a preset, a list is `transforms`."""

    preset: str | None = None
    transforms: list[Any] | None = None
    mixup: Annotated[
        float,
        Field(ge=0, le=10, description="alpha of MixUp, which lays two pictures over each other, such as 0.2; 0 for none"),
    ] = 0.0
    cutmix: Annotated[
        float, Field(ge=0, le=10, description="alpha of CutMix, which puts a part of one on another, such as 1.0; 0 for none")
    ] = 0.0
    mix_share: Annotated[float, Field(ge=0, le=1, description="share of the batches that are mixed")] = 0.8
    test_time: Annotated[
        str | None,
        Field(description="flip: the trained model is also shown the mirrored picture, and its answers are averaged"),
    ] = None
    copies: Annotated[
        int, Field(ge=0, le=100, description="variants of every train sample that are stored; 0 makes new ones in each epoch")
    ] = 0

    @model_validator(mode="after")
    def _one_policy(self) -> "Augment":
        if self.preset is not None and self.transforms is not None:
            raise ValueError("has a preset and transforms. Keep one of them")
        return self


def _by_name(folder: str) -> Any:
    """Return the type of an option that is the name of a file in that folder, alone or in a mapping with its options."""
    kinds = []
    for name in registry.names(folder):
        fields: dict[str, Any] = {"name": (Literal[name], name)}
        base = create_model(name, __base__=Options, **fields)
        kinds.append(registry.options_of(registry.find(folder, name), base))
    return Annotated[
        Union[tuple(kinds)],  # noqa: UP007 - of as many as there are
        Field(discriminator="name"),
        BeforeValidator(lambda found: {"name": found} if isinstance(found, str) else found),
        WithJsonSchema({"anyOf": [{"enum": registry.names(folder)}, *map(_schema_of, kinds)]}),
    ]


def _schema_of(kind: type[BaseModel]) -> dict[str, Any]:
    """Describe the mapping form for editors, in one piece."""
    schema = kind.model_json_schema()
    return {**schema, "required": ["name"], "additionalProperties": False}


class Named(Protocol):
    """What `train` says of a loss, optimizer or scheduler: its name, and its options as further fields."""

    name: str

    def model_dump(self) -> dict[str, Any]: ...


if TYPE_CHECKING:
    Loss: TypeAlias = Named
    Optimizer: TypeAlias = Named
    Scheduler: TypeAlias = Named
else:
    Loss, Optimizer, Scheduler = _by_name("losses"), _by_name("optimizers"), _by_name("schedulers")


class Train(Options):
    epochs: Annotated[
        int | None, Field(ge=1, description="at most so many; 20, or as many as the budget bears, where nothing is said")
    ] = None
    budget_minutes: Annotated[
        float | None, Field(gt=0, description="time in which the training should end; the epochs follow from measured steps")
    ] = None
    batch_size: Annotated[int, Field(ge=2, description="samples a step, on all devices together")] = 64
    accumulate: Annotated[int, Field(ge=1, description="batches whose gradients make one step of the optimizer")] = 1
    loss: Annotated[Loss | None, Field(description="that of the task where nothing is said")] = None
    class_weights: Annotated[
        Literal["balanced"] | dict[str, Annotated[float, Field(gt=0)]] | None,
        Field(description="weight of each class in the loss; balanced: the rarer, the heavier"),
    ] = None
    sampling: Annotated[
        Literal["shuffled", "balanced"], Field(description="balanced draws every class as often, with replacement")
    ] = "shuffled"
    optimizer: Optimizer = Field(default="adamw", validate_default=True)
    learning_rate: Annotated[
        Literal["auto"] | Annotated[float, Field(gt=0)], Field(description="auto tries rising rates on a copy first")
    ] = 1e-3
    weight_decay: Annotated[float, Field(ge=0, description="L2, not on biases and norms")] = 0.01
    l1: Annotated[float, Field(ge=0, description="weight of the sum of absolute weights in the loss")] = 0.0
    clip_gradients: Annotated[float, Field(ge=0, description="largest norm of the gradient; 0 does not clip")] = 0.0
    scheduler: Scheduler = Field(default="cosine", validate_default=True)
    warmup_epochs: Annotated[float, Field(ge=0, description="in which the rate rises in a line")] = 1.0
    early_stopping: Annotated[int, Field(ge=0, description="epochs without a better val loss; 0 never stops")] = 10
    average: Annotated[
        Literal["none", "ema", "swa"],
        Field(description="ema: a moving average of the weights is what is kept; swa: the mean over the last quarter"),
    ] = "none"
    ema_decay: Annotated[float, Field(gt=0, lt=1, description="of ema; reached slowly, as (1 + n) / (10 + n)")] = 0.998
    freeze_epochs: Annotated[int, Field(ge=0, description="epochs in which only the head learns")] = 0
    unfreeze: Annotated[
        str, Field(pattern="^(all|last_[1-9][0-9]*)$", description="what learns afterwards: all, or last_2 groups of layers")
    ] = "all"
    layer_decay: Annotated[
        float, Field(gt=0, le=1, description="factor of the learning rate from each group of layers to the one before it")
    ] = 1.0
    precision: Annotated[
        Literal["auto", 32, "bf16", 16], Field(description="of the arithmetic; auto is the fastest here, by measuring")
    ] = "auto"
    compile: Annotated[bool, Field(description="let torch compile the network: slow to begin, then faster")] = False
    workers: Annotated[
        Literal["auto"] | Annotated[int, Field(ge=0)],
        Field(description="processes that load and augment samples; auto measures how many are fastest"),
    ] = "auto"
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: Annotated[int, Field(ge=1, description="GPUs of this machine that share every batch")] = 1
    deterministic: Annotated[bool, Field(description="an operation that does not repeat exactly is an error")] = False
    seed: Seed = 17


class Cost(Options):
    """What a mistake costs, whichever unit that is in."""

    false_positive: Annotated[float, Field(ge=0, description="the positive class is said, but it is the other one")] = 1.0
    false_negative: Annotated[float, Field(ge=0, description="the positive class is missed")] = 1.0


class Evaluate(Options):
    bootstrap_samples: Annotated[int, Field(ge=100)] = 1000
    seed: Seed = 17
    gallery: Annotated[int, Field(ge=0, le=200, description="mistakes shown in the report")] = 24
    calibrate: Annotated[
        Literal["temperature", "none"],
        Field(description="temperature: of classes, let confidence be what it is worth, by a number fitted on val"),
    ] = "temperature"
    threshold: Annotated[
        Literal["none", "f1", "youden", "cost"],
        Field(description="of two classes: above which probability `positive` is said, by what is best on val; none: 0.5"),
    ] = "none"
    cost: Annotated[Cost, Field(description="of mistakes, by which `threshold: cost` chooses")] = Cost()
    positive: Annotated[str | None, Field(description="the class that the threshold is for; the second of two by default")] = (
        None
    )
    explained: Annotated[
        int, Field(ge=0, le=48, description="pictures of mistakes beside which is shown what the answer rests on; 0: none")
    ] = 12
    robustness_samples: Annotated[
        int, Field(ge=0, le=10_000, description="pictures of test that are spoilt and attacked, at most; 0: none")
    ] = 200


class Export(Options):
    max_difference: Annotated[float, Field(gt=0, description="largest allowed difference of a probability")] = 1e-4
    min_agreement: Annotated[float, Field(ge=0, le=1, description="share of equal predictions")] = 0.999
    resize: Annotated[
        bool, Field(description="let the model take pictures of any size, and make them as large inside as `clean` stores them")
    ] = False
    int8: Annotated[
        bool, Field(description="make model.int8.onnx too: whole numbers of 8 bits, a quarter of the size and faster")
    ] = False
    max_drop: Annotated[
        float, Field(ge=0, le=1, description="largest loss of accuracy, or of R2, at which model.int8.onnx is kept")
    ] = 0.01


class Promote(Options):
    """By which rule `dl promote` lets a challenger replace the champion; no stage depends on it."""

    metric: Annotated[
        str | None, Field(description="what decides, on the test part; the first one of the report where nothing is said")
    ] = None
    minimum: Annotated[
        float | dict[str, float] | None,
        Field(description="what the challenger's metric, or each of several, must reach; of an error, what it must not exceed"),
    ] = None
    minimum_gain: Annotated[
        float,
        Field(description="by how much it must be better than the champion; below 0 it may be worse by so much, if by chance"),
    ] = 0.0
    max_slice_loss: Annotated[
        float | None,
        Field(
            ge=0,
            description="by how much it may be worse on a slice of 30 samples, beyond chance; a share of rmse and its like",
        ),
    ] = 0.05
    max_latency_ms: Annotated[float | None, Field(gt=0, description="median time for one sample on this machine")] = None
    significance: Annotated[
        float | None,
        Field(gt=0, lt=0.5, description="chance below which a loss is no chance any more; null does not ask for chance at all"),
    ] = 0.05
    automatic: Annotated[
        bool,
        Field(description="the Dagster job, and so its schedule, ends with the promotion; false leaves it to `dl promote`"),
    ] = True


class Range(Options):
    """Numbers from `low` to `high`, both included, in a search space."""

    low: int | float
    high: int | float
    log: Annotated[bool, Field(description="draw the order of magnitude evenly, as a learning rate needs it")] = False
    step: Annotated[int | float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"has low {self.low:g} and high {self.high:g}, but high must be more than low")
        if self.log and self.low <= 0:
            raise ValueError(f"has `log: true` and low {self.low:g}, but only what is more than 0 has a logarithm")
        if self.log and self.step:
            raise ValueError("has `log: true` and a step. Keep one of them, or write a list")
        return self


class Tune(Options):
    """How `dl tune` searches for better values; no stage depends on it."""

    trials: Annotated[
        int | None, Field(ge=1, description="trainings in all; 30 where nothing is said, and with `grid` every combination")
    ] = None
    sampler: Annotated[
        Literal["tpe", "random", "grid"], Field(description="tpe: learns from the trials before; grid: every combination once")
    ] = "tpe"
    pruner: Annotated[
        Literal["median", "hyperband", "none"], Field(description="which trials end early because others are better by then")
    ] = "median"
    metric: Annotated[str, Field(description="what decides: a column of history.csv that was measured on the val part")] = (
        "val_loss"
    )
    minutes: Annotated[float | None, Field(gt=0, description="no trial begins later than this; those that run go on")] = None
    workers: Annotated[int, Field(ge=1, description="processes that train at the same time")] = 1
    seed: Seed = 17
    space: Annotated[
        dict[str, Any],
        Field(
            min_length=1, description="places of model, train and augment, such as train.learning_rate, and what to try there"
        ),
    ]


def _cron(text: str) -> str:
    try:
        CronSim(text, datetime(2026, 1, 1))
    except CronSimError as error:
        raise ValueError(f"is not a cron expression such as '0 3 * * 1' ({str(error).lower()})") from None
    if len(text.split()) != 5:
        raise ValueError("is not a cron expression of five fields such as '0 3 * * 1' (minute, hour, day, month, weekday)")
    return text


def _timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"is not a time zone such as 'Europe/Berlin'{did_you_mean(name, available_timezones())}")
    return name


class Schedule(Options):
    cron: Annotated[str, AfterValidator(_cron)] | None = None
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
