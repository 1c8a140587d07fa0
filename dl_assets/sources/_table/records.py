"""Where the records of a block of separated text end, how many fields each has, and whether its quotes can be trusted."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_QUOTE, _LINE, _RETURN = ord('"'), ord("\n"), ord("\r")
_MAX_OPEN = 2**20  # bytes that a record may take until its quotes are looked at with care

Places = NDArray[np.int64]


class Records(NamedTuple):
    """`starts` and `ends` (of the newline) of each complete record, its number of fields, and what is in it."""

    starts: Places
    ends: Places
    num_fields: Places
    is_blank: NDArray[np.bool_]
    has_nul: NDArray[np.bool_]


def find_records(block: bytes, delimiter: str) -> Records | None:
    """Return the complete records of a block, or None where only a careful reading can tell what a quote means."""
    data = np.frombuffer(block, np.uint8)
    mark = ord(delimiter)
    quotes, ends, marks = (np.flatnonzero(data == value) for value in (_QUOTE, _LINE, mark))
    if len(quotes):
        is_inside = np.bitwise_xor.accumulate((data == _QUOTE).view(np.uint8)).view(np.bool_)
        ends, marks = ends[~is_inside[ends]], marks[~is_inside[marks]]
        stop = ends[-1] + 1 if len(ends) else 0
        if not _are_plain(data, quotes[quotes < stop], mark) or (len(quotes) % 2 and len(block) - stop > _MAX_OPEN):
            return None
    starts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
    lengths = ends - starts
    is_blank = (lengths == 0) | ((lengths == 1) & (data[starts] == _RETURN))
    has_nul = np.zeros(len(ends), np.bool_)
    nuls = np.flatnonzero(data[: ends[-1]] == 0) if len(ends) else ends
    has_nul[np.searchsorted(ends, nuls)] = True
    return Records(starts, ends, np.diff(np.searchsorted(marks, ends), prepend=0) + 1, is_blank, has_nul)


def _are_plain(data: NDArray[np.uint8], quotes: Places, mark: int) -> bool:
    """Tell whether each quote opens a field at its begin, closes it at its end, or is one of two inside it."""
    before = data[quotes[0::2] - 1]
    opens = (before == mark) | (before == _LINE) | (before == _QUOTE) | (quotes[0::2] == 0)
    after = data[quotes[1::2] + 1]  # there is one: these quotes stand before the end of a record
    ends_line = (after == _RETURN) & (data[np.minimum(quotes[1::2] + 2, len(data) - 1)] == _LINE)
    return bool(opens.all() and ((after == mark) | (after == _LINE) | (after == _QUOTE) | ends_line).all())
