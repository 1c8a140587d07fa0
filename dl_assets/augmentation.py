"""The `augment` section: a preset's name, a list of transforms, or a mapping that holds one of them and what else is done."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from dl_assets import registry, sections
from dl_assets.problems import Document, DocumentError, Place, choose, gather, plain, shown
from dl_assets.registry import did_you_mean

StoredShape = Callable[[], tuple[int, ...] | None]


@dataclass(frozen=True)
class Choice:
    """A source, model or transform by name, with its validated options."""

    name: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Augment:
    """What is done to the train part, and `test_time` to every sample; see `sections.Augment`."""

    transforms: list[Choice]
    mixup: float = 0.0
    cutmix: float = 0.0
    mix_share: float = 0.8
    copies: int = 0
    test_time: str | None = None


def read_augment(file: Document, section: Any, inputs: str, stored_shape: StoredShape) -> Augment:
    """Check the section for a kind of input.

    `stored_shape` returns None where it is known with the data only, and raises DocumentError where `clean` does not say it.
    """
    place: Place = ("augment",)
    if not isinstance(section, str | list | dict | None):
        raise file.problem(
            place, f"is {shown(section)}, but must be a preset such as `medium`, a list such as `[]`, or a mapping."
        )
    reader = _Reader(file, registry.module("transforms", inputs), _known(stored_shape))
    if isinstance(section, str):
        return Augment(reader.preset(section, place))
    if not isinstance(section, dict):
        return Augment(reader.transforms(section or [], place))
    options = file.validate(place, section, sections.Augment)
    if options.preset is not None:
        transforms = reader.preset(options.preset, (*place, "preset"))
    else:
        transforms = reader.transforms(section.get("transforms") or [], (*place, "transforms"))
    gather([partial(_require_mixing, file, options, reader.module), partial(_require_view, file, options, inputs)])
    return Augment(transforms, options.mixup, options.cutmix, options.mix_share, options.copies, options.test_time)


def _require_mixing(file: Document, options: sections.Augment, module: Any) -> None:
    if options.cutmix and "cutmix" not in module.MIXED_BY:
        raise file.problem(
            ("augment", "cutmix"),
            f"is {options.cutmix:g}, but CutMix puts a part of one picture on another, and these samples are no pictures. "
            f"Allowed: {', '.join(module.MIXED_BY)}.",
        )


def _require_view(file: Document, options: sections.Augment, inputs: str) -> None:
    views = registry.module("inputs", inputs).VIEWS
    if options.test_time is None or options.test_time in views:
        return
    none = ", but there is no other view of such samples. Delete it."
    raise file.problem(
        ("augment", "test_time"), f"is {shown(options.test_time)}{choose(options.test_time, views) if views else none}"
    )


def _known(stored_shape: StoredShape) -> tuple[int, ...] | None:
    try:
        return stored_shape()
    except DocumentError:  # told by `clean`; here all can be checked that does not depend on it
        return None


@dataclass(frozen=True)
class _Reader:
    file: Document
    module: Any
    shape: tuple[int, ...] | None

    def transforms(self, entries: list[Any], place: Place) -> list[Choice]:
        found = gather(partial(self._one, (*place, index), entry) for index, entry in enumerate(entries))
        return self._fitting(found, lambda index: (*place, index, found[index].name))

    def preset(self, name: str, place: Place) -> list[Choice]:
        presets = self.module.PRESETS
        if name not in presets:
            raise self.file.problem(place, f"is {shown(name)}{choose(name, presets)} Or write a list of transforms.")
        shape = self.shape or (64, 64, 3)
        return self._fitting([Choice(*step) for step in presets[name]((shape[0], shape[1]))], lambda index: place)

    def _fitting(self, found: list[Choice], place: Callable[[int], Place]) -> list[Choice]:
        """Try the transforms on a picture of the size that is stored, where that is known before there is data."""
        if self.shape is not None and found:
            try:
                self.module.compose(found, self.shape)
            except self.module.PolicyError as error:
                raise self.file.problem(place(error.index), str(error)) from error
        return found

    def _one(self, place: Place, entry: Any, inside: bool = False) -> Choice:
        entry = {entry: None} if isinstance(entry, str) else entry
        if not isinstance(entry, dict) or len(entry) != 1:
            example = f"{self.module.EXAMPLE}; each transform begins with its own `- `."
            raise self.file.problem(place, f"is {shown(entry)}, but must be one transform with its options, such as {example}")
        ((name, options),) = entry.items()
        if not self.module.knows(name, inside=inside):
            nearest = did_you_mean(name, self.module.names()) or "."
            raise self.file.problem(place, f"is {shown(name)}{nearest} {self.module.allowed(inside=inside)}")
        place = (*place, name)
        if not isinstance(options, dict | None):
            raise self.file.problem(place, f"is {shown(options)}, but its options must be a mapping such as `{{}}`.")
        options = options or {}
        self.file.validate(place, options, self.module.options_of(name, self.shape))
        # As they were written: albumentations converts them once more, and not everything bears that twice.
        return Choice(name, plain(options) | self._inner(place, name, options))

    def _inner(self, place: Place, name: str, options: dict[str, Any]) -> dict[str, Any]:
        if name not in self.module.COMPOSITIONS:
            return {}
        inner = gather(
            partial(self._one, (*place, "transforms", index), entry, inside=True)
            for index, entry in enumerate(options["transforms"])
        )
        return {"transforms": [{choice.name: choice.options} for choice in inner]}
