"""Experiments as one HTML page that needs nothing else."""

from dl_assets.operations.experiments.findings import Findings, text
from dl_assets.operations.experiments.words import APPLY, cells, columns, compared, notes
from dl_assets.pages.html import page

CAPTIONS = {
    "parameters": "Above, each dot is an experiment, measured on val; below, the same on test, with 95 % intervals. The dashed "
    "line is the workspace; the best by val is orange.",
    "curves": "The score of val after each epoch, the better the darker. The best is orange, the workspace dashed.",
}


def render(findings: Findings, figures: dict[str, bytes]) -> str:
    """Return the page. Whatever comes from the pipeline file is escaped."""
    return page(
        "dl_assets.operations.experiments",
        "page.html.j2",
        findings=findings,
        sentence=sentence(findings),
        notes=notes(findings),
        columns=columns(findings),
        rows=[(row, cells(findings, row)) for row in findings.rows],
        workspace=cells(findings, findings.workspace) if findings.workspace else None,
        figures=figures,
        apply=APPLY.format(name=findings.best.name) if findings.best else "",
        captions=CAPTIONS,
    )


def sentence(findings: Findings) -> str:
    """Say in a sentence or two what was found."""
    count = f"{len(findings.rows)} experiment{'s' * (len(findings.rows) != 1)}"
    best = findings.best
    if best is None or findings.val_metric not in best.val:
        return f"{count}, and none came to its end." if findings.rows else "There is no experiment yet."
    changed = ", ".join(f"{place} {text(best.values[place])}" for place in findings.places if place in best.values)
    found = f"Of {count}, {best.name} is the best on val: {findings.val_metric} {best.val[findings.val_metric]:.4g}"
    gain = findings.gain(best)
    beside = "" if gain is None else f", {compared(gain)} than the workspace" if gain else ", the same as the workspace"
    return f"{found}{beside}{f' ({changed})' if changed else ''}."
