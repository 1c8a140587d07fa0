"""Works out from the cells of a table what its columns hold."""

import re
from collections.abc import Sequence

from dl_assets.inputs._table.date_formats import choose_formats
from dl_assets.inputs._table.schema import Column, Schema, require_used
from dl_assets.inputs._table.survey import Facts, Frames, Words, survey

SURE = 0.95  # share of the known cells that must be numbers, or dates, where a column is taken for one
_MANY_WORDS, _SOME_WORDS = 1_000, 50
_FEW_ROWS = 20  # of fewer, that all are different says nothing
_SPREAD = 2  # an identifier that counts up leaves out at most every other number
_ID = re.compile(r"(^|[^a-z])(id|ids|uuid|guid|key|index|idx|no|nr|number|num)$|^unnamed|^column_?0?$|^$|^#$", re.IGNORECASE)
_CAMEL_ID = re.compile(r"[a-z](Id|ID|Key|Index|Nr|No)$")
_CALENDAR = re.compile(r"(^|[^a-z])(year|month|week|day|hour|date|time|age|jahr|monat|tag|yr)s?($|[^a-z])", re.IGNORECASE)


def infer(frames: Frames) -> Schema:
    """Return what the columns of these cells (pl.String, missing is null) hold; they are read once, in little memory."""
    return decide(survey(frames))


def decide(facts: Sequence[Facts]) -> Schema:
    """Return the schema of columns of which this was counted. Raises DataError where none can be learnt from."""
    return require_used(Schema(tuple(map(decide_column, facts))))


def decide_column(facts: Facts) -> Column:
    """Say what one column holds: the first that fits of nothing, a number, a date, an identifier, text and a category."""
    why = _nothing(facts)
    if why:
        return Column(facts.name, "ignore", why=why)
    if facts.numbers >= SURE * facts.known:
        why = _numbered(facts)
        return Column(facts.name, "ignore", why=why) if why else Column(facts.name, "number")
    formats, _ = choose_formats(facts.formats)
    if sum(facts.formats[name] for name in formats) >= SURE * facts.known:
        return Column(facts.name, "date", formats=formats)
    why = _coded(facts)
    if why:
        return Column(facts.name, "ignore", why=why)
    return _of_words(facts)


def variants(words: Words) -> dict[str, str]:
    """Return the words that are another one but for case and the spaces between their parts: word -> the commonest.

    >>> variants({"male": 9, "Male": 2, "NEW  YORK": 1, "New York": 1, "x": 1})
    {'Male': 'male', 'New York': 'NEW  YORK'}
    """
    known: dict[str, str] = {}
    for word in words:  # commonest first
        known.setdefault(fold(word), word)
    return {word: common for word in words if (common := known[fold(word)]) != word}


def fold(word: str) -> str:
    return " ".join(word.casefold().split())


def is_id_name(name: str) -> bool:
    """Whether a name says that the column names its rows.

    >>> [is_id_name(name) for name in ("PassengerId", "customer_id", "ID", "paid", "Fluid", "uuid")]
    [True, True, True, False, False, True]
    """
    return bool(_ID.search(name.strip()) or _CAMEL_ID.search(name.strip()))


def _nothing(facts: Facts) -> str | None:
    if not facts.known:
        return "missing in every row"
    # A single word that is often missing tells something: whether it is there.
    if facts.missing == 0 and facts.words is not None and len(facts.words) == 1:
        return f"the same in every row: '{next(iter(facts.words))}'"
    return None


def _numbered(facts: Facts) -> str | None:
    """Say why whole numbers are an identifier: all different, and counting up, or without a gap, or by their name."""
    if not facts.is_whole or facts.numbers < facts.rows or facts.rows < _FEW_ROWS or _CALENDAR.search(facts.name):
        return None
    assert facts.least is not None and facts.greatest is not None, "there are numbers"
    width = facts.greatest - facts.least + 1
    if facts.repeats:
        return None
    if facts.is_rising and width <= _SPREAD * facts.rows:
        return "an identifier: it counts up with the rows"
    if is_id_name(facts.name):
        return "an identifier: by its name, and different in every row"
    if width == facts.rows and facts.rows > _SOME_WORDS:
        return "an identifier: every number between its least and greatest once"
    return None


def _coded(facts: Facts) -> str | None:
    """Say why words are an identifier: different in every row, and not sentences unless the name says so."""
    has_fractions = facts.numbers > 0 and not facts.is_whole  # then nobody looked for repetitions
    if facts.repeats or has_fractions or facts.missing or facts.rows < _FEW_ROWS:
        return None
    if is_id_name(facts.name) or facts.spaced <= (1 - SURE) * facts.known:
        return "an identifier: different in every row"
    return None


def _of_words(facts: Facts) -> Column:
    if facts.words is None:
        return Column(facts.name, "text", why="more different words than a model can learn from")
    folded = len({fold(word) for word in facts.words})
    if folded > _MANY_WORDS or (folded > _SOME_WORDS and folded > facts.known / 2):
        return Column(facts.name, "text", why=f"{folded:,} different words in {facts.known:,} cells")
    return Column(facts.name, "category", rename=variants(facts.words))
