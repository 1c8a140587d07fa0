"""How much is taken on at once, who may ask, and what the server tells of itself."""

import hashlib
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from operations.serving.champions import certify, grey, write_bright, write_old
from operations.serving.conftest import Serve

from dl_assets.errors import ArtifactError, ConfigError
from dl_assets.operations.serve import make_server
from dl_assets.operations.serve import serve as run_server
from dl_assets.operations.serving.limits import Limits
from dl_assets.operations.serving.refusal import Refused
from dl_assets.operations.serving.space import Space

SLOW = 5  # products of matrices, a tenth of a second together


def ask(client: TestClient, level: int = 204) -> Any:
    return client.post("/predict", files={"files": grey(level)})


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    return write_bright(tmp_path / "data" / "pets" / "champion", slow=SLOW)


def value(client: TestClient, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_what_arrives_while_the_model_works_is_answered_in_one_batch(slow: Path, serve: Serve) -> None:
    client = serve()
    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(lambda level: ask(client, level), range(0, 256, 32)))
    assert [one.json()["predictions"][0]["top"][0]["class"] for one in answers] == ["cat"] * 4 + ["dog"] * 4
    assert value(client, "dl_batch_inputs_sum") == 8 and value(client, "dl_batch_inputs_count") < 8


def test_a_batch_is_not_larger_than_it_may_be(slow: Path, serve: Serve) -> None:
    client = serve(limits={"max_batch": 2})
    answer = client.post("/predict", files=[("files", grey(204))] * 5)
    assert [one["prediction"] for one in answer.json()["predictions"]] == ["dog"] * 5
    assert value(client, "dl_batch_inputs_count") >= 3


def test_beyond_the_queue_a_request_is_refused_and_told_when_to_come_again(slow: Path, serve: Serve) -> None:
    client = serve(limits={"queue": 2, "max_batch": 1})
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ask(client), range(6)))
    refused = [one for one in answers if one.status_code == 503]
    assert {one.status_code for one in answers} == {200, 503}
    assert refused[0].headers["retry-after"] == "1" and "inputs wait already" in refused[0].json()["error"]
    assert ask(client).status_code == 200


def test_a_request_that_could_never_be_taken_on_is_not_told_to_come_again(pets: Path, serve: Serve) -> None:
    answer = serve(limits={"queue": 2}).post("/predict", files=[("files", grey(1))] * 3)
    assert answer.status_code == 413 and "more than 2 inputs" in answer.json()["error"]


def test_large_requests_at_once_take_no_more_memory_than_so_many_and_give_it_back() -> None:
    space = Space(max_bytes=10)  # of one request: 160 of all
    with space.held() as one, space.held() as other:
        one(100)
        with pytest.raises(Refused, match="Too many large requests") as refused:
            other(61)
        other(60)
    assert (refused.value.status, refused.value.retry_after) == (503, 1)
    with space.held() as take:
        take(160)


def test_an_answer_that_takes_too_long_is_given_up_and_costs_no_place(slow: Path, serve: Serve) -> None:
    client = serve(limits={"timeout_seconds": 0.05, "queue": 1})
    assert ask(client).status_code == 504
    until = time.monotonic() + 20
    while value(client, "dl_queue_inputs") and time.monotonic() < until:
        time.sleep(0.01)
    assert ask(client).status_code == 504  # taken on again, not refused


def test_with_a_key_only_who_has_it_may_ask(pets: Path, serve: Serve) -> None:
    client = serve(key="open sesame")
    for address in ("/model", "/metrics"):
        assert client.get(address).status_code == 401
    assert ask(client).status_code == 401 and "X-API-Key" in ask(client).json()["error"]
    for headers in ({"X-API-Key": "open sesame"}, {"Authorization": "Bearer open sesame"}):
        assert client.post("/predict", files={"files": grey(9)}, headers=headers).status_code == 200
    for headers in ({"X-API-Key": "open sesam"}, {"X-API-Key": "\u00fc".encode()}, {"Authorization": "Basic open sesame"}):
        assert client.get("/model", headers=headers).status_code == 401
    assert client.get("/health").status_code == client.get("/ready").status_code == client.get("/").status_code == 200


def test_metrics_count_requests_inputs_classes_and_batches(pets: Path, serve: Serve) -> None:
    client = serve()
    client.post("/predict", files=[("files", grey(204)), ("files", b"x")])
    client.post("/predict", json={"images": []})
    assert (
        value(client, 'dl_requests_total{path="/predict",status="200"}')
        == value(client, 'dl_requests_total{path="/predict",status="422"}')
        == 1
    )
    assert value(client, 'dl_inputs_total{outcome="answered"}') == value(client, 'dl_inputs_total{outcome="failed"}') == 1
    assert value(client, 'dl_predictions_total{prediction="dog"}') == value(client, "dl_model{") == 1
    assert value(client, "dl_request_seconds_count") == 2 and value(client, "dl_inference_seconds_count") == 1


def test_the_model_is_told_with_its_papers(pets: Path, serve: Serve) -> None:
    told = serve().get("/model").json()
    assert told["pipeline"] == "pets" and told["classes"] == ["cat", "dog"] and told["given"] == "images"
    assert told["card"] == {"classes": '["cat", "dog"]'}
    assert told["certificate"]["sha256"] == told["sha256"] and told["signature"]["task"] == "image_classification"


def test_the_description_for_tools_has_examples(pets: Path, serve: Serve) -> None:
    predict = serve().get("/openapi.json").json()["paths"]["/predict"]["post"]
    assert set(predict["requestBody"]["content"]) == {"multipart/form-data", "application/json"}
    example = predict["requestBody"]["content"]["application/json"]["examples"]["pictures"]["value"]
    client = serve()
    assert client.post("/predict", json=example).status_code == 200
    assert {"200", "413", "422", "503", "504"} <= set(predict["responses"])


