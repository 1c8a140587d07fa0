"""Which parameters of a model are its head, and how the others fall into groups from the input to the head."""

from collections.abc import Iterable, Iterator

from torch import nn


def head_of(body: nn.Module) -> list[str]:
    """Return the names of the head's parameters: what timm calls the classifier; else the last child that has parameters."""
    modules = body.get_classifier() if hasattr(body, "get_classifier") else _last(body)  # type: ignore[operator]
    modules = [modules] if isinstance(modules, nn.Module) else list(modules)  # a distilled ViT has two
    wanted = {id(parameter) for module in modules for parameter in module.parameters()}
    return [name for name, parameter in body.named_parameters() if id(parameter) in wanted]


def layer_groups(body: nn.Module) -> list[list[str]]:
    """Return the names of all parameters but the head's, in groups from the input on: the stages of a network, say.

    timm says itself how its models are grouped; of others each child is a group, and each part of a sequence of children.
    """
    head = set(head_of(body))
    groups = _by_timm(body) if hasattr(body, "group_matcher") else _by_children(body)
    kept = ([name for name in group if name not in head] for group in groups)
    return [group for group in kept if group]


def _last(body: nn.Module) -> nn.Module:
    children = [child for child in body.children() if any(True for _ in child.parameters())]
    return children[-1] if children else body


def _by_timm(body: nn.Module) -> Iterable[list[str]]:
    from timm.models import group_parameters

    groups: dict[int, list[str]] = group_parameters(body, body.group_matcher(coarse=True))  # type: ignore[operator]
    return [groups[number] for number in sorted(groups)]


def _by_children(body: nn.Module) -> Iterator[list[str]]:
    yield [name for name, _ in body.named_parameters(recurse=False)]
    for name, child in body.named_children():
        parts = child.named_children() if isinstance(child, nn.Sequential | nn.ModuleList) else [("", child)]
        for part, module in parts:
            prefix = f"{name}.{part}." if part else f"{name}."
            yield [prefix + parameter for parameter, _ in module.named_parameters()]
