"""The section `train`: a loss, an optimizer and a scheduler are named, and bring options of their own."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeAlias, Union

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, create_model

from dl_assets import registry
from dl_assets.registry import Options
from dl_assets.sections.shared import Seed


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
