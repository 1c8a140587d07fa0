"""A piece of what is to be predicted: so much is done at once, kept, and not done again."""

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import polars as pl


class Piece(NamedTuple):
    """`identity` changes whenever the answers for its inputs may change for another reason than the model.

    `answers` may be called once, before the next piece is asked for. All rows of all pieces have the same columns: the
    answers are the last ones but one, and the very last says why there is none.
    """

    identity: list[str]
    num_inputs: int
    answers: Callable[[], Iterator[pl.DataFrame]]


class Work(NamedTuple):
    """All pieces, in the order of the inputs; `what` these are, and how many, where that is known before they are read."""

    what: str
    total: int | None
    pieces: Iterator[Piece]


def free_names(own: Collection[str], taken: Collection[str]) -> dict[str, str]:
    """Return name -> name for columns that come beside others: with an underscore behind it where it is taken.

    >>> free_names(["prediction", "problem"], ["age", "problem", "problem_"])
    {'prediction': 'prediction', 'problem': 'problem__'}
    """
    found = {}
    for name in own:
        free = name
        while free in taken:
            free += "_"
        found[name] = free
    return found
