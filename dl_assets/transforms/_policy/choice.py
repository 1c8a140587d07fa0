"""What a policy is composed of, and what is said where it cannot be."""

from typing import Any, Protocol

from dl_assets.errors import ConfigError

Steps = list[tuple[str, dict[str, Any]]]  # name of a transform, and its options


class Choice(Protocol):
    """A transform by name, with its options as the YAML has them."""

    @property
    def name(self) -> str: ...
    @property
    def options(self) -> dict[str, Any]: ...


class PolicyError(ConfigError):
    """A policy that cannot be; `index` is that of the transform at fault."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index
