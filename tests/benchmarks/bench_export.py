"""ONNX Runtime beside torch and OpenVINO, and 8 bits beside 32: a ResNet-18 at 224 px, one picture at a time on one thread.

`pip install -e ".[bench]"` brings OpenVINO. What 8 bits gain depends on the processor: the aim is for one that multiplies them
in one instruction (AVX-512 VNNI, AVX-VNNI, or dot products of ARM).
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from benchmarks.side_by_side import cpu_seconds, show

from dl_assets import registry
from dl_assets.config import Choice
from dl_assets.exporting.graph import write_onnx
from dl_assets.exporting.int8 import write_int8
from dl_assets.inference.network import Network, build_network

SHAPE = (224, 224, 3)
REPEATS = 4
LEAST_GAIN_OVER_TORCH, MOST_COST_OF_OPENVINO, LEAST_GAIN_OF_INT8 = 1.7, 1.05, 2.8

Ask = Callable[[], object]


@pytest.fixture(scope="module")
def network() -> Network:
    fitted = {
        "inputs": {"shape": list(SHAPE), "mean": [0.5] * 3, "std": [0.25] * 3},
        "targets": {"classes": list("0123456789")},
    }
    torch.manual_seed(17)
    task = registry.find("tasks", "image_classification")
    return build_network(task, Choice("backbone", {"architecture": "resnet18"}), fitted).eval()


@pytest.fixture(scope="module")
def folder(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    write_onnx(network, np.zeros(SHAPE, np.uint8), "image", {}, folder / "model.onnx", answer="probabilities")
    write_int8(folder / "model.onnx", folder / "model.int8.onnx", lambda batch: {"image": pictures(len(batch))}, 16)
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pictures(number: int) -> np.ndarray:
    return np.random.default_rng(17).integers(0, 256, (number, *SHAPE), dtype=np.uint8)


def by_onnxruntime(path: Path) -> Ask:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    raw = pictures(1)
    return lambda: session.run(None, {"image": raw})


def by_torch(network: Network) -> Ask:
    raw = torch.from_numpy(pictures(1))

    @torch.inference_mode()
    def ask() -> object:
        return network.probabilities(raw)

    return ask


def by_openvino(path: Path) -> Ask:
    openvino = pytest.importorskip("openvino", reason='OpenVINO is not installed: pip install -e ".[bench]"')
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    model = openvino.Core().compile_model(path, "CPU", settings)
    raw = pictures(1)
    return lambda: model({"image": raw})


def measure(ways: dict[str, Ask]) -> dict[str, float]:
    def several(ask: Ask) -> Ask:
        return lambda: [ask() for _ in range(REPEATS)]

    seconds = cpu_seconds({name: several(ask) for name, ask in ways.items()})
    show("ResNet-18, one picture of 224 px on one thread", seconds, count=REPEATS, unit="picture")
    return seconds


def test_onnx_runtime_is_faster_than_torch(network: Network, folder: Path) -> None:
    seconds = measure({"ONNX Runtime": by_onnxruntime(folder / "model.onnx"), "torch, eager": by_torch(network)})
    assert seconds["torch, eager"] / seconds["ONNX Runtime"] >= LEAST_GAIN_OVER_TORCH


def test_onnx_runtime_is_about_as_fast_as_openvino(folder: Path) -> None:
    seconds = measure({"ONNX Runtime": by_onnxruntime(folder / "model.onnx"), "OpenVINO": by_openvino(folder / "model.onnx")})
    assert seconds["ONNX Runtime"] / seconds["OpenVINO"] <= MOST_COST_OF_OPENVINO


def test_8_bits_are_faster_than_32(folder: Path) -> None:
    names = {"ONNX Runtime, 8 bits": "model.int8.onnx", "ONNX Runtime, 32 bits": "model.onnx"}
    seconds = measure({told: by_onnxruntime(folder / name) for told, name in names.items()})
    assert seconds["ONNX Runtime, 32 bits"] / seconds["ONNX Runtime, 8 bits"] >= LEAST_GAIN_OF_INT8
