"""Why a request is not answered as it asks to be."""


class Refused(Exception):
    """Raised for a whole request: the status of HTTP, a sentence with the remedy, and after how many seconds to ask again."""

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after
