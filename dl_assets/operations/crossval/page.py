"""The cross-validation as one HTML page that needs nothing else."""

from typing import Any

from dl_assets.evaluation.headline import Headline
from dl_assets.operations.crossval.summary import SOURCE
from dl_assets.pages.html import page, words

CAPTIONS = {
    "fold_values": "Each dot is a fold, with its number; the line is their mean, the band the 95 % interval of that mean.",
    "learning_curves": "How each fold's training went: on its val samples in colour, the loss on its train samples in grey. "
    "Dots are the epochs that were kept.",
}


def render(result: dict[str, Any], headline: dict[str, Headline], figures: dict[str, bytes]) -> str:
    """Return the page of what crossval.json holds. Whatever comes from the data is escaped."""
    metrics = {name: entry for name, entry in result["metrics"].items() if name != "classes"}
    shown = {name: headline.get(name) or Headline(words(name), "") for name in [*headline, *metrics] if name in metrics}
    return page(
        "dl_assets.operations.crossval",
        "crossval.html.j2",
        result=result,
        sentence=_sentence(result, shown),
        cards=[(headline[name], metrics[name]) for name in headline if name in metrics],
        metrics=[(words_, metrics[name]) for name, words_ in shown.items()],
        classes=_classes(result["metrics"]["classes"]),
        columns=[(name, headline[name]) for name in headline if name in metrics],
        figures=figures,
        captions=CAPTIONS,
        source=SOURCE,
    )


def _sentence(result: dict[str, Any], shown: dict[str, Headline]) -> str:
    name, words_ = next(iter(shown.items()))
    found = result["metrics"][name]
    mean, lowest, highest = (words_.show(found[key]) for key in ("mean", "lowest", "highest"))
    count = f"{result['counts']['samples']:,}"
    return (
        f"Trained {result['folds']} times, each time measured on samples that it had not seen, {count} of them in all: "
        f"{words_.label} is {mean} on average, and between {lowest} and {highest} from fold to fold."
    )


def _classes(classes: dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the classes, lowest mean of F1 first; those that have none go to the end."""
    return sorted(classes.items(), key=lambda item: (item[1].get("f1", {"mean": 2})["mean"], item[0]))
