"""From the bytes of a request to its inputs, none of which is trusted."""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from dl_assets.operations.feedback import FEEDBACK
from dl_assets.operations.serving.limits import Limits
from dl_assets.operations.serving.refusal import Refused

Take = Callable[[int], None]

FILES = "files"  # the field of a form
_DRAINED = 4  # as often as the limit is read of what is too large, so that the client comes to read why
_SHOWN = 60
_DIGITS = 18  # Python makes no number of very many, and what has more is too large anyway


@dataclass(frozen=True)
class Given:
    """One input as it came: the bytes of a file or a row; or why it is none. `name` is only ever told back."""

    value: Any
    name: str | None = None
    problem: str | None = None


async def read_inputs(request: Request, given: str, limits: Limits, take: Take) -> list[Given]:
    """Return what a request holds of `images`, `rows` or `feedback`; `take` is told how many bytes are kept.

    Raises Refused.
    """
    try:
        async with asyncio.timeout(limits.timeout_seconds):
            inputs = await _read(request, given, _limited(request, limits, take), limits)
    except TimeoutError:
        raise Refused(408, f"The request did not arrive within {limits.timeout_seconds:g} seconds.") from None
    except ClientDisconnect:
        raise Refused(400, "The request was broken off.") from None
    if not inputs:
        raise Refused(422, f"There is no input. {_remedy(given)}")
    if len(inputs) > limits.most_inputs:
        raise _too_many(limits, given)
    return inputs


async def _read(request: Request, given: str, body: AsyncGenerator[bytes, None], limits: Limits) -> list[Given]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data" and given == "images":
        return await _read_form(request, body, limits)
    if kind == "application/json":
        return parse_json(b"".join([chunk async for chunk in body]), given)
    raise Refused(415, f"The content type is {kind[:_SHOWN] or 'not given'!r}. {_remedy(given)}")


async def _limited(request: Request, limits: Limits, take: Take) -> AsyncGenerator[bytes, None]:
    """Yield the body as far as it is not too large."""
    told = request.headers.get("content-length", "0")
    size, too_large = 0, int(told[:_DIGITS]) if told.isdecimal() else 0
    async for chunk in request.stream():
        size += len(chunk)
        if max(size, too_large) <= limits.max_bytes:
            take(len(chunk))
            yield chunk
        elif size > _DRAINED * limits.max_bytes:
            break
    if max(size, too_large) > limits.max_bytes:
        raise Refused(413, f"The request is larger than {limits.max_megabytes:g} MB. Send less at once.")


def _too_many(limits: Limits, given: str) -> Refused:
    command = "dl feedback" if given == FEEDBACK else "dl predict"
    return Refused(413, f"There are more than {limits.most_inputs} inputs. Send fewer at once; for many there is: {command}")


def _remedy(given: str) -> str:
    if given == FEEDBACK:
        return 'Send JSON: {"feedback": [{"id": "of the prediction", "target": "the right answer"}, ...]}'
    if given == "rows":
        return 'Send JSON: {"rows": [{"column": "value", ...}, ...]}'
    return f'Send pictures as files of a form, each called `{FILES}`, or JSON: {{"images": ["base64 of a file", ...]}}'


# ---- forms -----------------------------------------------------------------------------------------------------


class _Parser(MultiPartParser):
    spool_max_size = 1 << 40  # in memory: the size of the whole request is limited


async def _read_form(request: Request, body: AsyncGenerator[bytes, None], limits: Limits) -> list[Given]:
    tail = bytearray()
    stream = _with_tail(body, tail)
    try:
        form = await _Parser(request.headers, stream, max_files=limits.most_inputs, max_fields=limits.most_inputs).parse()
    except MultiPartException as error:
        raise _too_many(limits, "images") if "Too many files" in error.message else _broken_form(error.message) from error
    except (FormParserError, KeyError, ValueError) as error:
        raise _broken_form(str(error)) from error
    if not bytes(tail).rstrip().endswith(b"--"):
        raise _broken_form("its end is missing")
    return [_file(name, value) for name, value in form.multi_items()]


async def _with_tail(stream: AsyncIterator[bytes], tail: bytearray) -> AsyncGenerator[bytes, None]:
    async for chunk in stream:
        tail[:] = (tail + chunk[-8:])[-8:]
        yield chunk


def _broken_form(why: str) -> Refused:
    return Refused(400, f"The form cannot be read: {why}. {_remedy('images')}")


def _file(name: str, value: UploadFile | str) -> Given:
    if isinstance(value, str) or name != FILES:
        raise Refused(422, f"The form has a field {name[:_SHOWN]!r} that is no file called `{FILES}`. {_remedy('images')}")
    with value.file as file:
        return Given(file.read(), value.filename or None)


# ---- JSON ------------------------------------------------------------------------------------------------------


def parse_json(body: bytes, given: str) -> list[Given]:
    """Return the inputs that a document holds under the name `given`. Raises Refused."""
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"The body is no JSON ({_short(error)}). {_remedy(given)}") from error
    if not isinstance(document, dict) or set(document) != {given} or not isinstance(document[given], list):
        found = ", ".join(map(repr, list(document)[:5])) if isinstance(document, dict) else type(document).__name__
        raise Refused(
            422, f"The body must have one key, {given!r}, with a list; found: {found[:200] or 'none'}. {_remedy(given)}"
        )
    return [_picture(one) if given == "images" else Given(one) for one in document[given]]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _short(error: BaseException) -> str:
    return str(error)[:200] or type(error).__name__


def _picture(text: object) -> Given:
    if not isinstance(text, str):
        return Given(None, problem="an image must be a text: the base64 of a file")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return Given(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        return Given(None, problem=f"the image is not base64 ({_short(error)})")
