"""The web application: what is at which address, and what of it needs the key."""

import hmac
import json
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from dl_assets.operations.feedback import FEEDBACK
from dl_assets.operations.serving.body import read_inputs
from dl_assets.operations.serving.document import PREDICT, PREDICT_ANSWERS, TELL, TELL_ANSWERS, TOP
from dl_assets.operations.serving.refusal import Refused
from dl_assets.operations.serving.reply import reply
from dl_assets.operations.serving.server import Server, tell

PAGE = Path(__file__).with_name("page")
PREDICT_PATH, FEEDBACK_PATH = "/predict", "/feedback"
_FILES = {"/": ("page.html", "text/html"), "/page.css": ("page.css", "text/css"), "/page.js": ("page.js", "text/javascript")}
# Nothing from elsewhere, nothing inline: what a file name or a class says can only ever be text.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_MOST_TOP = 1000
_encode = json.JSONEncoder(separators=(",", ":")).encode


def create_app(server: Server, key: str | None = None) -> FastAPI:
    """Return the application; with a key, all that tells of models or predictions needs it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await server.start()
        yield
        await server.stop()

    # The pages that draw the document load their script from elsewhere, so there are none: /openapi.json is for tools.
    app = FastAPI(title=f"{server.name}: predictions", lifespan=lifespan, docs_url=None, redoc_url=None)
    _add_model(app, server, _needing(key))  # first: addresses are compared one after another
    _add_feedback(app, server, _needing(key))
    _add_health(app, server)
    _add_page(app)
    _add_errors(app, server)
    return app


def _add_model(app: FastAPI, server: Server, check_key: Callable[[Request], None]) -> None:
    # The key is checked by hand: a dependency of FastAPI costs a tenth of the time that a small picture takes.
    @app.post(PREDICT_PATH, openapi_extra=PREDICT, responses=PREDICT_ANSWERS, summary="Predict")
    async def predict(request: Request) -> Response:
        check_key(request)
        with server.metrics.latency.time(), server.space.held() as take:
            top, model = _top(request), server.model
            given = await read_inputs(request, model.front.given, server.limits, take)
            found = await server.answer(given, model)
        status, content = reply(model, given, found, top)
        server.metrics.requests.labels(PREDICT_PATH, status).inc()
        for result in content["predictions"]:
            server.metrics.inputs.labels("failed" if "error" in result else "answered").inc()
        return _json(status, content, {"Retry-After": "1"} if status == 503 else {})

    @app.get("/model", summary="What serves: its signature, its certificate, and what it says of itself")
    async def model(request: Request) -> Response:
        check_key(request)
        one = server.model
        told = {"pipeline": server.name, **one.told(), "task": one.signature["task"], "given": one.front.given}
        papers = {"card": one.exported.properties, "signature": one.signature, "certificate": one.certificate}
        shadow = server.shadow.told() if server.shadow else None
        return _json(200, {**told, "classes": one.classes, **one.front.described, "challenger": shadow, **papers})

    @app.get("/metrics", summary="For Prometheus")
    async def metrics(request: Request) -> Response:
        check_key(request)
        content, kind = server.metrics.text()
        return Response(content, media_type=kind)


def _add_feedback(app: FastAPI, server: Server, check_key: Callable[[Request], None]) -> None:
    @app.post(FEEDBACK_PATH, openapi_extra=TELL, responses=TELL_ANSWERS, summary="Tell what predictions should have been")
    async def feedback(request: Request) -> Response:
        check_key(request)
        with server.space.held() as take:
            status, content = await server.take(await read_inputs(request, FEEDBACK, server.limits, take))
        server.metrics.requests.labels(FEEDBACK_PATH, status).inc()
        return _json(status, content)


def _add_health(app: FastAPI, server: Server) -> None:
    @app.get("/health", summary="Whether the process lives")
    async def health() -> Response:
        return _json(200, {"status": "alive"})

    @app.get("/ready", summary="Whether requests are answered")
    async def ready() -> Response:
        if server.is_ready:
            return _json(200, {"status": "ready", "version": server.model.version})
        return _json(503, {"error": "no requests are answered"})


def _add_page(app: FastAPI) -> None:
    for path, (name, kind) in _FILES.items():
        app.add_api_route(path, _sending((PAGE / name).read_bytes(), kind), include_in_schema=False)


def _sending(content: bytes, kind: str) -> Callable[[], Awaitable[Response]]:
    async def send() -> Response:
        return Response(content, media_type=kind, headers=_HEADERS)

    return send


def _add_errors(app: FastAPI, server: Server) -> None:
    """Make every refusal one kind of document: {"error": ...}."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        server.metrics.requests.labels(request.url.path, error.status).inc()
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        return _json(error.status, {"error": error.message}, headers)

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        return _json(error.status_code, {"error": str(error.detail)}, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> Response:
        tell(f"a request failed:\n{''.join(traceback.format_exception(error))}")
        return _json(500, {"error": "The server made a mistake; its log says which."})


def _needing(key: str | None) -> Callable[[Request], None]:
    def check(request: Request) -> None:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        given = bearer.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
        if key is not None and not hmac.compare_digest(given.encode(), key.encode()):
            raise Refused(401, "The key is missing or wrong. Send it as the header `X-API-Key`, or as a bearer token.")

    return check


def _top(request: Request) -> int:
    text = request.query_params.get("top", str(TOP))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:5]) <= _MOST_TOP):
        raise Refused(422, f"top is {text[:20]!r}, but it must be a whole number from 1 to {_MOST_TOP}.")
    return int(text)


def _json(status: int, content: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(_encode(content), status, headers, "application/json")
