"""Changes of a picture, each too small to be seen, that are made to fool the network; pixels are 0 to 255."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dl_assets.explanations._image.exam import Exam, Truths

LEVELS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)  # by how much a pixel may be changed
STEPS = 10


def one_step(exam: Exam) -> Truths:
    """Return for each level whether each answer is right and stays so, [levels, N] (Goodfellow et al., FGSM, ICLR 2015).

    What was wrong from the start stays wrong.
    """
    everyone = np.arange(len(exam))
    is_right, sign = exam.look(exam.pixels(everyone), everyone)
    standing = np.flatnonzero(is_right)
    survives = np.zeros((len(LEVELS), len(exam)), dtype=np.bool_)
    survives[0] = is_right
    for place, level in enumerate(LEVELS[1:], 1):
        survives[place, standing] = exam.is_right(_moved(exam.pixels(standing), sign[standing], level), standing)
    return survives


def many_steps(exam: Exam) -> Truths:
    """Return the same for ten steps from the clean picture, the first of which is that of FGSM (Madry et al., PGD, ICLR 2018).

    Whoever is fooled by any step is fooled, and by every larger level too, which allows the same change.
    """
    standing = np.flatnonzero(exam.is_right(exam.pixels(np.arange(len(exam))), np.arange(len(exam))))
    survives = np.zeros((len(LEVELS), len(exam)), dtype=np.bool_)
    survives[0, standing] = True
    for place, level in enumerate(LEVELS[1:], 1):
        standing = standing[withstands(exam, standing, level)]
        survives[place, standing] = True
    return survives


def withstands(exam: Exam, indices: NDArray[np.int64], level: float) -> Truths:
    """Return whether each of these samples is answered right at every step."""
    clean = pixels = exam.pixels(indices)
    left = np.arange(len(indices))
    for step in range(STEPS):
        if not len(left):
            break
        is_right, sign = exam.look(pixels, indices[left])
        left, clean, pixels, sign = left[is_right], clean[is_right], pixels[is_right], sign[is_right]
        # The first step goes as far as it may; later ones, 2.5 times that way together, can leave a corner again.
        moved = _moved(pixels, sign, level if step == 0 else 2.5 * level / STEPS)
        pixels = torch.minimum(torch.maximum(moved, clean - level), clean + level)
    left = left[exam.is_right(pixels, indices[left])]
    survives = np.zeros(len(indices), dtype=np.bool_)
    survives[left] = True
    return survives


def _moved(pixels: Tensor, sign: Tensor, level: float) -> Tensor:
    return (pixels + level * sign).clamp(0, 255)
