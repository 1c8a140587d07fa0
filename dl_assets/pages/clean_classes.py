"""How large the classes of cleaned data are."""

import polars as pl

from dl_assets.pages.canvas import INK, KEPT, LINE, REJECTED, Canvas, length
from dl_assets.pages.scales import Scale, tell

MAX_BARS, MAX_NAME = 40, 20
_WIDTH, _TOP = 500, 34


def count_classes(kept: pl.Series, rejected: pl.Series) -> pl.DataFrame:
    """Return target, kept and rejected of each class, largest first."""
    counts = [
        targets.drop_nulls().alias("target").value_counts(name=name)
        for name, targets in (("kept", kept), ("rejected", rejected))
    ]
    table = (
        counts[0].join(counts[1], on="target", how="full", coalesce=True).with_columns(pl.col("kept", "rejected").fill_null(0))
    )
    return table.sort("kept", "target", descending=[True, False])


def class_balance(classes: pl.DataFrame, min_class_size: int | None) -> Canvas:
    """One bar for each class; of more than 40 classes the 20 largest and the 20 smallest."""
    title = f"{len(classes):,} classes" if len(classes) != 1 else "One class"
    if len(classes) > MAX_BARS:
        classes = pl.concat([classes.head(MAX_BARS // 2), classes.tail(MAX_BARS // 2)])
        title += f": the {MAX_BARS // 2} largest and the {MAX_BARS // 2} smallest"
    names = [class_name(name) for name in classes["target"]]
    row = max(20.0, min(44.0, 250 / len(names)))
    bottom = _TOP + row * len(names) + 4
    canvas = Canvas(_WIDTH, round(bottom) + 48)
    most = max(1, *(classes["kept"] + classes["rejected"]).to_list())
    left, right = 12 + max(map(length, names)), _WIDTH - 24 - length(tell(most))
    scale = Scale(0, max(most, min_class_size or 0))
    for tick in scale.ticks(5):
        if tick == int(tick):
            x = scale.place(tick, left, right)
            canvas.bar(x - 0.5, _TOP, x + 0.5, bottom, LINE)
            canvas.words(x, bottom + 4, tell(tick), "ma")
    for index, (name, kept, rejected) in enumerate(zip(names, classes["kept"], classes["rejected"], strict=True)):
        top, middle = _TOP + row * (index + 0.14), _TOP + row * (index + 0.5)
        end, all_end = scale.place(kept, left, right), scale.place(kept + rejected, left, right)
        canvas.bar(left, top, end, top + 0.72 * row, KEPT)
        canvas.bar(end, top, all_end, top + 0.72 * row, REJECTED)
        canvas.words(left - 6, middle, name, "rm")
        canvas.words(all_end + 5, middle, f"{kept:,}", "lm", colour=INK)
    if min_class_size is not None:
        canvas.dashes(scale.place(min_class_size, left, right), _TOP, bottom)
    canvas.words(0, 4, title, "la", size=14, colour=INK, bold=True)
    canvas.legend(f"min_class_size {min_class_size}" if min_class_size is not None else None)
    return canvas


def class_name(name: str) -> str:
    """Cut the middle out of a long name, and show spaces that would not be seen.

    >>> class_name("a class with a very long name"), class_name("cat ")
    ('a class with…ng name', '“cat ”')
    """
    line = name.replace("\n", " ")
    line = line if len(line) <= MAX_NAME else f"{line[: MAX_NAME - 8]}…{line[-7:]}"
    return line if name == name.strip() else f"“{line}”"
