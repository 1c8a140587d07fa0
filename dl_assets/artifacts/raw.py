"""What a source yields: one sample as it was found, with its bytes still to be read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

LABEL_SEPARATOR = "|"  # between the labels of a target that has several


class RawSample(NamedTuple):
    """`origin` names the sample for people and is unique in its source, such as the relative path `cat/1.jpg`.

    `read` returns the payload. It is called at most once, before the next sample is asked for; a later call may fail,
    since the source may stream. It raises DataError where the source is at fault, and Rejection (`unreadable`) where
    this one sample is lost and the others are not.

    A target of several labels has each once, sorted, joined by LABEL_SEPARATOR.
    Samples of one `group` (a patient, a film, an author) never end up in two parts. `time` is naive, or in UTC. `part` is
    `train`, `val` or `test` where the source gives it. `version` changes when the content may have changed; None says
    that nobody knows without reading it. `location` is what fsspec can open by itself later: a path as the user wrote
    it, or a URL; None for a member of an archive.
    """

    origin: str
    read: Callable[[], bytes]
    target: str | None = None
    group: str | None = None
    time: datetime | None = None
    part: str | None = None
    version: str | None = None
    location: str | None = None


class Listing(NamedTuple):
    """What is known of all samples before one is read, and a way to read some of them only.

    `table` has origin, target, part and version of each sample, in the order in which the source yields them; `pick` yields
    those of some rows.
    """

    table: pl.DataFrame
    pick: Callable[[Iterable[int]], Iterator[RawSample]]


class RawRows(NamedTuple):
    """Some rows of a table, in two frames of one height.

    `found` has what RawSample says of a sample, as columns: origin (unique in the source, such as `people.csv:17`, the 17th row
    below the header), key (what the user's id column holds, else null), target, group, time, part, and problem (why the row
    is lost, else null). `cells` has the other columns under their own names, as the text that the source holds; what is
    missing is null. All frames of a source have the same columns.
    """

    found: pl.DataFrame
    cells: pl.DataFrame


@dataclass(frozen=True)
class Source:
    """Samples, and where they come from: kind, uri, licence, num_samples, skipped_files and what else `source.json` is to say.

    `skipped_files` counts litter such as `.DS_Store`, `Thumbs.db` and `__MACOSX`.
    """

    description: dict[str, Any]
    samples: Iterator[RawSample]
    listing: Callable[[], Listing] | None = None  # where samples can be read in any order, and know no group and no time
    rows: Callable[[], Iterator[RawRows]] | None = None  # where samples are rows of a table; `samples` then yields nothing
    columns: pl.DataFrame | None = None  # what else is known of each sample, by its origin: a camera, a site

    def __iter__(self) -> Iterator[RawSample]:
        return self.samples
