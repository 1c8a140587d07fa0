"""The sections that say which samples there are: source, clean, split, augment."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from dl_assets.registry import Options
from dl_assets.sections.shared import Seed


class Source(Options):
    """What every source's section offers; the options of the kind of source come beside these."""

    keep: Annotated[
        Literal["copy", "reference"],
        Field(description="copy: raw/ holds the bytes; reference: only hashes, clean reads the source again and verifies them"),
    ] = "copy"


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
