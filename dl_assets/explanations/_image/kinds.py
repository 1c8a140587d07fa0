"""What differs between kinds of targets where pictures are explained: which output, what is told of it, and what it costs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from dl_assets.evaluation.headline import percent
from dl_assets.explanations._slices.shares import LabelShares, Shares
from dl_assets.explanations._standing import Standing
from dl_assets.pages import style
from dl_assets.targets import labels

Row = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """`judge` measures slices; `losses` gives what each of B answers costs, of outputs and truth [B, ...].

    `explained` puts before the outputs what is explained of them. Of a mistake, a row of the predictions, `mistaken` names
    the class whose output is explained, and `tell` says in few words what was answered, and beside that instead of what.
    """

    judge: Shares
    losses: Callable[[Tensor, Tensor], Tensor]
    explained: Callable[[nn.Module], nn.Module]
    mistaken: Callable[[Row, list[str]], str]
    tell: Callable[[Row, str], tuple[str, str]]


def _prediction(mistake: Row, classes: list[str]) -> str:
    return str(mistake["prediction"])


def _tell_class(mistake: Row, name: str) -> tuple[str, str]:
    return tell(mistake, name), f"is {style.short(mistake['target'])}"


def _most_wrong(mistake: Row, classes: list[str]) -> str:
    """Return the label of which the model is surest, of those about which it is wrong."""
    truth, said = (set(labels_of(mistake[side])) for side in ("target", "prediction"))
    wrong = [name for name in classes if (name in truth) != (name in said)]
    return max(wrong, key=lambda name: abs(_probability(mistake, name) - labels.THRESHOLD))


def _tell_label(mistake: Row, name: str) -> tuple[str, str]:
    verb = "sees" if name in labels_of(mistake["prediction"]) else "misses"
    return f"{verb} {tell(mistake, name)}", ""


def labels_of(target: str) -> list[str]:
    """
    >>> labels_of("dog|cat"), labels_of("")
    (['cat', 'dog'], [])
    """
    names: list[str] = labels.strata(pl.Series([target]))[0].to_list()
    return names


def _probability(row: Row, name: str) -> float:
    return float(row[f"probability_{name}"])


def _each_label(outputs: Tensor, truth: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(outputs, truth, reduction="none").sum(dim=1)


def _each_class(outputs: Tensor, truth: Tensor) -> Tensor:
    return cross_entropy(outputs, truth, reduction="none")


KINDS = {
    "classes": Kind(Shares(), _each_class, Standing, _prediction, _tell_class),
    "labels": Kind(LabelShares(), _each_label, lambda body: body, _most_wrong, _tell_label),
}


def tell(row: Row, name: str) -> str:
    """Say how probable this class is taken to be."""
    return f"{style.short(name)} ({percent(_probability(row, name))})"
