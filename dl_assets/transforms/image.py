"""Random changes of pictures: what the `augment` section may name, checked, and applied to batches.

The names and arguments are those of albumentations, and one transform of our own beside them.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from dl_assets import registry
from dl_assets.artifacts.shards import Arrays
from dl_assets.errors import ArtifactError, DataError
from dl_assets.transforms._image import albumentations as library
from dl_assets.transforms._image.affine import SubPixelAffine
from dl_assets.transforms._image.draws import Draws, LazyGenerator
from dl_assets.transforms._image.presets import PRESETS
from dl_assets.transforms._image.probe import is_for_pictures, measure
from dl_assets.transforms._image.windows import Windows, is_window
from dl_assets.transforms._policy.choice import Choice, PolicyError, Steps
from dl_assets.transforms._policy.keys import Keys, keys_of, numbers_of

__all__ = [
    "COMPOSITIONS",
    "EXAMPLE",
    "MIXED_BY",
    "PRESETS",
    "Policy",
    "PolicyError",
    "allowed",
    "compose",
    "knows",
    "load",
    "names",
    "offered",
    "options_of",
    "stored_shape",
    "suggest",
]

Shape = tuple[int, ...]  # height and width in px, channels

COMPOSITIONS = tuple(library.COMPOSITIONS)
EXAMPLE = "`- HorizontalFlip: {p: 0.5}`"
MIXED_BY = ("mixup", "cutmix")
_OWN = {"SubPixelAffine": SubPixelAffine}


class Policy:
    """A sequence of transforms: stored pictures in, a batch of changed ones out.

    What happens to a sample follows from its key alone, whatever its batch, its place there and the process that reads it;
    `numbers` of the ids, a seed and an epoch make the `keys`.
    """

    numbers = staticmethod(numbers_of)
    keys = staticmethod(keys_of)

    def __init__(self, steps: Steps, stored: Shape, shape: Shape) -> None:
        import cv2

        cv2.setNumThreads(0)  # pictures are too small to share, and a forked process must not wait for its parent's threads
        self._steps, self.stored, self.shape = steps, stored, shape
        num_windows = next((index for index, step in enumerate(steps) if not is_window(*step)), len(steps))
        self._windows = Windows(steps[:num_windows], (stored[0], stored[1]))
        self._changes = [_change(*step) for step in steps[num_windows:]]
        self._draws, self._generator = Draws(), LazyGenerator()
        for change in self._changes:
            change.set_random_state(self._generator, self._draws)

    def __len__(self) -> int:
        return len(self._steps)

    def __reduce__(self) -> tuple[Any, ...]:
        return load, (self.serialise(),)

    def batch(
        self, pictures: Iterable[NDArray[np.uint8]], keys: Keys, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """Return uint8 [B, *self.shape] of B stored pictures, each changed as its key [B] says; written into `out` if given.

        The pictures are read one after the other and never written to: they may be views of a file.
        """
        out = np.empty((len(keys), *self.shape), np.uint8) if out is None else out
        assert out.flags.c_contiguous, "it is written to as one piece of memory"
        if not self._changes:
            self._windows.copy(pictures, keys, out)
            return out
        if self._windows:
            seen = np.empty((len(keys), *self._windows.size, self.stored[-1]), np.uint8)
            self._windows.copy(pictures, keys, seen)
            pictures = seen
        for picture, place, key, first in zip(pictures, out, keys.tolist(), Draws.first(keys), strict=True):
            self._draws.begin(key, first)
            self._generator.begin(key)
            self._change(picture, place)
        return out

    def _change(self, picture: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        for change in self._changes:
            picture = change(picture)
        if picture.size != out.size:
            raise DataError(
                f"the transforms made a picture of {picture.shape}, but the others are {out.shape}, and a batch needs one "
                "size. Give every transform of `augment` that changes the size a fixed one and p: 1.0."
            )
        np.copyto(out, picture.reshape(out.shape))

    def serialise(self) -> dict[str, Any]:
        """Return what `load` needs, as JSON types: every argument of every transform, and the shapes before and after."""
        return {
            "stored": list(self.stored),
            "shape": list(self.shape),
            "transforms": [{name: options} for name, options in self._steps],
            "albumentations": library.version(),
        }


def compose(choices: Sequence[Choice], shape: Shape, arrays: Arrays | None = None, folder: Path | None = None) -> Policy:
    """Build the policy for pictures of this stored shape [H, W, C]; which pictures they are changes nothing.

    Raises PolicyError where a transform refuses its arguments or such pictures, needs more than a picture, or where the
    pictures would not all have one size.
    """
    steps = [(choice.name, _complete(choice.name, choice.options, shape)) for choice in choices]
    changes = []
    for index, step in enumerate(steps):
        try:
            changes.append(_change(*step))
        except (ValueError, TypeError) as error:
            raise PolicyError(index, f"cannot be built: {' '.join(str(error).split())}.") from error
    return Policy(steps, shape, measure([name for name, _ in steps], changes, shape))


def load(policy: dict[str, Any]) -> Policy:
    """Build the policy that `Policy.serialise` wrote. Raises ArtifactError where it is broken or of another version."""
    try:
        steps: Steps = [(name, options) for entry in policy["transforms"] for name, options in entry.items()]
        return Policy(steps, tuple(policy["stored"]), tuple(policy["shape"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(
            f"policy.json holds no policy that this code can read ({type(error).__name__}: {error}). "
            "Run the augment stage again."
        ) from error


def knows(name: object, *, inside: bool = False) -> bool:
    """Say whether a transform, or one that a composition may hold, has that name. Our own cost no import of albumentations."""
    return (name in _OWN and not inside) or name in library.classes()


def names() -> list[str]:
    """Return the names of all transforms, also of those that turn out to need more than a picture."""
    return [*_OWN, *library.classes()]


def allowed(*, inside: bool = False) -> str:
    """Say which names may be written, in a sentence."""
    return f"Allowed are the names of albumentations{'' if inside else ' and SubPixelAffine'}: `dl schema` lists them."


def offered() -> list[str]:
    """Return the names of the transforms that a policy can use."""
    return [*_OWN, *(name for name in library.classes() if name in COMPOSITIONS or is_for_pictures(name))]


def options_of(name: str, shape: Shape | None = None) -> type[BaseModel]:
    """Return the pydantic model of a transform's arguments, for pictures of this stored shape."""
    if name in _OWN:
        return registry.options_of(_OWN[name])
    return library.options_of(name, (shape[0], shape[1]) if shape else None)


