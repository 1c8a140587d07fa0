"""A target is a number, such as `12.5`; the model's answer is a number in the same unit."""

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from dl_assets.artifacts.report import Check
from dl_assets.errors import ConfigError, DataError

if TYPE_CHECKING:
    from torch import Tensor, nn

Floats = NDArray[np.float64]

LOSS = "mse"  # by which val is judged, and what is learnt by where the YAML does not say otherwise
SCORES = {"r2": "maximize"}  # what `score` returns, and which way is better
# What is measured on the test part, and which way is better; the first decides where nobody says what does.
METRICS = {"r2": "maximize", "rmse": "minimize", "mae": "minimize", "medae": "minimize"}
OUTPUT = "prediction"  # name of the model's answer
EVERY_STRATUM = False  # a part, or a fold, may well hold no sample of some range

_MOST_BINS, _PER_BIN = 10, 10  # for a split: so many ranges, and so many samples in each of them
_LONG_TAIL = 1.5  # skewness above which a logarithm is thought of: at 0.99, R2 was better by the linear scale (0.814, 0.805)
_BEYOND = math.log(10)  # an answer is at most ten times the largest number of the train part
_AGREEING = 1e-3  # standard deviations
_FEW_VALUES, _CAP, _OUTLYING = 10, 0.2, 10.0  # different values; share of one value; interquartile ranges from the median


def rename(targets: pl.Series, names: dict[str, str]) -> pl.Series:
    """Give targets another text (found: instead), once, such as {"about 5": "5"}.

    >>> rename(pl.Series(["about 5", "6"]), {"about 5": "5"}).to_list()
    ['5', '6']
    """
    return targets.replace(names) if names else targets


def problem_of(targets: pl.Series) -> pl.Series:
    """Return for each target why it cannot be used, null where it can, or where there is none.

    >>> problem_of(pl.Series(["1.5", " -2e3 ", "abc", "inf", None])).to_list()
    [None, None, "'abc' is no number", "'inf' is no finite number", None]
    """
    numbers = _numbers(targets)
    words = pl.when(numbers.is_null()).then(pl.lit("no number")).otherwise(pl.lit("no finite number"))
    told = pl.format("'{}' is {}", pl.col("target"), words)
    is_bad = targets.is_not_null() & ~numbers.is_finite().fill_null(False)
    return targets.alias("target").to_frame().select(pl.when(is_bad).then(told).alias("problem")).to_series()


def read(targets: pl.Series) -> Floats:
    """Return the numbers, [N]. Raises DataError where a target is none."""
    numbers = _numbers(targets)
    bad = targets.filter(~numbers.is_finite().fill_null(False))
    if len(bad):
        first = "one is missing" if bad[0] is None else f"'{bad[0]}'"
        raise DataError(
            f"{len(bad)} of {len(targets)} targets {'are' if len(bad) > 1 else 'is'} no finite number, such as {first}. "
            "Mend them in the source, rename them in clean.labels, or choose a task of classes."
        )
    return numbers.to_numpy()


def fit(
    targets: pl.Series,
    *,
    target_scale: Annotated[
        Literal["auto", "linear", "log"],
        Field(description="how the target is learnt: as it is, or by its logarithm; auto: by it where that ends a long tail"),
    ] = "auto",
) -> dict[str, Any]:
    """Return how targets are scaled for the network: scale, mean and std on that scale; and low, high, deviation in their unit.

    >>> fit(pl.Series(["1", "3"]))
    {'scale': 'linear', 'mean': 2.0, 'std': 1.0, 'low': 1.0, 'high': 3.0, 'deviation': 1.0}
    """
    numbers = read(targets)
    if len(numbers) == 0 or numbers.min() == numbers.max():
        held = f"{targets[0]} alone" if len(numbers) else "no number"
        raise DataError(
            f"the train part holds {held}, a target with one value, of which nothing can be learnt. Add other samples."
        )
    scale = _choose(numbers) if target_scale == "auto" else target_scale
    if scale == "log" and numbers.min() <= 0:
        raise DataError(
            f"the target is {numbers.min():g} in {(numbers <= 0).sum()} samples of the train part, but only what is above 0 "
            "has a logarithm. Write `model: {target_scale: linear}`."
        )
    learnt = np.log(numbers) if scale == "log" else numbers
    found = {
        "mean": learnt.mean(),
        "std": learnt.std(),
        "low": numbers.min(),
        "high": numbers.max(),
        "deviation": numbers.std(),
    }
    return {"scale": scale, **{name: float(value) for name, value in found.items()}}


def num_outputs(fitted: dict[str, Any]) -> int:
    """Return how many numbers the model puts out for a sample."""
    return 1


