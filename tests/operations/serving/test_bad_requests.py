"""Requests that cannot be answered: each is told why, with a status of its own, and never that the server failed."""

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from operations.serving.champions import grey, write_old
from operations.serving.conftest import Serve


@pytest.fixture
def client(pets: Path, serve: Serve) -> TestClient:
    return serve(limits={"max_megabytes": 2})


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that says it is this large."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def form(payload: bytes = b"x", *, field: str = "files", end: str = "--") -> dict[str, Any]:
    body = (
        f'--b\r\nContent-Disposition: form-data; name="{field}"; filename="a"\r\n\r\n'.encode()
        + payload
        + f"\r\n--b{end}".encode()
    )
    return {"content": body, "headers": {"Content-Type": "multipart/form-data; boundary=b"}}


def document(text: str | bytes) -> dict[str, Any]:
    return {"content": text, "headers": {"Content-Type": "application/json"}}


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "a text": ({"files": {"files": b"Dear cat"}}, 422, "unreadable: no picture"),
    "nothing": ({"files": {"files": b""}}, 422, "0 bytes"),
    "a picture cut off": ({"files": {"files": grey(9, (300, 300))[:200]}}, 422, "truncated"),
    "two broken ones": ({"files": [("files", b"x"), ("files", b"y")]}, 422, "none of the 2 inputs can be answered"),
    "a decompression bomb": ({"files": {"files": bomb(60_000)}}, 413, "60000 x 60000 px is more than"),
    "a picture of too many pixels": ({"files": {"files": bomb(9_000)}}, 413, "9000 x 9000 px is more than"),
    "10,000 files": ({"files": [("files", b"x")] * 10_000}, 413, "more than 100 inputs"),
    "10,000 texts": ({"json": {"images": [""] * 10_000}}, 413, "more than 100 inputs"),
    "10,000 fields": (
        {"data": {str(number): "x" for number in range(10_000)}, "files": {"files": b"x"}},
        400,
        "Too many fields",
    ),
    "3 MB": ({"files": {"files": bytes(3 * 1024**2)}}, 413, "larger than 2 MB"),
    "9 MB": (document(bytes(9 * 1024**2)), 413, "larger than 2 MB"),
    "a length of 5,000 digits": (
        {"content": b"{}", "headers": {"Content-Type": "application/json", "Content-Length": "9" * 5000}},
        413,
        "larger than 2 MB",
    ),
    "another field": ({"files": {"file": grey(9)}}, 422, "a field 'file' that is no file called `files`"),
    "a field that is no file": ({"data": {"files": "x"}, "files": {"files": grey(9)}}, 422, "no file called `files`"),
    "a form without a file": (form(end="--", field="x"), 422, "field 'x'"),
    "a form without its end": (form(end=""), 400, "its end is missing"),
    "a form that is none": ({**form(), "content": b"Dear server"}, 400, "The form cannot be read"),
    "a form without a boundary": ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "boundary"),
    "a broken file with a path": ({"files": {"files": ("../../../etc/passwd", b"x")}}, 422, "unreadable: no picture"),
    "an empty form": ({**form(), "content": b"--b--"}, 422, "There is no input"),
    "no body": ({}, 415, "The content type is 'not given'"),
    "another type": ({"content": grey(9), "headers": {"Content-Type": "image/png"}}, 415, "image/png"),
    "rows": ({"json": {"rows": [{}]}}, 422, "one key, 'images'"),
    "more keys": ({"json": {"images": [], "top": 3}}, 422, "found: 'images', 'top'"),
    "no list": ({"json": {"images": "aGk="}}, 422, "with a list"),
    "no object": ({"json": ["aGk="]}, 422, "found: list"),
    "an empty list": ({"json": {"images": []}}, 422, "There is no input"),
    "not base64": ({"json": {"images": ["\u00e4"]}}, 422, "not base64"),
    "half a document": (document('{"images": ['), 400, "no JSON"),
    "no UTF-8": (document(b'{"images": ["\xff"]}'), 400, "no JSON"),
    "a number that is none": (document('{"images": [NaN]}'), 400, "NaN is no number of JSON"),
    "a deep document": (document("[" * 100_000), 400, "no JSON"),
    "a long number": (document('{"images": [' + "9" * 10_000 + "]}"), 400, "no JSON"),
    "top=0": ({"files": {"files": grey(9)}, "params": {"top": "0"}}, 422, "top is '0'"),
    "top=many": ({"files": {"files": grey(9)}, "params": {"top": "9" * 5000}}, 422, "must be a whole number"),
    "top=x": ({"files": {"files": grey(9)}, "params": {"top": "\u00b2"}}, 422, "top is '\u00b2'"),
}


