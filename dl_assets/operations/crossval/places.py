"""Where a cross-validation leaves what it found, below data/<pipeline>/, and how its folds are called."""

NAME = "crossval"
RESULT, PAGE = "crossval.json", "crossval.html"


def address(pipeline: str, fold: int) -> str:
    """Return the name under which a fold tells its progress."""
    return f"fold-{fold}@{pipeline}"
