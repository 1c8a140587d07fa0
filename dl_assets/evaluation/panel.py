"""A part of the report that another module fills: pictures, a table, and what they mean."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Panel:
    """`note` says how it is read; `figures` are PNGs by their name, which is that of the file too; every row fits `columns`."""

    title: str
    note: str
    figures: dict[str, bytes] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    @property
    def aligned(self) -> list[str]:
        """Return the CSS class of each column: the first names the row, others may hold numbers.

        >>> Panel("", "", columns=["column", "share"], rows=[["0 to 1", "12.5 %"], ["above", "-"]]).aligned
        ['', 'number']
        """
        cells = list(zip(*self.rows, strict=True)) or [()] * len(self.columns)
        return ["number" if index and all(map(_is_number, column)) else "" for index, column in enumerate(cells)]


def _is_number(cell: str) -> bool:
    """Whether it begins as a number does, or is empty but for a dash."""
    return cell.strip("+-<±\N{EN DASH}\N{MINUS SIGN} ")[:1] in (*"0123456789", "")
