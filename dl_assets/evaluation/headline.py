"""How a metric is told to a person."""

from dataclasses import dataclass

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def percent(share: float) -> str:
    """
    >>> percent(0.98148).replace(NO_BREAK_SPACE, " ")
    '98.1 %'
    """
    return f"{100 * share:.1f}{NO_BREAK_SPACE}%"


@dataclass(frozen=True)
class Headline:
    """A metric at the top of the report: its name, what it means, and whether it is a share, told in percent."""

    label: str
    meaning: str
    is_share: bool = False

    def show(self, value: float) -> str:
        """
        >>> Headline("Log loss", "").show(0.0625)
        '0.062'
        """
        return percent(value) if self.is_share else f"{value:.3f}"
