"""What a user does in the browser: materialises a pipeline from its graph, watches the run, and looks at the ROC curve.

`make screenshots` runs it for the pictures of the README.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import NAMES
from playwright.sync_api import Page, expect, sync_playwright
from webserver import Webserver, opened
from workspace import Workspace, copy_of

pytestmark = pytest.mark.timeout(600)
SLOW = 240_000  # ms in which a run has ended


@pytest.fixture(scope="module")
def server(ran_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webserver]:
    """The evaluation has to be done anew, and what comes after it."""
    workspace = copy_of(ran_once, tmp_path_factory.mktemp("browser") / "w")
    workspace.edit_pipeline("digits", "bootstrap_samples: 100", "bootstrap_samples: 101")
    with opened(workspace) as found:
        yield found


@pytest.fixture
def page(server: Webserver) -> Iterator[Page]:
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip(f"no browser is installed ({', '.join(NAMES)})")
    with sync_playwright() as playwright:
        opened_browser = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        page = opened_browser.new_page(viewport={"width": 1500, "height": 950}, base_url=server.address)
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        yield page
        opened_browser.close()


def test_a_run_is_started_from_the_graph_watched_and_its_roc_curve_seen(page: Page, server: Webserver, tmp_path: Path) -> None:
    screenshots = Path(os.environ.get("SCREENSHOTS", tmp_path))
    page.goto("/locations/dl_assets/asset-groups/digits/lineage")
    for artifact in ("raw", "clean", "parts", "augmented", "model", "evaluation", "exported"):
        expect(page.get_by_text(artifact, exact=True).first).to_be_visible()
    page.get_by_role("button", name="Materialize all").click()
    link = page.locator("a[href*='/runs/']").first  # of the message that says that the run was launched
    run = str(link.get_attribute("href"))
    link.click()

    expect(page).to_have_url(re.compile(re.escape(run)))
    expect(page.get_by_text(re.compile("digits__evaluate")).first).to_be_visible()
    expect(page.get_by_text("Success", exact=True).first).to_be_visible(timeout=SLOW)
    page.screenshot(path=screenshots / "run.png")
    assert server.status(run.rpartition("/")[2]) == "SUCCESS"

    page.goto("/assets/digits/evaluation")
    row = page.get_by_role("row").filter(has_text="roc_curve")
    row.get_by_text("Show Markdown").click()
    picture = page.get_by_role("img", name="roc_curve")
    expect(picture).to_be_visible()
    assert picture.evaluate("one => one.naturalWidth") > 400
    page.screenshot(path=screenshots / "roc-curve.png")