def stored_shape(clean: BaseModel) -> Shape:
    """Return the shape [H, W, C] of what the `clean` section lets be stored."""
    options = clean.model_dump()
    return (options["image_size"], options["image_size"], options["channels"])


def suggest(num_samples: int, *, image_size: int = 64, channels: int = 3) -> str | dict[str, Any]:
    """Choose an `augment` section: the fewer photos, the stronger; tiny pictures move a little, and grey ones never flip."""
    if image_size <= 32:
        return "digits" if channels == 1 else {"preset": "light", "test_time": "flip"}
    smallest = 0.35 if num_samples < 5_000 else 0.5 if num_samples < 50_000 else 0.7
    transforms = [
        {"RandomResizedCrop": {"scale": [smallest, 1.0]}},
        {"HorizontalFlip": {"p": 0.5}},
        {"ColorJitter": {"brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "hue": 0.03, "p": 0.8}},
    ]
    mixing = {"mixup": 0.2, "cutmix": 1.0} if num_samples < 5_000 else {}
    return {"transforms": transforms, **mixing, "test_time": "flip"}


def _change(name: str, options: dict[str, Any]) -> Any:
    return _OWN[name](**options) if name in _OWN else library.change(name, options)


def _complete(name: str, options: dict[str, Any], shape: Shape) -> dict[str, Any]:
    if name in _OWN:
        return {**registry.options_of(_OWN[name])().model_dump(mode="json"), **options}
    return library.complete(name, options, (shape[0], shape[1]))