def test_the_page_loads_nothing_from_elsewhere_and_nothing_inline(pets: Path, serve: Serve) -> None:
    client = serve()
    page = client.get("/")
    assert (
        "default-src 'none'" in page.headers["content-security-policy"]
        and "unsafe" not in page.headers["content-security-policy"]
    )
    for content in (page.text, client.get("/page.js").text, client.get("/page.css").text):
        assert "://" not in content and "innerHTML" not in content and "style=" not in content and "onclick" not in content


# ---- what is not served ----------------------------------------------------------------------------------------


def test_a_model_that_is_not_the_certified_one_is_not_served(pets: Path, tmp_path: Path) -> None:
    write_bright(tmp_path / "other", bright="wolf", size=16)
    (tmp_path / "other" / "model.onnx").replace(pets / "champion" / "model.onnx")
    with pytest.raises(ArtifactError, match=r"model\.onnx is not the file that certificate.json beside it vouches for"):
        make_server("pets", tmp_path, Limits())


def test_a_signature_that_is_not_the_certified_one_is_not_served(pets: Path, tmp_path: Path) -> None:
    certificate = {"sha256": certify(pets / "champion"), "files": {"signature.json": "0"}}
    (pets / "champion" / "certificate.json").write_text(json.dumps(certificate))
    with pytest.raises(ArtifactError, match=r"signature\.json is not the file"):
        make_server("pets", tmp_path, Limits())


def test_without_a_champion_one_is_told_to_promote(tmp_path: Path, serve: Serve) -> None:
    write_bright(tmp_path / "data" / "pets" / "exported")
    with pytest.raises(ArtifactError, match=r"champion does not exist. Promote a model: dl promote pets.*--challenger"):
        make_server("pets", tmp_path, Limits())
    assert ask(serve(challenger=True)).json()["predictions"][0]["prediction"] == "dog"


@pytest.mark.parametrize("name", ["pest", "../pets", "", "."])
def test_a_pipeline_that_there_is_not_is_told(pets: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="there is no pipeline"):
        make_server(name, tmp_path, Limits())


@pytest.mark.parametrize("file", ["model.onnx", "signature.json", "certificate.json"])
def test_a_folder_that_lacks_a_file_is_not_served(pets: Path, tmp_path: Path, file: str) -> None:
    (pets / "champion" / file).unlink()
    with pytest.raises(ArtifactError):
        make_server("pets", tmp_path, Limits())


def test_a_port_that_is_taken_is_told(pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DL_RESIZER", "pillow")  # what the command sets is taken back
    before = threading.active_count()
    options: Any = dict.fromkeys(("challenger", "shadow", "keep_inputs", "int8"), False)
    options |= {"limits": Limits(), "host": "127.0.0.1"}
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match=r"cannot be listened on.*--port"):
        run_server("pets", tmp_path, port=taken.getsockname()[1], **options)
    assert threading.active_count() == before


def test_at_its_start_the_server_says_that_the_challenger_is_the_same_file(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DL_RESIZER", "pillow")  # what the command sets is taken back
    monkeypatch.setattr("uvicorn.Server.run", lambda _, sockets: [one.close() for one in sockets])
    write_bright(pets / "exported")
    options: Any = {"challenger": False, "shadow": True, "keep_inputs": False, "int8": False}
    run_server("pets", tmp_path, host="127.0.0.1", port=0, limits=Limits(), **options)
    assert "the challenger is the same file: it is not asked" in capsys.readouterr().err


# ---- 8 bits ----------------------------------------------------------------------------------------------------


def keep_int8(folder: Path) -> str:
    """Put a model of 8 bits, which calls what is bright a wolf, beside the other one; return its certified hash."""
    write_bright(folder.parent / "other", bright="wolf")
    (folder.parent / "other" / "model.onnx").replace(folder / "model.int8.onnx")
    sha256 = hashlib.sha256((folder / "model.int8.onnx").read_bytes()).hexdigest()
    certificate = {"sha256": certify(folder), "files": {"model.int8.onnx": sha256}}
    (folder / "certificate.json").write_text(json.dumps(certificate))
    return sha256


def test_the_model_of_8_bits_serves_where_that_is_asked_for_and_answers_by_its_own_version(pets: Path, serve: Serve) -> None:
    sha256 = keep_int8(pets / "champion")
    told = [ask(serve(int8=int8)).json()["model"]["sha256"] for int8 in (True, False)]
    assert told[0] == sha256 != told[1]


def test_where_no_model_of_8_bits_was_kept_the_other_one_serves(pets: Path, tmp_path: Path) -> None:
    assert make_server("pets", tmp_path, Limits(), int8=True).model.file == "model.onnx"


def test_a_model_of_8_bits_that_is_not_the_certified_one_is_not_served(pets: Path, tmp_path: Path) -> None:
    keep_int8(pets / "champion")
    (pets / "champion" / "model.int8.onnx").write_bytes((pets / "champion" / "model.onnx").read_bytes())
    with pytest.raises(ArtifactError, match=r"model\.int8\.onnx is not the file that certificate.json beside it vouches for"):
        make_server("pets", tmp_path, Limits(), int8=True)


def test_a_model_of_a_table_works_without_a_row(tmp_path: Path) -> None:
    write_old(tmp_path / "data" / "people" / "champion")
    assert make_server("people", tmp_path, Limits()).model.classes == ["no", "yes"]
