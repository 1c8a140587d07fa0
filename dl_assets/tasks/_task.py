"""What a task is: a kind of input, a kind of target, and therefore the models that fit."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """Names `inputs/<inputs>.py` (what a payload means), `targets/<targets>.py` and `evaluation/<targets>.py`
    (what an answer means); `maps` is what a model must map to be offered."""

    inputs: str
    targets: str
    maps: str
