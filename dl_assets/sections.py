"""The sections of a pipeline file that do not depend on a task, model or source: their options, defaults and bounds."""

from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, model_validator

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


class Clean(Options):
    """What every task's `clean` section offers; the options of the task's kind of input and of its checks come beside these."""

    store: Annotated[
        Literal["pixels", "jpeg"], Field(description="pixels are read fastest; jpeg takes about a tenth of the room")
    ] = "pixels"
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 95
    labels: Annotated[
        dict[str, Annotated[str, Field(min_length=1)]],
        Field(
            description="targets to rename, found: instead, such as {Cat: cat}",
            default_factory=dict,
            json_schema_extra={"default": {}},
        ),
    ]
    exact_duplicates: Literal["reject", "flag", "keep"] = "reject"
    near_duplicates: Literal["reject", "flag", "keep"] = "reject"
    label_conflicts: Annotated[
        Literal["reject", "flag"], Field(description="equal or nearly equal samples with different targets")
    ] = "reject"
    min_class_size: Annotated[int, Field(ge=1, description="a class of fewer samples is a warning")] = 10
    max_imbalance: Annotated[float, Field(ge=1, description="largest class / smallest class above which is a warning")] = 20.0
    warn_rejected: Annotated[float, Field(ge=0, le=1, description="share of samples above which the stage warns")] = 0.02
    max_rejected: Annotated[float, Field(ge=0, le=1, description="share of samples above which the stage fails")] = 0.1


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
    copies: Annotated[
        int, Field(ge=0, le=100, description="variants of every train sample that are stored; 0 makes new ones in each epoch")
    ] = 0

    @model_validator(mode="after")
    def _one_policy(self) -> "Augment":
        if self.preset is not None and self.transforms is not None:
            raise ValueError("has a preset and transforms. Keep one of them")
        return self


class Train(Options):
    epochs: Annotated[int, Field(ge=1)] = 20
    batch_size: Annotated[int, Field(ge=2)] = 64
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    warmup_epochs: Annotated[float, Field(ge=0)] = 1.0
    early_stopping: Annotated[int, Field(ge=0, description="epochs without a better val loss; 0 never stops")] = 10
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    workers: Annotated[
        Literal["auto"] | Annotated[int, Field(ge=0)],
        Field(description="processes that load and augment samples; auto measures how many are fastest"),
    ] = "auto"
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    seed: Seed = 17


class Evaluate(Options):
    bootstrap_samples: Annotated[int, Field(ge=100)] = 1000
    seed: Seed = 17
    gallery: Annotated[int, Field(ge=0, le=200, description="mistakes shown in the report")] = 24


class Export(Options):
    max_difference: Annotated[float, Field(gt=0, description="largest allowed difference of a probability")] = 1e-4
    min_agreement: Annotated[float, Field(ge=0, le=1, description="share of equal predictions")] = 0.999


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
