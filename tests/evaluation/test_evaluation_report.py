"""The page stands alone, is safe whatever the classes are called, and is the same every time."""

import re
from typing import Any

import polars as pl

from dl_assets.evaluation.gallery import Gallery
from dl_assets.evaluation.report import Findings, render
from dl_assets.pages import style

NASTY = '<b>&"bold"</b>'


def changed(findings: Findings, **values: Any) -> Findings:
    return Findings(**{**vars(findings), **values})


def test_the_page_asks_for_nothing_from_outside(findings: Findings) -> None:
    page = render(findings)
    assert not re.search(r"https?:|<script|<link|@import|url\(", page)
    assert all(source.startswith("data:image/png;base64,") for source in re.findall(r'src="([^"]*)"', page))


def test_names_from_the_data_are_escaped(findings: Findings) -> None:
    for page in (render(findings), render(changed(findings, pictures={}))):
        assert NASTY not in page
        assert "&lt;b&gt;&amp;&#34;bold&#34;&lt;/b&gt;" in page
        assert "<script>" not in page


def test_the_same_findings_give_the_same_bytes(findings: Findings) -> None:
    assert render(findings) == render(findings)


def test_what_differs_from_run_to_run_is_not_on_the_page(findings: Findings) -> None:
    assert render(findings) == render(changed(findings, card={**findings.card, "seconds": 99.0}))


def test_rejected_samples_are_counted_by_reason(findings: Findings) -> None:
    rows = re.findall(r"rejected: ([a-z ]+)</th><td class=\"number\">(\d+) samples", render(findings))
    assert rows == [("truncated", "2"), ("too small", "1")]


def test_the_gallery_shows_no_more_mistakes_than_asked_for(findings: Findings) -> None:
    assert render(changed(findings, galleries=[])).count('class="mistake"') == 5


def test_without_pictures_the_mistakes_are_a_table(findings: Findings) -> None:
    page = render(changed(findings, pictures={}))
    assert 'class="mistake"' not in page
    assert findings.mistakes["id"][0] in page


def test_a_model_without_mistakes_is_said_to_have_none(findings: Findings) -> None:
    perfect = changed(findings, mistakes=findings.mistakes.clear(), num_mistakes=0, galleries=[], pictures={})
    assert "None: every sample of val and test" in render(perfect)


def test_a_gallery_stands_below_its_title(findings: Findings) -> None:
    page = render(findings)
    assert "<h3>dog taken for fish</h3>" in page and page.count('class="mistake"') == 7


def test_a_gallery_of_pictures_is_left_out_where_there_are_none(findings: Findings) -> None:
    gallery = Gallery("dog taken for fish", "Both swim.", findings.mistakes.head(2), only_pictures=True)
    page = render(changed(findings, galleries=[gallery], pictures={}))
    assert "dog taken for fish" not in page


def test_a_figure_that_is_wide_has_the_width_of_the_page(findings: Findings) -> None:
    narrow, wide = (style.png(style.blank(width, 2)) for width in (6, 10))
    page = render(changed(findings, figures={"narrow": narrow, "wide": wide}, panels=[]))
    assert page.count('<figure class="large">') == 1 and page.count("<figure>") == 1


def test_a_panel_shows_its_note_its_figures_and_its_table_with_numbers_to_the_right(findings: Findings) -> None:
    page = render(findings)
    assert "<h2>Columns</h2>" in page and "Which matter." in page and 'alt="columns"' in page
    assert '<th class="number">loss</th>' in page and '<td class="number">0.5</td>' in page
    assert "<td>age</td>" in page


def test_a_sample_of_several_labels_is_one_sample_and_counts_for_each(findings: Findings) -> None:
    samples = pl.DataFrame({"part": ["train", "train"], "strata": [["dog", "fish"], ["dog"]]})
    page = render(changed(findings, samples=samples))
    assert '<tr><th>train</th><td class="number">2 samples</td></tr>' in page
    assert re.search(r"<th>dog</th>.*?<td class=\"number\">2</td>", page, re.DOTALL)
