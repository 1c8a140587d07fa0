"""The report of a study, as one HTML page that needs nothing else."""

from typing import Any

from dl_assets.operations.tuning.figures import CAPTIONS, figures
from dl_assets.operations.tuning.findings import Findings
from dl_assets.pages.html import page
from dl_assets.problems import shown


def render(findings: Findings) -> str:
    """Return the page. Whatever comes from the pipeline file is escaped."""
    return page(
        "dl_assets.operations.tuning",
        "page.html.j2",
        findings=findings,
        sentence=sentence(findings),
        cards=_cards(findings),
        values=[
            (name, text(now), text(findings.best.values[name] if findings.best else None))
            for name, now in findings.present_values.items()
        ],
        figures=figures(findings),
        captions=CAPTIONS,
        names=[dimension.name for dimension in findings.search.dimensions],
        rows=[(row, [text(row.values.get(name)) for name in findings.present_values]) for row in findings.rows],
    )


def sentence(findings: Findings) -> str:
    """Say in one or two sentences what was found."""
    counted = sum(row.state != "killed" for row in findings.rows)
    if findings.best is None:
        return f"None of {counted} trials came to its end, so there is nothing to choose from."
    best = f"Of {counted} trials, number {findings.best.number} is the best: {findings.metric} {findings.best.value:.4g}"
    if findings.present is None:
        return f"{best}. The values that the pipeline has now are outside of the search space, so they were not tried."
    if findings.present.number == findings.best.number:
        return f"{best}, with the values that the pipeline has already."
    return f"{best}, where the values that the pipeline has now give {findings.present.value:.4g}."


def text(value: Any) -> str:
    """Return a value as a table shows it.

    >>> text(0.003), text("light"), text([{"Blur": None}]), text(None)
    ('0.003', 'light', '[{"Blur": null}]', 'none')
    """
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else value if isinstance(value, str) else shown(value)


def _cards(findings: Findings) -> list[tuple[str, str, str]]:
    """Return name, value and meaning of the numbers at the top."""
    counts = ", ".join(f"{count} {state}" for state, count in findings.counts.items())
    options = findings.search.options
    how = f"{options.sampler} search, {options.pruner if options.pruner != 'none' else 'no'} pruning"
    cards = [
        ("Trials", str(len(findings.rows)), counts),
        ("Time", _duration(findings.seconds), f"of all trials together; {how}"),
    ]
    if findings.best is None:
        return cards
    metric = findings.metric.replace("_", " ")
    best = (f"Best {metric}", f"{findings.best.value:.4g}", f"trial {findings.best.number}, epochs: {findings.best.epochs}")
    scores = [
        (f"Its {name.replace('_', ' ')}", f"{score:.4g}", "in the epoch that was kept")
        for name, score in findings.best.scores.items()
        if name != findings.metric
    ]
    return [best, *scores, *cards]


def _duration(seconds: float) -> str:
    """Return a time in words.

    >>> _duration(81.2), _duration(200), _duration(7300)
    ('81 s', '3 min', '2 h 2 min')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
