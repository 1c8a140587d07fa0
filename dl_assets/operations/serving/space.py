"""How much of all requests together is in memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dl_assets.operations.serving.refusal import Refused

_REQUESTS = 16  # of the largest size


class Space:
    """Belongs to the event loop."""

    def __init__(self, max_bytes: int) -> None:
        self._limit, self._taken = _REQUESTS * max_bytes, 0

    @contextmanager
    def held(self) -> Iterator[Callable[[int], None]]:
        """Give what takes space for so many bytes, until the end of the block. It raises Refused where there is none."""
        own = 0

        def take(num_bytes: int) -> None:
            nonlocal own
            if self._taken + num_bytes > self._limit:
                raise Refused(503, "Too many large requests at once. Ask again in a second.", retry_after=1)
            own += num_bytes
            self._taken += num_bytes

        try:
            yield take
        finally:
            self._taken -= own
