"""A web server on this machine whose connections break when they are told to."""

import json
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Web:
    """Serves the files of `root`. `cuts` lists after how many bytes the next answers break off; `statuses`, what the
    next answers are instead of the file (200: the file); `asked` lists the Range header of every GET; `on_cut` is called
    when a connection was cut off; `posted` lists the documents that were sent, and `late` how many seconds their answers take.
    """

    def __init__(self, root: Path, *, ranges: bool = True) -> None:
        self.root, self.ranges = root, ranges
        self.cuts: list[int] = []
        self.statuses: list[int] = []
        self.asked: list[str | None] = []
        self.posted: list[Any] = []
        self.late = 0.0
        self.on_cut: Callable[[], object] = lambda: None
        self.etag: str | None = '"1"'
        self.closed = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, web: Web, *arguments: Any) -> None:
        self.web = web
        super().__init__(*arguments, directory=str(web.root))

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        self.web.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.web.closed.wait(self.web.late)
        self.send_response(self.web.statuses.pop(0) if self.web.statuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.web.asked.append(self.headers.get("Range"))
        status = self.web.statuses.pop(0) if self.web.statuses else 200
        if status != 200:
            self.send_error(status)
            return
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            super().do_GET()
            return
        self._send(path.read_bytes())

    def _send(self, content: bytes) -> None:
        start, stop = self._range(len(content))
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if (start, stop) != (0, len(content)) else 200)
        self.send_header("Content-Length", str(stop - start))
        if (start, stop) != (0, len(content)):
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
        if self.web.etag:
            self.send_header("ETag", self.web.etag)
        self.end_headers()
        if self.web.cuts:
            self.wfile.write(content[start : min(stop, start + self.web.cuts.pop(0))])
            self.close_connection = True
            self.web.on_cut()
        else:
            self.wfile.write(content[start:stop])

    def _range(self, size: int) -> tuple[int, int]:
        asked = self.headers.get("Range")
        if not self.web.ranges or not asked or self.headers.get("If-Range", self.web.etag) != self.web.etag:
            return 0, size
        first, _, last = asked.removeprefix("bytes=").partition("-")
        return int(first), min(size, int(last) + 1) if last else size
