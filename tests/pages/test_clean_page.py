"""The page of the clean stage stands alone, is safe whatever the files are called, stays small, and shows the worst."""

import re
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dl_assets.artifacts.report import Check
from dl_assets.artifacts.tables import REASONS
from dl_assets.pages.clean import MAX_SHOWN, MEANINGS, Findings, render

NASTY = "<script>alert(1)</script>.jpg"
OPTIONS = {"min_sharpness": 0.02, "min_side": 8, "min_class_size": 10}


class Dots:
    """Pictures of one colour each, as many as there are samples."""

    def __init__(self, samples: pl.DataFrame) -> None:
        self._rows = samples["row"].to_list()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return np.full((8, 8, 3), self._rows[index], np.uint8)

    def batch(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        return np.stack([self[int(index)] for index in indices])

    @property
    def shape(self) -> tuple[int, ...]:
        return (8, 8, 3)


def one_class(targets: pl.Series) -> pl.Series:
    return targets.to_frame("target").select(pl.concat_list("target")).to_series()


def samples(num: int, *, first: int = 0, **columns: Any) -> pl.DataFrame:
    numbers = pl.int_range(first, first + num, eager=True)
    return pl.DataFrame(
        {"id": numbers.cast(pl.String), "origin": pl.select(pl.format("{}.jpg", numbers)).to_series()}
    ).with_columns(
        target=pl.Series(["cat", "dog"] * num)[:num],
        shard=pl.lit(0, pl.Int64),
        row=numbers % 250,
        width=(64 + numbers % 7).cast(pl.Int64),
        height=pl.lit(48, pl.Int64),
        brightness=pl.lit(0.5),
        contrast=0.1 + (numbers % 11) / 50,
        sharpness=0.01 + (numbers % 13) / 10,
        **{name: value if isinstance(value, pl.Series) else pl.lit(value) for name, value in columns.items()},
    )


@pytest.fixture(scope="module")
def findings() -> Findings:
    no_place = {"shard": pl.Series([None], dtype=pl.Int64), "row": pl.Series([None], dtype=pl.Int64)}
    broken = samples(1, first=200, reason="truncated", detail="cut", other=pl.Series([None], dtype=pl.String))
    broken = broken.with_columns(pl.lit(NASTY).alias("origin"), **no_place, sharpness=pl.lit(None, pl.Float64))
    repeated = samples(2, first=201, reason="near_duplicate", detail="like 0.jpg (distance 3)", other="0")
    return Findings(
        pipeline="pets",
        task="image_classification",
        kept=samples(40),
        rejected=pl.concat([broken, repeated]),
        flagged=samples(
            30,
            first=5,
            reason="blurred",
            detail="sharpness 0.01 (min_sharpness is 0.02)",
            other=pl.Series([None] * 30, dtype=pl.String),
        ),
        checks=[Check("rejected_share", True, 0.07, 0.1), Check("class_size", False, 2, 10, "warning", "Too few: 'Cat' (2).")],
        suggestions=[("Cat<b>", "cat", 2, "the same but for its spelling")],
        options=OPTIONS,
        strata=one_class,
        open_arrays=Dots,
    )


@pytest.fixture(scope="module")
def page(findings: Findings) -> str:
    return render(findings)[0]


def changed(findings: Findings, **values: Any) -> Findings:
    return Findings(**{**vars(findings), **values})


def card(page: str, name: str) -> str:
    return re.search(rf'class="name">{name}</div>\s*<div class="value">(?:<span[^>]*>)?([^<]*)', page)[1]


def section(page: str, reason: str) -> str:
    return page.split(f'<h3 id="{reason}">')[1].split("<h3")[0]


def test_the_page_asks_for_nothing_from_outside(page: str) -> None:
    assert not re.search(r"https?:|<script|<link|@import|url\(", page)
    assert all(source.startswith("data:image/") for source in re.findall(r'src="([^"]*)"', page))


def test_names_from_the_data_are_escaped(page: str) -> None:
    assert NASTY not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.jpg" in page
    assert "Cat<b>" not in page


def test_the_same_findings_give_the_same_bytes(findings: Findings, page: str) -> None:
    assert render(findings)[0] == page


def test_the_counts_are_told(page: str) -> None:
    assert [card(page, name) for name in ("Kept", "Rejected", "Flagged", "Classes", "Checks")] == ["40", "3", "30", "2", "warn"]


@pytest.mark.parametrize(("severity", "verdict"), [("warning", "warn"), ("error", "stop")])
def test_a_failed_check_warns_or_stops(findings: Findings, severity: Any, verdict: str) -> None:
    page, _ = render(changed(findings, kept=findings.kept.clear(), checks=[Check("rejected_share", False, 0.5, 0.1, severity)]))
    assert card(page, "Checks") == verdict


def test_when_all_checks_pass_the_page_says_so(findings: Findings) -> None:
    page, _ = render(changed(findings, kept=findings.kept.clear(), checks=[Check("rejected_share", True, 0.0, 0.1)]))
    assert card(page, "Checks") == "pass"


def test_a_duplicate_stands_beside_what_it_repeats(page: str) -> None:
    shown = section(page, "near_duplicate").split('class="offender"')[1:]
    assert [len(re.findall("<img", one)) for one in shown] == [2, 2]


def test_what_could_not_be_decoded_is_told_without_a_picture(page: str) -> None:
    assert "<img" not in section(page, "truncated")
    assert "cut" in section(page, "truncated")


def test_the_worst_come_first_and_no_more_than_a_dozen(findings: Findings, page: str) -> None:
    origins = re.findall(r'class="origin">(\d+)\.jpg', section(page, "blurred"))
    sharpness = [findings.flagged.filter(id=origin)["sharpness"].item() for origin in origins]
    assert len(origins) == MAX_SHOWN
    assert sharpness == sorted(findings.flagged["sharpness"])[:MAX_SHOWN]


def test_suggested_labels_come_with_the_line_to_write(page: str) -> None:
    assert "labels: {&#34;Cat&lt;b&gt;&#34;: &#34;cat&#34;}" in page


def test_figures_are_those_that_the_columns_allow(findings: Findings) -> None:
    assert set(render(findings)[1]) == {"class_balance", "sizes", "distributions"}
    bare = {
        name: getattr(findings, name).drop("width", "brightness", "contrast", "sharpness")
        for name in ("kept", "rejected", "flagged")
    }
    assert set(render(changed(findings, **bare))[1]) == {"class_balance"}


def test_a_sample_of_several_classes_counts_for_each(findings: Findings) -> None:
    both = findings.kept.with_columns(target=pl.lit("cat,dog")).head(1).drop("width", "brightness", "sharpness")
    bare = changed(
        findings,
        kept=both,
        rejected=findings.rejected.clear(),
        flagged=findings.flagged.clear(),
        strata=lambda t: t.str.split(","),
    )
    assert card(render(bare)[0], "Classes") == "2"


def test_clean_data_has_a_page(findings: Findings) -> None:
    nothing = {"kept": findings.kept.clear(), "rejected": findings.rejected.clear(), "flagged": findings.flagged.clear()}
    page, _ = render(changed(findings, **nothing, suggestions=[]))
    assert "Nothing: every sample is kept" in page


def test_where_nothing_is_kept_there_is_still_a_page(findings: Findings) -> None:
    page, drawn = render(changed(findings, kept=findings.kept.clear()))
    assert card(page, "Kept") == "0"
    assert drawn == {}


def test_pictures_of_one_size_and_no_spread_can_be_drawn(findings: Findings) -> None:
    flat = findings.kept.with_columns(width=48, contrast=0.0, sharpness=0.0)
    _, drawn = render(changed(findings, kept=flat, rejected=findings.rejected.clear(), options={}))
    assert len(drawn) == 3


def test_every_reason_has_a_meaning() -> None:
    assert set(MEANINGS) == set(REASONS)


def test_many_findings_make_a_small_page(findings: Findings) -> None:
    rejected = samples(20_000, reason="odd", detail="far", other=pl.Series([None] * 20_000, dtype=pl.String))
    page, _ = render(changed(findings, kept=findings.kept.clear(), rejected=rejected))
    assert len(page) < 100_000
