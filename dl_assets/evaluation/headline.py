"""How a metric is told to a person."""

from dataclasses import dataclass

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def percent(share: float) -> str:
    """
    >>> percent(0.98148).replace(NO_BREAK_SPACE, " ")
    '98.1 %'
    """
    return f"{100 * share:.1f}{NO_BREAK_SPACE}%"


def amount(value: float) -> str:
    """Tell a number in the unit of the target: by four digits, or to the whole where it is large.

    >>> amount(23456.789), amount(0.0123456), amount(-3.14159)
    ('23,457', '0.01235', '-3.142')
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"


@dataclass(frozen=True)
class Headline:
    """A metric at the top of the report: its name, what it means, and how it is told.

    One that `is_share` is told in percent, an `is_amount` is in the unit of the target, anything else has three decimals.
    """

    label: str
    meaning: str
    is_share: bool = False
    is_amount: bool = False

    def show(self, value: float) -> str:
        """
        >>> Headline("Log loss", "").show(0.0625)
        '0.062'
        """
        if self.is_amount:
            return amount(value)
        return percent(value) if self.is_share else f"{value:.3f}"
