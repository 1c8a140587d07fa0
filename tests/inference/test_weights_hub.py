"""Weights come from a hub, which is a server on this machine here; without one an answer comes at once all the same."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from workspace import free_port

from dl_assets.errors import ConfigError
from dl_assets.inference.weights_hub import download

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does: HEAD and GET of /owner/name/resolve/revision/file."""

    def __init__(self, files: dict[str, bytes], asked: list[str], *arguments: Any) -> None:
        self.files, self.asked = files, asked
        super().__init__(*arguments)

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        self.asked.append(f"{self.command} {self.path}")
        repository, _, rest = self.path.removeprefix("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        if repository != "someone/net":
            self._refuse("RepoNotFound")
        elif revision not in ("main", COMMIT):
            self._refuse("RevisionNotFound")
        elif file not in self.files:
            self._refuse("EntryNotFound")
        else:
            content = self.files[file]
            self.send_response(200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{sha256(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if with_body:
                self.wfile.write(content)

    def _refuse(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    save_file({"fc.weight": torch.ones(2, 2)}, tmp_path / "a.safetensors")
    return {"model.safetensors": (tmp_path / "a.safetensors").read_bytes()}


@pytest.fixture
def hub(files: dict[str, bytes], asked: list[str]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, files, asked))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def ask(name: str, home: Path, address: str, *, offline: bool = False) -> str:
    """What a process says that asks for these weights: the file's path, or the error."""
    code = (
        "import sys; from dl_assets.errors import PipelineError; from dl_assets.inference.weights_hub import download\n"
        "try: print('FILE', download(sys.argv[1]))\n"
        "except PipelineError as error: print(type(error).__name__, error)"
    )
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_") and "proxy" not in key.lower()}
    environment = {**kept, "HF_HOME": str(home), "HF_ENDPOINT": address} | ({} if offline else {"HF_HUB_OFFLINE": "0"})
    result = subprocess.run(
        [sys.executable, "-c", code, name], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return result.stdout.strip()


def test_weights_are_downloaded_once_and_then_used_without_a_network(hub, files, asked, tmp_path):
    first = ask("someone/net", tmp_path, hub)
    assert Path(first.removeprefix("FILE ")).read_bytes() == files["model.safetensors"]
    before = len(asked)
    assert ask("someone/net", tmp_path, hub) == first
    assert ask("someone/net", tmp_path, hub, offline=True) == first
    assert len(asked) == before


def test_a_revision_is_what_is_asked_for(hub, asked, tmp_path):
    assert ask(f"someone/net@{COMMIT}", tmp_path, hub).startswith("FILE ")
    assert {path.split("/resolve/")[1] for path in asked if "/resolve/" in path} == {f"{COMMIT}/model.safetensors"}


def test_a_checkpoint_is_taken_where_there_are_no_safetensors(hub, files, tmp_path):
    files["pytorch_model.bin"] = files.pop("model.safetensors")
    assert ask("someone/net", tmp_path, hub).endswith("pytorch_model.bin")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("someone/nte", "has no 'someone/nte', or not for you"),
        ("someone/net@v9", "has no 'someone/net' of that revision"),
        ("some one/net", "is no name on the hub"),
    ],
)
def test_a_wrong_name_is_told(hub, tmp_path, name, says):
    found = ask(name, tmp_path, hub)
    assert found.startswith("ConfigError ")
    assert says in found


def test_a_repository_without_weights_is_told(hub, files, tmp_path):
    files.clear()
    assert "'someone/net' holds neither model.safetensors nor pytorch_model.bin" in ask("someone/net", tmp_path, hub)


def test_the_network_is_not_asked_unless_it_is_allowed(hub, asked, tmp_path):
    found = ask("someone/net", tmp_path, hub, offline=True)
    assert found.startswith("ConfigError model.weights.hub 'someone/net' (the hub's someone/net) has not been downloaded yet")
    assert "HF_HUB_OFFLINE=0" in found
    assert asked == []


def test_without_a_network_the_error_comes_within_seconds(tmp_path):
    started = time.monotonic()
    found = ask("someone/net", tmp_path, f"http://127.0.0.1:{free_port()}")
    assert found.startswith("PipelineError model.weights.hub 'someone/net' cannot be downloaded from http://127.0.0.1:")
    assert time.monotonic() - started < 20  # of which most is the start of Python; retries alone would take 23


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("resnet18.a1_in1k", r"'resnet18.a1_in1k' \(the hub's timm/resnet18.a1_in1k\) has not been downloaded yet"),
        ("resnet18", r"'resnet18' \(the hub's timm/resnet18.a1_in1k\) has not been downloaded yet"),
        ("resnet18.a9", r"'resnet18.a9' is not known to timm, did you mean 'resnet18\.\w+'\?"),
        ("resnet_18", r"'resnet_18' is not known to timm, did you mean"),
        ("vit_huge_patch14_gap_224.in1k_ijepa", "are not on the hub. Download https://"),
    ],
)
def test_a_name_of_timm_is_a_repository_of_its_own(name, says, monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # as the package sets it, where it is imported first
    with pytest.raises(ConfigError, match=says):
        download(name)
