"""Why a sample cannot be used."""


class Rejection(Exception):
    """Raised for one sample; `reason` is one of `tables.REASONS`, `detail` holds the measured value."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class TooLarge(Rejection):
    """Raised for a sample that is not even looked at, because it would take too much memory."""
