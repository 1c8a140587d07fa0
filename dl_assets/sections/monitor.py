"""The section `monitor`."""

from typing import Annotated

from pydantic import Field, model_validator

from dl_assets.registry import Options
from dl_assets.sections.schedule import Cron


class Monitor(Options):
    """How the predictions of the model that serves are held against what it learnt from; no stage depends on it."""

    window: Annotated[int, Field(ge=20, description="how many of the latest predictions are looked at")] = 1000
    minimum: Annotated[int, Field(ge=20, description="of fewer predictions nothing is said")] = 200
    cron: Annotated[Cron, Field(description="when Dagster looks; in the time zone of the section schedule")] = "0 * * * *"
    significance: Annotated[
        float,
        Field(gt=0, lt=0.5, description="chance of a false alarm at one look, at most; corrected for many tests"),
    ] = 0.001  # somebody looks 24 times a day
    psi: Annotated[float, Field(gt=0, description="population stability index above which shares have drifted")] = 0.2
    max_metric_drop: Annotated[
        float | None, Field(gt=0, description="by how much the quality may be worse where labels came back; null does not ask")
    ] = 0.05
    retrain: Annotated[bool, Field(description="drift starts the pipeline in Dagster, which ends with the promotion")] = True
    cooldown_hours: Annotated[
        float, Field(ge=0, description="how long after such a run no other one begins for this model")
    ] = 24
    keep_days: Annotated[int, Field(ge=1, description="how long the log of the predictions is kept")] = 90

    @model_validator(mode="after")
    def _enough(self) -> "Monitor":
        if self.minimum > self.window:
            raise ValueError(f"has minimum {self.minimum} and window {self.window}, but no window would ever be full enough")
        return self
