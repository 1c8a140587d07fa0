"""`dl serve`: a web server that answers for the champion of a pipeline, without torch."""

import os
import socket
from pathlib import Path

from dl_assets.errors import ArtifactError, ConfigError
from dl_assets.inputs._image.square import RESIZER
from dl_assets.operations.serving.limits import Limits
from dl_assets.operations.serving.server import Server, tell
from dl_assets.operations.serving.slot import Slot

KEY = "DL_API_KEY"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_STOPPING_SECONDS = 30


def serve(
    name: str,
    root: Path,
    *,
    host: str,
    port: int,
    limits: Limits,
    challenger: bool,
    shadow: bool,
    keep_inputs: bool,
    int8: bool,
) -> None:
    """Answer requests until the process is told to stop. Raises ArtifactError where there is no certified model."""
    try:
        import uvicorn

        from dl_assets.operations.serving.app import create_app
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{error.name} is not installed, which `dl serve` needs. Run: pip install 'dl-assets[serve]'"
        ) from error
    os.environ[RESIZER] = "pillow"
    if challenger and shadow:
        raise ConfigError("--challenger serves the exported model, and --shadow asks it beside the champion. Leave one away.")
    server = make_server(name, root, limits, challenger=challenger, shadow=shadow, keep_inputs=keep_inputs, int8=int8)
    key = os.environ.get(KEY) or None
    app = create_app(server, key)
    listening = _listen(host, port)
    _tell_start(server, listening, is_open=key is None and host not in _LOOPBACK)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=_STOPPING_SECONDS)
    uvicorn.Server(config).run(sockets=[listening])


def make_server(
    name: str,
    root: Path,
    limits: Limits,
    *,
    challenger: bool = False,
    shadow: bool = False,
    keep_inputs: bool = False,
    int8: bool = False,
) -> Server:
    """Open the model, or both; raise ArtifactError where one is missing or is not certified."""
    folder = root / "data" / name
    if not name.isidentifier() or not folder.is_dir():
        raise ConfigError(f"{folder} does not exist: there is no pipeline '{name}' that has run. Run: dl run {name}")
    served = _slot(folder, "exported" if challenger else "champion", name, int8)
    beside = _slot(folder, "exported", name, int8) if shadow else None
    return Server(name, served, beside, folder, limits, keeps_inputs=keep_inputs)


def _slot(folder: Path, which: str, name: str, int8: bool) -> Slot:
    if which == "exported":
        remedy = f"Run: dl run {name}"
    else:
        remedy = f"Promote a model: dl promote {name}. To serve the exported one as it is: dl serve {name} --challenger"
    if not (folder / which).is_dir():
        raise ArtifactError(f"{folder / which} does not exist. {remedy}")
    slot = Slot("challenger" if which == "exported" else "champion", folder / which, remedy, tell, int8=int8)
    slot.open()
    return slot


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048)
    except (OSError, OverflowError) as error:
        raise ConfigError(f"{host}:{port} cannot be listened on ({error}). Choose another: --port N") from error


def _tell_start(server: Server, listening: socket.socket, *, is_open: bool) -> None:
    host, port = listening.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    beside = f", challenger {server.shadow.called} in its shadow" if server.shadow else ""
    tell(f"serving {server.name} {server.model.called}{beside} at {address}")
    if server.is_its_own_shadow:
        tell("the challenger is the same file: it is not asked as well until another one is exported")
    if is_open:
        tell(f"WARNING: others on the network can ask, too: {KEY} is not set.")
