"""The random changes of rows. Each picks cells by draws of its own, and sees of every other cell nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from dl_assets.transforms._policy.keys import Keys, uniform
from dl_assets.transforms._table.facts import Facts, Floats, Indices

Share = Annotated[float, Field(ge=0, le=1, description="share of the values that are changed")]

_DRAWS = 2  # of each cell that a change takes at most


@dataclass(frozen=True)
class Picks:
    """Picks cells of rows [B, n], whose keys are [B], for the change of that number in its policy."""

    keys: Keys
    change: int
    num_columns: int

    def __call__(self, columns: Indices, p: float) -> tuple[tuple[Indices, Indices], Floats]:
        """Return the rows and columns of a share of the cells of these columns, [M] each, and a draw [M] for each."""
        first = self.change * _DRAWS * self.num_columns
        rows, places = np.nonzero(uniform(self.keys[:, np.newaxis], first + columns) < p)
        columns = columns[places]
        return (rows, columns), uniform(self.keys[rows], first + self.num_columns + columns)


class GaussianNoise:
    """Add noise to numbers and dates; what is missing stays so."""

    def __init__(
        self,
        *,
        scale: Annotated[
            float, Field(gt=0, le=10, description="deviation of the noise, in standard deviations of the train part")
        ] = 0.1,
        p: Share = 0.5,
    ) -> None:
        self._scale, self._p = scale, p

    def __call__(self, rows: Floats, picks: Picks, facts: Facts) -> None:
        from scipy.special import ndtri

        cells, draws = picks(facts.numbers, self._p)
        noise = ndtri(draws + 2.0**-54)  # a draw may be 0, which is minus infinity
        rows[cells] += self._scale * facts.deviations[cells[1]] * noise


class SwapCategories:
    """Replace a category by another one of its column, drawn as often as the train part has it; missing ones stay so."""

    def __init__(self, *, p: Share = 0.1) -> None:
        self._p = p

    def __call__(self, rows: Floats, picks: Picks, facts: Facts) -> None:
        cells, draws = picks(facts.categories, self._p)
        own = rows[cells]
        rows[cells] = np.where(np.isnan(own), own, facts.other_words(cells[1], own, draws))


class SwapValues:
    """Replace a value of any kind by that of another train row, which may be missing (swap noise)."""

    def __init__(self, *, p: Share = 0.1) -> None:
        self._p = p

    def __call__(self, rows: Floats, picks: Picks, facts: Facts) -> None:
        cells, draws = picks(np.arange(rows.shape[1]), self._p)
        rows[cells] = facts.any_of(cells[1], draws)


class MissingValues:
    """Blank values of any kind, so that the network learns to do without."""

    def __init__(self, *, p: Share = 0.05) -> None:
        self._p = p

    def __call__(self, rows: Floats, picks: Picks, facts: Facts) -> None:
        cells, _ = picks(np.arange(rows.shape[1]), self._p)
        rows[cells] = np.nan


CHANGES: dict[str, Callable[..., Any]] = {
    change.__name__: change for change in (GaussianNoise, SwapCategories, SwapValues, MissingValues)
}
