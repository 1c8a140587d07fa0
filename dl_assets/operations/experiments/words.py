"""The cells of the table of experiments, as the terminal and the page show them."""

from dl_assets.operations.experiments.findings import Findings, Row, text

_RANKED = (
    "Ranked by the val part. The test part is there to be looked at once, for the one that you choose: who chooses by it "
    "overfits to it, and the best of many is a little too good on val as well."
)
_OTHER_DATA = (
    "These experiments differ in what makes the samples (source, clean or split), so they are not measured on the same ones; "
    "differences between them may come from that alone."
)
ADOPT = "dl experiments {pipeline} --adopt {name}  (writes its values into the pipeline file; then dl run {pipeline})"
APPLY = (
    "dvc exp apply {name}  (all files as they were when it ran). Commit everything first: DVC puts uncommitted edits aside, "
    "and deletes what Git ignores in a folder that has no committed file, which may be your raw data in data/incoming"
)
_NONE = "-"


def notes(findings: Findings) -> list[str]:
    """Return what is to be kept in mind when one is chosen."""
    return [_RANKED, *([_OTHER_DATA] if findings.has_other_data else [])]


def columns(findings: Findings) -> list[tuple[str, bool]]:
    """Return the titles, and whether what is below them are numbers."""
    return [
        ("name", False),
        *((place, False) for place in findings.places),
        (findings.val_metric, True),
        ("better by", True),
        (f"test {findings.metric} (95 %)", True),
        ("trained", True),
    ]


def cells(findings: Findings, row: Row) -> list[str]:
    """Return what stands in each column."""
    gain, value = findings.gain(row), row.val.get(findings.val_metric)
    return [
        row.name,
        *(text(row.values[place]) if place in row.values else "default" for place in findings.places),
        "failed" if row.reason is not None else _NONE if value is None else f"{value:.4f}",
        _NONE if gain is None or row is findings.workspace else f"{gain:+.4f}",
        _test(findings, row.test.get(findings.metric)),
        _NONE if row.seconds is None else f"{row.seconds:.0f} s",
    ]


def short_names(places: list[str]) -> dict[str, str]:
    """Return the last word of each place, where no other ends in the same.

    >>> short_names(["train.learning_rate", "train.loss.name", "model.name"])
    {'train.learning_rate': 'learning_rate', 'train.loss.name': 'train.loss.name', 'model.name': 'model.name'}
    """
    last = [place.rpartition(".")[2] for place in places]
    return {place: end if last.count(end) == 1 else place for place, end in zip(places, last, strict=True)}


def _test(findings: Findings, found: dict[str, float] | None) -> str:
    if found is None:
        return _NONE
    show = findings.headline.show
    return f"{show(found['value'])} ({show(found['low'])} to {show(found['high'])})" if "low" in found else show(found["value"])


def compared(gain: float) -> str:
    """Say how much better or worse.

    >>> compared(0.0123), compared(-0.5)
    ('0.0123 better', '0.5 worse')
    """
    return f"{abs(gain):.3g} {'better' if gain > 0 else 'worse'}"
