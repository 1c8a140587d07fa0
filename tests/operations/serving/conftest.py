from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from operations.serving.champions import write_bright

from dl_assets.operations.serve import make_server
from dl_assets.operations.serving.app import create_app
from dl_assets.operations.serving.limits import Limits

Serve = Callable[..., TestClient]


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """The folder of the pipeline `pets`, which has a champion."""
    write_bright(tmp_path / "data" / "pets" / "champion")
    return tmp_path / "data" / "pets"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a server in this process and return what asks it."""
    with ExitStack() as running:

        def start(
            name: str = "pets", *, key: str | None = None, limits: dict[str, Any] | None = None, **options: bool
        ) -> TestClient:
            server = make_server(name, tmp_path, Limits(**limits or {}), **options)
            return running.enter_context(TestClient(create_app(server, key), raise_server_exceptions=False))

        yield start
