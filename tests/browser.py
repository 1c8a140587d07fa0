"""Opens a page in Debian's Chromium, where that is installed, and tells what it shows and what it complains of."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
_LOOK = """
<script>
addEventListener("load", () => parent.postMessage({
  pictures: [...document.images].map(one => [one.alt, one.naturalWidth, Math.round(one.getBoundingClientRect().width)]),
  width: document.documentElement.scrollWidth,
  text: document.body.innerText.length,
}, "*"));
</script>
"""
# A window is never narrower than 500 px, a frame may be.
_FRAME = """
<!doctype html>
<script>
addEventListener("message", event => { document.body.textContent = "SEEN" + JSON.stringify(event.data) + "NEES" });
</script>
<body><iframe src="page.html" style="width: {width}px; height: 900px; border: 0"></iframe></body>
"""


@dataclass(frozen=True)
class Seen:
    """`pictures` has alt text, own width and shown width of every picture in px; `width` is that of the whole page."""

    pictures: list[tuple[str, int, int]]
    width: int
    text: int
    complaints: list[str]


def look_at(page: str, folder: Path, *, width: int) -> Seen:
    """Open a copy of the page, with a script that looks at it, in a frame of this width. Skips where there is no browser."""
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip(f"no browser is installed ({', '.join(NAMES)})")
    (folder / "page.html").write_text(page.replace("</body>", f"{_LOOK}</body>"), encoding="utf-8")
    (folder / "frame.html").write_text(_FRAME.replace("{width}", str(width)), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=10000"]
    command += [f"--user-data-dir={folder / 'profile'}", "--window-size=1600,900", "--dump-dom"]
    told = subprocess.run(
        [*command, (folder / "frame.html").as_uri()], capture_output=True, text=True, timeout=120, check=True, env=os.environ
    )
    found: dict[str, Any] = json.loads(
        re.search(r"SEEN(\{.*\})NEES", told.stdout)[1].replace("&lt;", "<").replace("&amp;", "&")
    )
    pictures = [(str(alt), int(own), int(shown)) for alt, own, shown in found["pictures"]]
    return Seen(pictures, found["width"], found["text"], [line for line in told.stderr.splitlines() if "CONSOLE" in line])
