"""The sections of a pipeline file that do not depend on a task, model or source: their options, defaults and bounds."""

from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, model_validator

from dl_assets.registry import Options, did_you_mean

Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


class Clean(Options):
    """What every task's `clean` section offers; the options of the task's kind of input come beside these."""

    exact_duplicates: Literal["reject", "keep"] = "reject"
    max_rejected: Annotated[float, Field(ge=0, le=1, description="share of samples above which the stage fails")] = 0.1


class Split(Options):
    train: Annotated[float, Field(gt=0, lt=1)] = 0.7
    val: Annotated[float, Field(gt=0, lt=1)] = 0.15
    test: Annotated[float, Field(gt=0, lt=1)] = 0.15
    stratify: bool = True
    seed: Seed = 17

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> "Split":
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(
                f"has train {self.train:g} + val {self.val:g} + test {self.test:g} = {total:g}, but the sum must be 1"
            )
        return self


class Train(Options):
    epochs: Annotated[int, Field(ge=1)] = 20
    batch_size: Annotated[int, Field(ge=2)] = 64
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    warmup_epochs: Annotated[float, Field(ge=0)] = 1.0
    early_stopping: Annotated[int, Field(ge=0, description="epochs without a better val loss; 0 never stops")] = 10
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    workers: Annotated[int, Field(ge=0, description="processes that load and augment samples")] = 0
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    seed: Seed = 17


class Evaluate(Options):
    bootstrap_samples: Annotated[int, Field(ge=100)] = 1000
    seed: Seed = 17
    gallery: Annotated[int, Field(ge=0, le=200, description="mistakes shown in the report")] = 24


class Export(Options):
    max_difference: Annotated[float, Field(gt=0, description="largest allowed difference of a probability")] = 1e-4
    min_agreement: Annotated[float, Field(ge=0, le=1, description="share of equal predictions")] = 0.999


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
