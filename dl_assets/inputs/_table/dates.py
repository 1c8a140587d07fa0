"""A date as numbers that a network can use: itself, and its year, month, day, weekday and hour."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

PARTS = ("", ".year", ".month", ".day", ".weekday", ".hour")  # behind the column's name, in the order of `parts_of`


def parts_of(days: "Tensor") -> "Tensor":
    """Return the date itself and its parts, float64 [B, 6], of days since 1970-01-01 [B]; Monday is 0, the hour has a fraction.

    Only arithmetic, because ONNX knows no calendar: Hinnant, chrono-Compatible Low-Level Date Algorithms, civil_from_days.

    >>> import torch
    >>> parts_of(torch.tensor([19782.5], dtype=torch.float64)).tolist()  # noon of 2024-02-29, a Thursday
    [[19782.5, 2024.0, 2.0, 29.0, 3.0, 12.0]]
    """
    import torch

    day = days.floor()
    shifted = day + 719_468  # since 0000-03-01: a leap day then ends its year
    era = (shifted / 146_097).floor()  # of 400 years
    of_era = shifted - 146_097 * era
    year = ((of_era - (of_era / 1460).floor() + (of_era / 36_524).floor() - (of_era / 146_096).floor()) / 365).floor()
    of_year = of_era - (365 * year + (year / 4).floor() - (year / 100).floor())
    month = ((5 * of_year + 2) / 153).floor()  # since March
    of_month = of_year - ((153 * month + 2) / 5).floor() + 1
    is_next_year = month >= 10
    month = torch.where(is_next_year, month - 9, month + 3)
    weekday = (day + 3) - 7 * ((day + 3) / 7).floor()
    return torch.stack([days, year + 400 * era + is_next_year, month, of_month, weekday, 24 * (days - day)], dim=1)
