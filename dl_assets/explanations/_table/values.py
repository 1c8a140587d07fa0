"""Which samples are alike in one column of a table."""

import numpy as np

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.explanations._slices.groups import OTHERS, Groups, by_quarters, by_words, day, number, with_missing


def grouped(values: Floats, kind: str, words: dict[float, str]) -> Groups:
    """Return the group of each sample [N] and what each group is called; every group has a sample.

    Of a category these are the commonest words, of numbers and dates the quarters; what is missing is a group of its own.
    """
    is_known = ~np.isnan(values)
    known = values[is_known]
    if kind == "category":
        return with_missing(is_known, by_words(known, lambda code: words.get(code, OTHERS)))
    return with_missing(is_known, by_quarters(known, day if kind == "date" else number))
