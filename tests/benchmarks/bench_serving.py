"""The exported model against the trained one, each on one thread."""

import numpy as np
import onnxruntime
import pytest
import torch
from benchmarks.side_by_side import cpu_seconds, show

from dl_assets import registry
from dl_assets.config import Choice
from dl_assets.exporting.graph import write_onnx
from dl_assets.inference.network import Network, build_network

SHAPE = (64, 64, 3)


@pytest.fixture(scope="module")
def network() -> Network:
    fitted = {"inputs": {"shape": list(SHAPE), "mean": [0.5] * 3, "std": [0.25] * 3}, "targets": {"classes": ["cat", "dog"]}}
    torch.manual_seed(17)
    task = registry.find("tasks", "image_classification")
    return build_network(task, Choice("cnn", {"width": 16, "depth": 5}), fitted).eval()


@pytest.fixture(scope="module")
def session(network: Network, tmp_path_factory: pytest.TempPathFactory) -> onnxruntime.InferenceSession:
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    write_onnx(network, np.zeros(SHAPE, np.uint8), "image", {}, path, answer="probabilities")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("batch_size", [1, 64])
def test_predicting(network: Network, session: onnxruntime.InferenceSession, batch_size: int) -> None:
    raw = np.random.default_rng(17).integers(0, 256, (batch_size, *SHAPE), dtype=np.uint8)
    repeats = 128 // batch_size

    @torch.inference_mode()
    def eagerly() -> None:
        for _ in range(repeats):
            network.probabilities(torch.from_numpy(raw))

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds = cpu_seconds(
            {
                "ONNX Runtime": lambda: [session.run(None, {"image": raw}) for _ in range(repeats)],
                "torch, eager": eagerly,
            }
        )
    finally:
        torch.set_num_threads(threads)
    show(f"Predicting pictures of {SHAPE[0]} px, batches of {batch_size}", seconds, count=batch_size * repeats, unit="picture")
