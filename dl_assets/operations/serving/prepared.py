"""What becomes of an input before the model is asked."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Prepared:
    """One input as ONNX Runtime takes it, [1, ...] by name, and what the log says of it, by column."""

    inputs: dict[str, NDArray[Any]]
    logged: dict[str, Any]
