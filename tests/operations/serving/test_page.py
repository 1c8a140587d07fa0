"""What a user does on the page of `dl serve`: drops a picture, reads the answer, tells the right one."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import NAMES
from operations.serving.champions import grey, write_old
from operations.serving.test_process import Process
from playwright.sync_api import Page, expect, sync_playwright

from dl_assets.operations.feedback import read_feedback

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def page() -> Iterator[Page]:
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip(f"no browser is installed ({', '.join(NAMES)})")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        page = opened.new_page(viewport={"width": 800, "height": 900})
        page.on("pageerror", lambda error: pytest.fail(f"the page has an error: {error}"))
        yield page
        opened.close()


def test_a_picture_is_answered_and_the_right_answer_is_kept(pets: Path, page: Page, tmp_path: Path) -> None:
    server = Process(tmp_path)
    try:
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.locator("#file").set_input_files({"name": "rex.png", "mimeType": "image/png", "buffer": grey(204, (80, 60))})
        expect(page.locator(".prediction")).to_have_text("dog")
        page.get_by_label("The right answer").select_option("cat")
        page.get_by_role("button", name="Tell").click()
        expect(page.locator("output")).to_have_text("Kept: cat")
        page.screenshot(path=Path(os.environ.get("SCREENSHOTS", tmp_path), "serve.png"))
        told = read_feedback(pets / "feedback")
        assert told["target"].to_list() == ["cat"] and told["id"][0] in page.locator(".id").inner_text()
    finally:
        server.process.kill()
        server.process.wait()
    page.get_by_role("button", name="Tell").click()
    expect(page.locator("output")).to_have_class("error")


def test_a_row_is_filled_in_and_its_right_answer_kept(page: Page, tmp_path: Path) -> None:
    write_old(tmp_path / "data/people/champion")
    server = Process(tmp_path, "people")
    try:
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.get_by_label("age").fill("90")
        page.get_by_label("city").fill("Ulm")
        page.get_by_role("button", name="Predict").click()
        expect(page.locator(".prediction")).to_have_text("yes")
        page.get_by_label("The right answer").select_option("no")
        page.get_by_role("button", name="Tell").click()
        expect(page.locator("output")).to_have_text("Kept: no")
        page.screenshot(path=Path(os.environ.get("SCREENSHOTS", tmp_path), "serve-row.png"))
        assert read_feedback(tmp_path / "data/people/feedback")["target"].to_list() == ["no"]
    finally:
        server.process.kill()
        server.process.wait()
