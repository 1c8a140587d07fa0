"""A download arrives whole and unchanged, or not at all, however often the connection breaks."""

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from web import Web

from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError, Outage
from dl_assets.sources import download
from dl_assets.sources._files import transfer

FETCH = "import sys; from dl_assets.sources._files.transfer import fetch; print(fetch(*sys.argv[1:]))"


def make_zip(size: int = 50_000) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("cat/1.jpg", "dog/1.jpg"):
            archive.writestr(name, os.urandom(size))
    return file.getvalue()


@pytest.fixture
def content(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """An archive of 100 kB on the server, and the project's folder to download to."""
    content = make_zip()
    (web.root / "set.zip").write_bytes(content)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return content


def options(web: Web, content: bytes) -> dict[str, str]:
    return {"url": f"{web.url}/set.zip", "sha256": hashlib.sha256(content).hexdigest(), "licence": "CC0, Nobody"}


def kept(content: bytes) -> Path:
    return Path("data/incoming/.downloads") / f"{hashlib.sha256(content).hexdigest()}.zip"


def test_an_archive_is_fetched_once_and_read(web: Web, content: bytes) -> None:
    samples = [(s.origin, s.target, len(s.read())) for s in download.download(**options(web, content))]
    assert samples == [("cat/1.jpg", "cat", 50_000), ("dog/1.jpg", "dog", 50_000)]
    assert download.download(**options(web, content)).description == {
        "kind": "download",
        "uri": f"{web.url}/set.zip",
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "CC0, Nobody",
        "num_samples": 2,
        "skipped_files": 0,
    }
    assert web.asked == [None]
    assert kept(content).read_bytes() == content
    assert download.watched(**options(web, content)) == ()


def test_a_broken_transfer_is_resumed_where_it_broke(web: Web, content: bytes) -> None:
    web.cuts = [30_000, 50_000]
    download.download(**options(web, content))
    assert web.asked == [None, "bytes=30000-", "bytes=80000-"]
    assert kept(content).read_bytes() == content


def test_a_server_that_only_knows_whole_files_is_asked_again(web: Web, content: bytes) -> None:
    web.ranges, web.cuts = False, [30_000]
    download.download(**options(web, content))
    assert kept(content).read_bytes() == content


@pytest.mark.parametrize("etags", [('"1"', '"2"'), (None, None)], ids=["told by the server", "told by the hash"])
def test_a_file_that_changes_between_two_connections_is_fetched_from_its_beginning(
    web: Web, content: bytes, etags: tuple[str | None, str | None]
) -> None:
    def change() -> None:
        (web.root / "set.zip").write_bytes(content)
        web.etag = etags[1]

    web.etag = etags[0]
    (web.root / "set.zip").write_bytes(make_zip())
    web.cuts, web.on_cut = [30_000], change
    download.download(**options(web, content))
    assert kept(content).read_bytes() == content


def test_the_next_run_goes_on_where_this_one_ended(web: Web, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_ATTEMPTS", 1)
    web.cuts, web.statuses = [30_000], [200, 503]
    with pytest.raises(Outage, match=r"cannot be downloaded: HTTP Error 503: .* tried 1 times\. .* the next run goes on"):
        download.download(**options(web, content))
    web.statuses = []
    download.download(**options(web, content))
    assert web.asked[-1] == "bytes=30000-"
    assert kept(content).read_bytes() == content


def test_an_old_beginning_that_does_not_fit_is_thrown_away(web: Web, content: bytes) -> None:
    download.download(**options(web, content))
    lock = next(kept(content).parent.glob("*.lock"))
    left = lock.with_suffix(".part")
    for beginning in (b"of an older file", content, content + b"too long"):
        kept(content).unlink()
        left.write_bytes(beginning)
        download.download(**options(web, content))
        assert kept(content).read_bytes() == content
        assert not left.exists()


def test_a_server_that_is_busy_is_asked_again(web: Web, content: bytes) -> None:
    web.statuses = [503, 429]
    download.download(**options(web, content))
    assert len(web.asked) == 3


def test_a_file_that_is_not_there_is_not_asked_for_again(web: Web, content: bytes) -> None:
    with pytest.raises(DataError, match=r"source\.url: http://.*/gone\.zip cannot be downloaded: the server answers 404"):
        download.download(**{**options(web, content), "url": f"{web.url}/gone.zip"})
    assert len(web.asked) == 1


def test_a_server_that_is_not_there_is_named(web: Web, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_ATTEMPTS", 2)
    web.close()
    with pytest.raises(Outage, match=r"cannot be downloaded: .*refused.* tried 2 times"):
        download.download(**options(web, content))


def test_another_hash_is_told_and_the_file_set_aside_under_its_own(web: Web, content: bytes) -> None:
    wrong = {**options(web, content), "sha256": "0" * 64}
    found = hashlib.sha256(content).hexdigest()
    with pytest.raises(DataError, match=rf"source\.sha256: http.*set\.zip has the hash {found}, not 0000.*set aside as"):
        download.download(**wrong)
    assert [file.name for file in kept(content).parent.iterdir() if file.suffix != ".lock"] == [f"{found}.zip"]
    web.close()
    assert len(list(download.download(**options(web, content)))) == 2  # the right hash finds what was set aside


def test_a_kept_file_that_was_changed_is_fetched_again(web: Web, content: bytes) -> None:
    download.download(**options(web, content))
    kept(content).write_bytes(b"somebody was here")
    download.download(**options(web, content))
    assert kept(content).read_bytes() == content


def test_two_processes_at_once_fetch_it_once(web: Web, content: bytes) -> None:
    web.cuts = [30_000]
    command = [sys.executable, "-c", FETCH, options(web, content)["url"], options(web, content)["sha256"]]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == [str(kept(content))] * 2
    assert web.asked == [None, "bytes=30000-"]
    assert kept(content).read_bytes() == content


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("url", "s3://bucket/set.zip", "begins with https:// or http://"),
        ("url", "https://host/a b.zip", "is no address of ASCII characters"),
        ("sha256", "abc", r"is no SHA-256, which has 64 hexadecimal digits\. To get one, run: sha256sum FILE"),
        ("licence", "", "licence"),
        ("licence", None, r"source\.licence"),
    ],
)
def test_the_options_are_checked_before_anything_is_fetched(key: str, value: str | None, message: str) -> None:
    section = {"kind": "download", "url": "https://host/set.zip", "sha256": "0" * 64, "licence": "CC0", key: value}
    document = {"task": "image_classification", "source": {k: v for k, v in section.items() if v is not None}}
    with pytest.raises(ConfigError, match=message):
        Pipeline(Path("pipelines/cats.yaml"), document).source  # noqa: B018 - reading it checks it
