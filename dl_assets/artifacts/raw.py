"""What a source yields: one sample as it was found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RawSample:
    """`origin` names the sample for people and is unique in its source, such as the relative path `cat/1.jpg`.

    Samples of one `group` (a patient, a film, an author) never end up in two parts.
    """

    origin: str
    payload: bytes
    target: str | None
    group: str | None = None
