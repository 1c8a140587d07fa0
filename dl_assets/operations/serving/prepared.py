"""What becomes of an input before the model is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from dl_assets.artifacts.rejection import Rejection


@dataclass(frozen=True)
class Prepared:
    """One input as ONNX Runtime takes it, [1, ...] by name, and what the log says of it, by column."""

    inputs: dict[str, NDArray[Any]]
    logged: dict[str, Any]


class Front(Protocol):
    """How a model is asked about one kind of input: `given` is what a request calls these, `together` how many are prepared
    in one go, `logged` the columns that the log has of one and what they hold, `described` what who asks must know."""

    @property
    def given(self) -> str: ...
    @property
    def together(self) -> int: ...
    @property
    def logged(self) -> Mapping[str, str]: ...
    @property
    def described(self) -> Mapping[str, Any]: ...

    def prepare(self, given: Sequence[Any]) -> list[Prepared | Rejection]:
        """Make of each input what the model takes; a Rejection says why that cannot be."""

    def probe(self) -> Prepared:
        """Return an input with which a model shows that it works."""