@pytest.mark.parametrize(("request_", "status", "told"), BAD.values(), ids=list(BAD))
def test_a_bad_request_is_told_why(client: TestClient, request_: dict[str, Any], status: int, told: str) -> None:
    answer = client.post("/predict", **request_)
    assert (answer.status_code, told in answer.json()["error"]) == (status, True), answer.text[:500]
    assert client.post("/predict", files={"files": grey(204)}).json()["predictions"][0]["prediction"] == "dog"


def test_a_body_without_a_length_is_limited_as_well(client: TestClient) -> None:
    answer = client.post("/predict", content=iter([bytes(1024**2)] * 3), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


ROWS: dict[str, tuple[Any, int, str]] = {
    "no object": ([1], 422, "a row must be an object"),
    "a path as column": ([{"../../etc/passwd": 1}], 422, "unknown column"),
    "a list as cell": ([{"age": [1], "sex": "f", "city": "Ulm"}], 422, "neither a text nor a number"),
    "a number of 300 digits": ([{"age": 10**300, "sex": "f", "city": "Ulm"}], 422, "is above the maximum 100"),
    "a text of 100,000 digits": ([{"age": "9" * 100_000, "sex": "f", "city": "Ulm"}], 422, "is no number"),
    "20,000 columns": ([{str(number): 1 for number in range(20_000)}], 422, "unknown column"),
    "10,000 rows": ([{"age": 1, "sex": "f", "city": "Ulm"}] * 10_000, 413, "more than 100 inputs"),
}


@pytest.mark.parametrize(("rows", "status", "told"), ROWS.values(), ids=list(ROWS))
def test_a_bad_row_is_told_why(tmp_path: Path, serve: Serve, rows: Any, status: int, told: str) -> None:
    write_old(tmp_path / "data" / "people" / "champion")
    answer = serve("people").post("/predict", json={"rows": rows})
    assert (answer.status_code, told in answer.json()["error"]) == (status, True), answer.text[:500]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_a_picture_that_is_cut_off_is_told_whatever_its_kind(client: TestClient, kind: str) -> None:
    whole = grey(200, (60, 40), kind)
    for length in (10, len(whole) // 2):
        assert client.post("/predict", files={"files": whole[:length]}).status_code == 422


@pytest.mark.parametrize(("address", "status"), [("/predict", 405), ("/nothing", 404), ("/../../etc/passwd", 404)])
def test_what_there_is_not_is_told_in_json(client: TestClient, address: str, status: int) -> None:
    answer = client.get(address)
    assert answer.status_code == status and set(answer.json()) == {"error"}


def test_no_bytes_at_random_make_the_server_fail(client: TestClient) -> None:
    from random import Random

    random = Random(17)
    whole: list[Callable[[], bytes]] = [lambda: grey(99, kind="JPEG"), lambda: grey(99), lambda: random.randbytes(80)]
    for number in range(24):
        payload = bytearray(whole[number % 3]())
        for _ in range(random.randrange(1, 9)):
            payload[random.randrange(len(payload))] = random.randrange(256)
        for request in (
            {"files": {"files": bytes(payload)}},
            document(bytes(payload)),
            form(bytes(payload)),
            document(json.dumps(payload.hex())),
        ):
            assert client.post("/predict", **request).status_code in (200, 400, 413, 422)
