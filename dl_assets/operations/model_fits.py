"""Tells before a run whether the model of a pipeline can take the pictures that it will be shown."""

from dl_assets import registry
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError
from dl_assets.problems import Document

# How many outputs it will have is known when the data is; whether it can be built does not depend on that.
_OUTPUTS = 10


def require_model_fits(config: Pipeline) -> None:
    """Raise ConfigError where the model cannot be built for the size of picture that `clean` and `augment` lead to."""
    if not config.task.maps.startswith("image->"):
        return
    import torch

    from dl_assets.inference.trial import try_body

    transforms = registry.module("transforms", config.task.inputs)
    height, width, channels = transforms.compose(config.augment.transforms, transforms.stored_shape(config.clean)).shape
    try:
        with torch.device("meta"):
            try_body(config.model, (channels, (height, width), (channels, height, width)), _OUTPUTS)
    except ConfigError as error:
        raise Document(config.path, config.document).problem(("model",), f"does not fit: {error}") from error