def strata(targets: pl.Series) -> pl.Series:
    """Return for each target what a split keeps in balance, as a list: the range that it is in, of about as many samples.

    Equal targets are in one range, and there are two ranges at least where not all are equal.

    >>> strata(pl.Series(["4", "1", "3", "2.5"])).to_list()
    [['3 to 4'], ['1 to 2.5'], ['3 to 4'], ['1 to 2.5']]
    """
    numbers = _numbers(targets)
    known = int(numbers.is_finite().sum())
    num_bins = min(max(known // _PER_BIN, 2), _MOST_BINS)
    table = numbers.alias("number").to_frame().with_columns(pl.when(pl.col("number").is_finite()).then("number"))
    # The middle rank of equal numbers: where there are but two different ones, each is in a half of its own.
    middle = (pl.col("number").rank("average") - 0.5) / max(known, 1)
    table = table.with_columns(range=(middle * num_bins).floor().cast(pl.Int64))
    named = table["range"].replace_strict(_names(table), default="no number", return_dtype=pl.String)
    return named.to_frame("target").select(pl.concat_list("target")).to_series()


def _names(table: pl.DataFrame) -> dict[int, str]:
    """Name the ranges by their ends, with as few digits as keep the names apart."""
    ranges = table.drop_nulls().group_by("range").agg(low=pl.min("number"), high=pl.max("number")).rows()
    for digits in (4, 6, 17):
        names = {index: _named(low, high, digits) for index, low, high in ranges}
        if len(set(names.values())) == len(ranges):
            break
    return names


def _named(low: float, high: float, digits: int) -> str:
    ends = (f"{end:,.0f}" if 10 ** (digits - 1) <= abs(end) < 1e15 else f"{end:.{digits}g}" for end in (low, high))
    return next(ends) if low == high else " to ".join(ends)


def encode(targets: pl.Series, fitted: dict[str, Any]) -> NDArray[np.float32]:
    """Return the targets as the network learns them, of mean 0 and deviation 1 in the train part, [N, 1].

    >>> encode(pl.Series(["3", "1"]), {"scale": "linear", "mean": 2.0, "std": 1.0})
    array([[ 1.],
           [-1.]], dtype=float32)
    """
    numbers = read(targets)
    if fitted["scale"] == "log":  # what is 0 or less in val is no reason to stop: it is held against the least that is answered
        numbers = np.log(np.maximum(numbers, fitted["low"] * math.exp(-_BEYOND)))
    encoded: NDArray[np.float32] = ((numbers - fitted["mean"]) / fitted["std"]).astype(np.float32)[:, None]
    return encoded


def class_weights(targets: pl.Series, fitted: dict[str, Any]) -> NDArray[np.float32]:
    """Raise ConfigError: there is no class that could weigh more."""
    raise ConfigError(
        "train.class_weights is for classes, but the target is a number. Leave it away; `train: {sampling: balanced}` shows "
        "rare ranges of the target as often as common ones."
    )


def sample_weights(targets: pl.Series, fitted: dict[str, Any]) -> NDArray[np.float32]:
    """Return how often each sample is drawn, [N], where ten equally wide ranges of the target are to be drawn as often."""
    encoded = encode(targets, fitted)[:, 0]
    edges = np.linspace(encoded.min(), encoded.max(), _MOST_BINS + 1)[1:-1]
    bins = np.searchsorted(edges, encoded, side="right")
    counts = np.bincount(bins, minlength=_MOST_BINS)
    weights: NDArray[np.float32] = (len(targets) / ((counts > 0).sum() * counts[bins])).astype(np.float32)
    return weights


def score(outputs: "Tensor", encoded: "Tensor") -> "dict[str, Tensor]":
    """Return what a person watches during training: R2 on the scale that is learnt, by the variance of the train part."""
    return {"r2": 1 - ((outputs - encoded) ** 2).mean()}


def activation(fitted: dict[str, Any]) -> "nn.Module":
    """Return what turns outputs [B, 1] into numbers [B, 1] in the unit of the target."""
    import torch
    from torch import nn

    class Unscaled(nn.Module):
        def forward(self, outputs: torch.Tensor) -> torch.Tensor:
            numbers: torch.Tensor = outputs * fitted["std"] + fitted["mean"]
            if fitted["scale"] == "linear":
                return numbers
            low, high = math.log(fitted["low"]), math.log(fitted["high"])
            return numbers.clamp(low - _BEYOND, high + _BEYOND).exp()

    return Unscaled()


def calibration(fitted: dict[str, Any]) -> "nn.Module | None":
    """Return None: a number stays as it was learnt."""
    return None


def agreement(
    expected: NDArray[np.floating[Any]], found: NDArray[np.floating[Any]], fitted: dict[str, Any]
) -> tuple[float, float]:
    """Return the largest difference of two answers [N, 1], in deviations of the target, and the share of those below 0.001.

    An answer that is not finite differs by 1.
    """
    apart = np.abs(expected.astype(np.float64) - found) / fitted["deviation"]
    apart = np.where(np.isfinite(apart), apart, 1.0)
    return float(apart.max()), float((apart < _AGREEING).all(axis=1).mean())


def describe() -> str:
    """Say how the model's answer is read."""
    return "one number, in the unit of the target"


def answers(outputs: NDArray[np.floating[Any]], fitted: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what `predictions` does as one dictionary a sample.

    >>> answers(np.array([[0.25], [2.0]]), {})
    [{'prediction': 0.25}, {'prediction': 2.0}]
    """
    return [{"prediction": number} for number in outputs.astype(np.float64).reshape(-1).tolist()]


def predictions(outputs: NDArray[np.floating[Any]], fitted: dict[str, Any]) -> pl.DataFrame:
    """Return one row a sample: prediction."""
    return pl.DataFrame({"prediction": pl.Series(outputs.astype(np.float64).reshape(-1), dtype=pl.Float64)})


def goodness(outputs: NDArray[np.floating[Any]], targets: pl.Series, fitted: dict[str, Any]) -> float:
    """Return the one number by which two models of a pipeline are compared, 1 at best: R2 by the deviation in the train part.

    >>> goodness(np.array([[1.0], [4.0]]), pl.Series(["1", "3"]), {"deviation": 1.0})
    0.5
    """
    errors = outputs.astype(np.float64).reshape(-1) - read(targets)
    return float(1 - np.mean(errors**2) / fitted["deviation"] ** 2)


def learnt(numbers: Floats, fitted: dict[str, Any]) -> Floats:
    """Return numbers of any shape on the scale that is learnt, which is not the unit of the target where that is `log`.

    What has no logarithm is infinitely far below all that has one.
    """
    if fitted["scale"] == "linear":
        return numbers
    found: Floats = np.log(numbers, out=np.full(numbers.shape, -np.inf), where=numbers > 0)
    return found


def unlearnt(scaled: Floats, fitted: dict[str, Any]) -> Floats:
    """Return what `learnt` was made of."""
    return scaled if fitted["scale"] == "linear" else np.exp(scaled)


def checks(kept: pl.Series) -> list[Check]:
    """Return a check of the targets that are left: an error where all are equal, a warning about what looks like a slip."""
    numbers = read(kept)
    if len(numbers) and numbers.min() == numbers.max():
        detail = f"All {len(numbers)} samples have the target {kept[0]}: there is nothing to learn. Add samples of another one."
        return [Check("target_values", passed=False, value=1, threshold=2, detail=detail)]
    found = [told for told in (_few_values(numbers), _cap(numbers), _outliers(numbers)) if told] if len(numbers) else []
    return [Check("target_values", not found, len(found), 0, "warning", " ".join(found))]


def _few_values(numbers: Floats) -> str | None:
    different = len(np.unique(numbers))
    if different >= _FEW_VALUES or len(numbers) < _PER_BIN * different:
        return None
    return f"There are only {different} different targets: if they are names rather than amounts, choose a task of classes."


def _cap(numbers: Floats) -> str | None:
    values, counts = np.unique(numbers, return_counts=True)
    value, share = values[counts.argmax()], counts.max() / len(numbers)
    if len(values) < _FEW_VALUES or share <= _CAP:
        return None
    where = {values[0]: ", the smallest", values[-1]: ", the largest"}.get(value, "")
    return f"{100 * share:.0f} % of all targets are {value:.10g}{where}: is that a cap, or a mark of what is missing?"


def _outliers(numbers: Floats) -> str | None:
    """Look on the scale that would be learnt: there a long tail is no slip."""
    scaled = np.log(numbers) if _choose(numbers) == "log" else numbers
    low, middle, high = np.quantile(scaled, [0.25, 0.5, 0.75])
    distance = np.abs(scaled - middle)
    is_far = distance > _OUTLYING * (high - low)
    if high == low or not is_far.any():
        return None
    return (
        f"{is_far.sum()} target{'s are' if is_far.sum() > 1 else ' is'} far from all others, such as "
        f"{numbers[distance.argmax()]:.10g} where a half lies between {np.quantile(numbers, 0.25):.6g} and "
        f"{np.quantile(numbers, 0.75):.6g}: mend or remove what is a slip, since squared errors follow it."
    )


def _numbers(targets: pl.Series) -> pl.Series:
    return targets.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)


def _choose(numbers: Floats) -> str:
    """Choose the scale on which the numbers are less skewed, and the linear one where they have no long tail."""
    if numbers.min() <= 0:
        return "linear"
    skewness = abs(_skewness(numbers))
    return "log" if skewness > _LONG_TAIL and abs(_skewness(np.log(numbers))) < skewness else "linear"


def _skewness(numbers: Floats) -> float:
    centred = numbers - numbers.mean()
    deviation = float(np.sqrt((centred**2).mean()))
    return float(((centred / deviation) ** 3).mean()) if deviation > 0 else 0.0
