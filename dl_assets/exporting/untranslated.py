"""Which layer of a network cannot be written as ONNX, found in what torch's exporter raises."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any

from torch import fx, nn

_REMEDY = (
    "Choose another model or other options of it, or write this layer with operations that ONNX has; "
    "train and evaluate work without it."
)


def explain(error: BaseException, network: nn.Module) -> str:
    """Say which layer is at fault and what to do, as well as the error lets us know."""
    chain = list(_causes(error))
    for frame in (frame for cause in chain for frame in _frames(cause.__traceback__)):
        node = frame.get("node")
        if isinstance(node, fx.Node) and node.meta.get("nn_module_stack"):
            path, kind = list(node.meta["nn_module_stack"].values())[-1]
            operation = f"there is no ONNX operator for {node.target}, which it uses"
            return _sentence(path, _class_name(kind), operation)
    return _untraced(chain, network)


def _untraced(chain: list[BaseException], network: nn.Module) -> str:
    """Explain what failed while the network ran to be recorded, as where it branches by a value that it computed."""
    reason = next((line for line in str(chain[-1]).splitlines() if line.strip()), type(chain[-1]).__name__)
    paths = {id(module): path for path, module in network.named_modules()}
    running = [
        (paths[id(frame["self"])], type(frame["self"]).__name__)
        for cause in chain
        for frame in _frames(cause.__traceback__)
        if id(frame.get("self")) in paths
    ]
    if not running:
        return f"The model cannot be written as ONNX: {reason}. {_REMEDY}"
    path, kind = max(running, key=lambda found: found[0].count(".") if found[0] else -1)
    return _sentence(path, kind, f"it cannot be recorded ({reason.rstrip('.')})")


def _sentence(path: str, kind: str, why: str) -> str:
    name = path.removeprefix("network.") or "the model"
    return f"The layer '{name}' ({kind}) cannot be written as ONNX: {why}. {_REMEDY}"


def _class_name(kind: Any) -> str:
    return kind.rpartition(".")[2] if isinstance(kind, str) else kind.__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _frames(trace: TracebackType | None) -> Iterator[dict[str, Any]]:
    """Yield the variables of each call that was running."""
    while trace is not None:
        yield trace.tb_frame.f_locals
        trace = trace.tb_next
