"""Pictures of samples for the report, where their kind of input can be drawn."""

from types import ModuleType

from dl_assets.artifacts.shards import Arrays
from dl_assets.pages import style

MAX_BYTES = 3 * 1024**2  # of all pictures of a report together
_DPI = 110


def pictures(inputs: ModuleType, arrays: Arrays, ids: list[str]) -> dict[str, bytes]:
    """Return id -> PNG of these samples, as far as the size limit goes; `inputs` has a `sheet`."""
    found: dict[str, bytes] = {}
    for index, sample in enumerate(ids):
        found[sample] = style.png(inputs.sheet([arrays[index]], [""], columns=1), _DPI)
        if sum(map(len, found.values())) > MAX_BYTES:
            del found[sample]
            break
    return found
