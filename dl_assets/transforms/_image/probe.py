"""Finds out what transforms do to pictures by trying them on one of noise."""

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dl_assets.transforms._image import albumentations as library
from dl_assets.transforms._policy.choice import PolicyError

Shape = tuple[int, ...]

_TRIALS = 4
_ONE_SIZE = ", but a batch needs one size. Give it a fixed size and p: 1.0, or put a RandomCrop of a fixed size behind it."
_RESIZES = ("Resize", "LongestMaxSize", "SmallestMaxSize")


def measure(names: Sequence[str], changes: Sequence[Any], stored: Shape) -> Shape:
    """Return the shape of every picture that leaves the policy. Raises PolicyError where it cannot be used as it is."""
    trials = [_trial(names, changes, stored, seed) for seed in range(_TRIALS)]
    final = {trial[-1] if trial else stored for trial in trials}
    if len(final) > 1:
        raise PolicyError(_first_random(trials), f"makes pictures of random sizes ({_listed(final)}){_ONE_SIZE}")
    [shape] = final
    for index, change in enumerate(changes):
        if change.p < 1 and _trial(names, changes, stored, _TRIALS + index, without=index)[-1] != shape:
            raise PolicyError(index, f"has p {change.p:g}, so that it changes the size of some pictures only{_ONE_SIZE}")
    if shape != stored:
        _require_a_window(names, shape, stored)
    return shape


def is_for_pictures(name: str) -> bool:
    """Say whether a transform of albumentations can change a picture when it is given nothing else, and leaves it uint8."""
    try:
        change = library.Change(name, library.complete(name, {}, (64, 64)))
        return not change.needs() and change(_noise((64, 64, 3)), force_apply=True).dtype == np.uint8
    except ValueError:  # it needs arguments, which the user will give
        return True
    except (KeyError, RuntimeError, TypeError):  # it needs boxes, masks or a sequence of pictures
        return False


def _trial(names: Sequence[str], changes: Sequence[Any], stored: Shape, seed: int, without: int | None = None) -> list[Shape]:
    """Apply all changes (but one) to a picture; return its shape after each."""
    generator, python = np.random.default_rng(seed), Random(seed)
    picture, shapes = _noise(stored), []
    for index, change in enumerate(changes):
        if index != without:
            change.set_random_state(generator, python)
            picture = _changed(index, names[index], change, picture)
        shapes.append(picture.shape)
    return shapes


def _changed(index: int, name: str, change: Any, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width, channels = picture.shape
    if change.needs():
        raise PolicyError(index, f"needs {', '.join(change.needs())} beside the picture, which a policy has not. Delete it.")
    try:
        changed = change(picture, force_apply=True)
    except Exception as error:  # transforms raise whatever Python can raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PolicyError(
            index,
            f"cannot change a picture of {height} x {width} px with {channels} channel{'s' if channels > 1 else ''} "
            f"({type(error).__name__}: {reason}). Change its arguments, or delete it.",
        ) from error
    if not isinstance(changed, np.ndarray) or changed.dtype != np.uint8:
        raise PolicyError(
            index,
            f"makes {changed.dtype} ({type(changed).__name__}) of the pixels, which stay whole numbers from 0 to 255 until "
            "they are on the device; normalisation is inside the model. Delete it.",
        )
    changed = changed.reshape(*changed.shape[:2], -1)  # [H, W] -> [H, W, 1]
    if changed.shape[-1] != channels:
        raise PolicyError(
            index,
            f"makes {changed.shape[-1]} channels of {channels}, but val and test keep theirs. Set clean.channels instead.",
        )
    return changed


def _require_a_window(names: Sequence[str], shape: Shape, stored: Shape) -> None:
    """Val, test and the exported model see the middle of the stored picture: of no other scale, and not more than there is."""
    resizing = next((index for index, name in enumerate(names) if name in _RESIZES), None)
    if resizing is not None or shape[0] > stored[0] or shape[1] > stored[1]:
        raise PolicyError(
            len(names) - 1 if resizing is None else resizing,
            f"makes pictures of {_listed({shape})} px out of {_listed({stored})}, but val and test are as they are stored, "
            "or the middle of that. Set clean.image_size to the size that you want, and leave it to that here.",
        )


def _first_random(trials: Sequence[Sequence[Shape]]) -> int:
    return next(index for index, shapes in enumerate(zip(*trials, strict=True)) if len(set(shapes)) > 1)


def _listed(shapes: set[Shape]) -> str:
    return ", ".join(f"{height} x {width}" for height, width, *_ in sorted(shapes)[:3])


def _noise(shape: Shape) -> NDArray[np.uint8]:
    """Return a picture that, like those of a memory-mapped file, cannot be written to."""
    picture = np.random.default_rng(17).integers(0, 256, shape, dtype=np.uint8)
    picture.setflags(write=False)
    return picture
