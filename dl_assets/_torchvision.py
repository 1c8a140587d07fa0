"""Lets torchvision be imported beside a torch that its compiled part was not built for, such as a CPU build of torch.

torchvision from PyPI is built for CUDA. Beside another torch its operators do not load, and its import fails with
`operator torchvision::nms does not exist`, which takes timm and torchmetrics, and so pytorch_lightning, with it. Their Python
parts are all that is needed here. Declaring the two operators that the import asks for lets it pass; nothing can call them.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# torchvision imports it after it has tried to load its operators, and it is the first that asks for them.
_ASKS = "torchvision._meta_registrations"
_ARGUMENTS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class _MissingOperators(MetaPathFinder):
    """Finds no module; it is only asked early enough."""

    def __init__(self) -> None:
        self._library: Any = None  # torch takes back what was declared when this object goes

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname == _ASKS and self._library is None:
            self._declare()
        return None

    def _declare(self) -> None:
        import torch

        missing = [name for name in ("nms", "qnms") if not hasattr(torch.ops.torchvision, name)]
        self._library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for name in missing:
            self._library.define(f"{name}{_ARGUMENTS}")


def declare_missing_operators() -> None:
    """Watch for the import of torchvision in this process. Imports nothing itself, and changes nothing where all is well."""
    if not any(isinstance(finder, _MissingOperators) for finder in sys.meta_path):
        sys.meta_path.insert(0, _MissingOperators())
