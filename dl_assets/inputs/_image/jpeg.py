"""Strict decoding of JPEG files: decoders fill damaged ones up with grey, or with noise, without a word."""

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dl_assets.artifacts.rejection import Rejection

_FACTORS = (8, 4, 2)  # libjpeg-turbo leaves out high frequencies: a half takes 75 % of the time, and is antialiased
# Good photos have 4 zero bytes in a row at most. Where known coefficients get a further bit, these stand without codes
# between them, and a pattern that is repeated exactly may have some hundred zeros.
_ZEROS_OF_CODES, _ZEROS_OF_BITS = bytes(32), bytes(256)
_TABLES, _PROGRESSIVE, _SCAN, _END = 0xC4, 0xC2, 0xDA, 0xD9  # the second byte of a marker
_NOT_THE_MEAN = 0x10  # in the number of a table: codes of the other 63 coefficients
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # inside a scan FF stands before 00, or is a restart marker


def decode_jpeg(payload: bytes, size: tuple[int, int], channels: int, least_side: int) -> NDArray[np.uint8]:
    """Decode a JPEG of `size` (width, height); return uint8 [H, W, channels], at 1/2, 1/4 or 1/8 where that suffices.

    It suffices where neither side becomes shorter than `least_side`. Raises ValueError or Rejection for a damaged file.
    """
    import simplejpeg

    factor = next((factor for factor in _FACTORS if min(size) >= factor * least_side), 1)
    width, height = (-(-side // factor) for side in size)  # simplejpeg takes the smallest fraction that has at least these
    pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
        payload, "GRAY" if channels == 1 else "RGB", min_width=width, min_height=height, strict=True
    )
    _require_all_scans(payload)
    # Without a last pixel that lies only in part inside the picture, and for the rest holds what the encoder left there.
    return np.ascontiguousarray(pixels[: size[1] // factor, : size[0] // factor])


def require_whole_jpeg(payload: bytes) -> None:
    """Raise ValueError or Rejection for a damaged JPEG, of whatever colours."""
    import simplejpeg

    simplejpeg.decode_jpeg(payload, "GRAY", min_width=1, min_height=1, strict=True)
    _require_all_scans(payload)


def _require_all_scans(payload: bytes) -> None:
    """Find the damage that libjpeg cannot know of, in a file that it has decoded without a warning."""
    tables: dict[int, int] = {}
    missing: dict[int, set[int]] = {}
    is_progressive = False
    for marker, start, end in _segments(payload):
        if marker == _TABLES:
            tables |= _shortest_codes(payload[start:end])
        is_progressive |= marker == _PROGRESSIVE
        if marker != _SCAN:
            continue
        # [number of components, (component, its tables) for each, first and last coefficient, bits known and left]
        (first, last, bits), components = payload[end - 3 : end], payload[start + 1 : end - 3 : 2]
        if last:
            symbol = tables.get(_NOT_THE_MEAN | payload[start + 2] & 15, 0)
            _require_no_zeroed_block(payload, end, symbol, _ZEROS_OF_BITS if bits >> 4 else _ZEROS_OF_CODES)
        if not is_progressive:
            return
        for component in components:
            missing.setdefault(component, set(range(64))).difference_update(() if bits & 15 else range(first, last + 1))
    if any(missing.values()):
        raise Rejection("truncated", "the last scans of the progressive JPEG are missing")


def _segments(payload: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the marker, start and end of every segment, but not the pixels that follow the header of a scan."""
    place = 2
    while place + 4 <= len(payload) and payload[place] == 0xFF and (marker := payload[place + 1]) != _END:
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        end = place + 2 + int.from_bytes(payload[place + 2 : place + 4])
        yield marker, place + 4, end
        found = _NEXT_MARKER.search(payload, end) if marker == _SCAN else None
        place = found.start() if found else end


def _shortest_codes(segment: bytes) -> dict[int, int]:
    """Return, by table, the symbol whose Huffman code is all zeros."""
    found = {}
    while len(segment) > 17:
        num_symbols = sum(segment[1:17])
        found[segment[0]] = segment[17]
        segment = segment[17 + num_symbols :]
    return found


def _require_no_zeroed_block(payload: bytes, start: int, symbol: int, zeros: bytes) -> None:
    """Raise Rejection where a sector of the disk was lost and the picture happens to go on in step after it.

    `symbol` is what zeros mean: with the low half 0 it is the end of a block, which plain areas repeat; else a
    coefficient of -1 or less, time and again until the block is full, and block after block, which is no picture.
    """
    place = payload.find(zeros, start) if symbol & 15 else -1
    if place >= 0 and not _NEXT_MARKER.search(payload, start, place):
        raise Rejection("unreadable", f"{len(zeros)} or more bytes are 0 from byte {place}, amidst the pixels")
