"""Samples whose target a model that has not seen them finds very unlikely."""

from typing import Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from dl_assets import registry
from dl_assets.artifacts.shards import Arrays
from dl_assets.checks._cleanlab import require_cleanlab
from dl_assets.checks._features import features

_FOLDS = 5
_SEED = 17
# Strong regularisation: the probabilities of a weak model must not be sure of anything.
_INVERSE_PENALTY = 0.01


@registry.check(default="off")
def mislabelled(
    samples: pl.DataFrame,
    arrays: Arrays,
    *,
    max_label_confidence: Annotated[
        float, Field(gt=0, lt=1, description="a target that is found less likely than this may be wrong")
    ] = 0.05,
) -> pl.DataFrame:
    """Find likely wrong targets by cross-validated confidence (cleanlab; Northcutt, Jiang and Chuang 2021).

    `samples` has id, target and cluster (near duplicates are never on both sides); a row of the result is id and detail.
    A softmax regression on `_features` answers each sample from the other four fifths. Classes of fewer than 10 samples
    are neither judged nor learnt from, for there is too little to learn. Where 5 % of the targets were exchanged at random,
    it found 0.82 to 0.94 of them among scikit-learn's digits, and nothing else. Among photos so simple a model knows less:
    of 6,000 of cifar10 it found 0.56 to 0.65, four of ten findings being right; of cats_dogs none, for it is sure of nothing.
    """
    require_cleanlab("mislabelled")
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    judged = np.flatnonzero((samples.select(pl.len().over("target")).to_series() >= 2 * _FOLDS).to_numpy())
    names, targets = np.unique(samples["target"].to_numpy()[judged].astype(str), return_inverse=True)
    if len(names) < 2:
        return pl.DataFrame(schema={"id": pl.String, "detail": pl.String})
    inputs = features(arrays, judged, seed=_SEED)
    clusters = samples["cluster"].rank("dense").to_numpy()[judged]
    confidence = _cross_validated(inputs, targets, clusters, len(names))
    quality = get_label_quality_scores(targets, confidence)
    issues = find_label_issues(targets, confidence, filter_by="predicted_neq_given", n_jobs=1) & (
        quality < max_label_confidence
    )
    places = np.flatnonzero(issues)
    places = places[np.argsort(quality[places], kind="stable")]
    return pl.DataFrame(
        {
            "id": samples["id"].gather(judged[places]),
            "detail": [_detail(names, int(targets[place]), confidence[place], max_label_confidence) for place in places],
        },
        schema={"id": pl.String, "detail": pl.String},
    )


def _cross_validated(
    inputs: NDArray[np.float32], targets: NDArray[np.int64], clusters: NDArray[np.int64], num_classes: int
) -> NDArray[np.float64]:
    """Return [N, classes]: the confidence of a model that has seen neither the sample nor its near duplicates."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    confidence = np.zeros((len(targets), num_classes))
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=_SEED)
    for seen, unseen in folds.split(inputs, targets, clusters):
        model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=300).fit(inputs[seen], targets[seen])
        confidence[unseen[:, None], model.classes_] = model.predict_proba(inputs[unseen])
    return confidence


def _detail(names: NDArray[np.str_], target: int, confidence: NDArray[np.float64], limit: float) -> str:
    likely = int(confidence.argmax())
    return (
        f"looks like {str(names[likely])!r} ({confidence[likely]:.2f}), and {str(names[target])!r} has "
        f"{confidence[target]:.3f} (max_label_confidence is {limit:g})"
    )
