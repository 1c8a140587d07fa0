"""The sections that say what a model must be worth: evaluate, export, promote."""

from typing import Annotated, Literal

from pydantic import Field

from dl_assets.registry import Options
from dl_assets.sections.shared import Seed


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
