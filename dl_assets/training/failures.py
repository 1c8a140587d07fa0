"""What ends a training, in words that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from dl_assets.errors import PipelineError


def not_finite(part: str, loss: float, epoch: int, step: int, learning_rate: float) -> PipelineError:
    """Describe a loss that became infinite or no number at all."""
    return PipelineError(
        f"the {part} loss became {loss:g} in epoch {epoch}, step {step}, at a learning rate of {learning_rate:.3g}. "
        f"Set a lower train.learning_rate (for example {learning_rate / 10:.1g}), a longer train.warmup_epochs, or "
        "train.clip_gradients: 1.0."
    )


@contextmanager
def told_memory(batch_size: int, accumulate: int) -> Iterator[None]:
    """Turn the end of memory into an error that says which batch size to try."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not _is_memory(error):
            raise
        half = batch_size // 2
        if half < 2:
            remedy = "Choose a smaller model or a smaller clean.image_size."
        else:
            remedy = f"Set train.batch_size: {half} and train.accumulate: {2 * accumulate}, which learns nearly the same."
        reason = str(error).strip().partition("\n")[0]
        raise PipelineError(f"the memory is full with train.batch_size: {batch_size} ({reason}). {remedy}") from error


def _is_memory(error: BaseException) -> bool:
    # torch has no type of its own for a CPU whose memory is full.
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)
