"""The report of `dl monitor` as one HTML page that needs nothing else, with its figures beside it for Dagster."""

from pathlib import Path
from typing import Any

import polars as pl

from dl_assets.operations.monitoring.figures import figures
from dl_assets.pages.html import page

_VERDICTS = {"steady": "Nothing has drifted", "drift": "There is drift", "too_few": "Too few predictions to say"}
_METHODS = {
    "ks": "Kolmogorov-Smirnov distance",
    "psi, chi2": "population stability index, chi-squared test",
    "mmd": "maximum mean discrepancy, by permutation",
    "fisher": "difference of the shares, Fisher's exact test",
    "bootstrap": "loss against the test part, 95 % by bootstrap",
}
_CAPTIONS = {
    "distributions": "What the model was judged by, and what it is asked now, as shares; what moved most comes first.",
    "embedding": "What the network makes of the pictures: the two directions in which the samples that judged it differ most.",
    "series": "How far each measure was from the reference, a part of the log at a time. Above the dashed line it is beyond "
    "its limit; whether that is more than chance is asked of the latest window only.",
}


def write_report(
    folder: Path, told: dict[str, Any], *, reference: pl.DataFrame, window: pl.DataFrame, series: pl.DataFrame
) -> None:
    """Write monitor.html and its figures; the frames have the columns that are compared."""
    drawn = figures(told, reference, window, series)
    for name, png in drawn.items():
        (folder / f"{name}.png").write_bytes(png)
    (folder / "monitor.html").write_text(render(told, drawn), encoding="utf-8")


def render(told: dict[str, Any], drawn: dict[str, bytes]) -> str:
    """Return the page. Whatever comes from the data is escaped."""
    return page(
        "dl_assets.operations.monitoring",
        "page.html.j2",
        told=told,
        title=_VERDICTS[told["verdict"]],
        tests=sorted(told["tests"], key=lambda test: (not test["drifted"], -test["statistic"] / test["limit"])),
        methods=_METHODS,
        figures=drawn,
        captions=_CAPTIONS,
    )
