"""How much the server takes on at once."""

from dataclasses import dataclass

MOST_INPUTS = 100  # of one request
MOST_PIXELS = 64_000_000  # of a picture: decoded, they take 192 MB


@dataclass(frozen=True)
class Limits:
    """Inputs of one call of the model, how long it waits for them, inputs that wait, how long they may, size of a request."""

    max_batch: int = 32
    wait_ms: float = 2.0
    queue: int = 256
    timeout_seconds: float = 10.0
    max_megabytes: float = 10.0

    @property
    def most_inputs(self) -> int:
        return min(MOST_INPUTS, self.queue)

    @property
    def max_bytes(self) -> int:
        return int(self.max_megabytes * 1024**2)
