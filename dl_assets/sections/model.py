"""The section `model`, as far as every model has it."""

import re
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema

from dl_assets.registry import Options, did_you_mean


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
