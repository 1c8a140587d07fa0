"""Which name each column has, and what must be true of the names."""

from collections import Counter
from collections.abc import Sequence

from dl_assets.errors import ConfigError, DataError
from dl_assets.registry import did_you_mean

_SHOWN = 30


def column_names(found: Sequence[object], place: str) -> tuple[list[str], list[str]]:
    """Return the names without stray spaces, and those that were made up for columns without one.

    Raises DataError where two columns have one name.

    >>> column_names(["", " age "], "people.csv")
    (['column_1', 'age'], ['column_1'])
    """
    texts = ["" if name is None else str(name).strip() for name in found]
    names = [text or f"column_{number}" for number, text in enumerate(texts, 1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        numbers = [str(number) for number, name in enumerate(names, 1) if name == twice[0]]
        raise DataError(
            f"source: {place} has {len(twice)} column names more than once: {listed(twice)} (columns {', '.join(numbers)} are "
            f"'{twice[0]}'). Rename or delete all but one."
        )
    return names, [name for name, text in zip(names, texts, strict=True) if not text]


def require_column(option: str, column: str, columns: Sequence[str], place: str) -> None:
    """Raise ConfigError where the column that an option names is not there."""
    if column not in columns:
        raise ConfigError(
            f"source.{option}: {place} has no column '{column}'{did_you_mean(column, columns) or '.'} "
            f"Its columns: {listed(columns)}. (The first row must hold their names.)"
        )


def require_same(columns: Sequence[str], place: str, first: Sequence[str], first_place: str) -> None:
    """Raise DataError where a further file does not have the columns of the first, in whatever order."""
    for here, there, names, others in ((place, first_place, columns, first), (first_place, place, first, columns)):
        known = set(names)
        lacking = [name for name in others if name not in known]
        if lacking:
            raise DataError(
                f"source.path: {here} has no column '{lacking[0]}'{did_you_mean(lacking[0], names)}, which {there} has"
                f"{f' (and lacks {len(lacking) - 1} more)' if len(lacking) > 1 else ''}. Files of one table need the same "
                "columns: add it (its cells may be empty), delete it from the others, or leave a file out."
            )


def listed(names: Sequence[str]) -> str:
    """Return the names as text, the first of very many.

    >>> listed(["a", "b"])
    'a, b'
    """
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
