"""What the exported model answers with beside its answer: the input of the last linear layer, on principal components."""

from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest
import torch
from torch import nn
from trained import PIPELINE, read_from

from dl_assets.artifacts.report import read_json
from dl_assets.artifacts.shards import open_arrays
from dl_assets.exporting.embedding import Tap, find_tap, fit_embedding
from dl_assets.exporting.subject import read_subject
from dl_assets.inference.network import Network
from dl_assets.models.backbone import backbone

RAW = torch.rand(2, 6, generator=torch.Generator().manual_seed(0))
TAP = Tap("head", num_views=1)


def network(*layers: nn.Module) -> Network:
    return Network(nn.Identity(), nn.Sequential(*layers), nn.Softmax(dim=1)).eval()


def open_session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_the_second_output_is_what_the_last_layer_is_given_on_principal_components(
    exported: Path, folders: dict[str, Path]
) -> None:
    subject = read_subject(PIPELINE, **read_from(folders))
    raw = open_arrays(folders["clean"], subject.reference).batch(np.arange(24))
    body, preprocess = subject.answering.network.body, subject.answering.network.preprocess
    with torch.inference_mode():  # the mean of both views, as the answer is; by the singular values of all of them
        views = [body[:-1](preprocess(torch.from_numpy(view))).numpy() for view in (raw, raw[:, :, ::-1].copy())]
    features = np.mean(views, axis=0, dtype=np.float64)
    left, _, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    found = open_session(exported / "model.onnx").run(["embedding"], {"image": raw})[0]
    assert found.shape == (24, read_json(exported / "signature.json")["embedding"]["size"])
    expected = left[:, : found.shape[1]] * np.sqrt(len(raw) - 1)
    signs = np.sign((expected * found).sum(axis=0))
    assert np.abs(expected * signs - found).max() < 1e-3


def test_the_answer_comes_first_and_the_model_of_8_bits_has_no_other(exported: Path) -> None:
    names = [[one.name for one in open_session(exported / f"model{kind}.onnx").get_outputs()] for kind in ("", ".int8")]
    assert names == [["probabilities", "embedding"], ["probabilities"]]
    assert b"embedding" not in (exported / "model.int8.onnx").read_bytes()  # nor any node that was for it alone


def test_the_signature_says_how_to_read_it(exported: Path) -> None:
    signature = read_json(exported / "signature.json")
    told, (_, found) = signature["embedding"], open_session(exported / "model.onnx").get_outputs()
    assert (told["name"], told["shape"], told["size"]) == (found.name, found.shape, found.shape[1])
    assert "variance 1" in told["meaning"] and "no_embedding" not in signature


def test_each_component_of_the_reference_has_the_mean_0_and_the_variance_1(exported: Path) -> None:
    found = np.array(pl.read_parquet(exported / "reference.parquet")["embedding"].to_list())
    assert np.allclose(found.mean(axis=0), 0, atol=1e-3) and np.allclose(found.var(axis=0, ddof=1), 1, atol=1e-3)


def test_of_many_features_the_16_that_vary_most_remain_and_of_copies_none() -> None:
    drawn = np.random.default_rng(0).normal(size=(100, 20)).astype(np.float32) * np.arange(20, 0, -1, dtype=np.float32)
    found, copied = fit_embedding(TAP, drawn), fit_embedding(TAP, np.repeat(drawn[:, :3], 7, axis=1))
    assert found and copied and (found.size, copied.size) == (16, 3)
    assert fit_embedding(TAP, np.full((9, 4), 0.1, np.float32)) is None
    assert fit_embedding(TAP, drawn[:1]) is None


def test_the_layer_that_is_called_last_is_found_wherever_it_stands() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.hidden = nn.Linear(4, 3), nn.Linear(6, 4)

        def forward(self, raw: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.head(self.hidden(raw))
            return found

    assert find_tap(network(Backwards()), RAW) == Tap("0.head", num_views=1)


def test_both_views_of_a_sample_are_seen() -> None:
    looking = Network(nn.Identity(), nn.Sequential(nn.Linear(6, 3)), nn.Softmax(dim=1), lambda raw: raw.flip(1)).eval()
    tap = find_tap(looking, RAW)
    assert tap == Tap("0", num_views=2)
    assert torch.allclose(tap.ask(looking, looking.probabilities, RAW)[1], (RAW + RAW.flip(1)) / 2)


@pytest.mark.parametrize(
    "layers",
    [
        (nn.Unflatten(1, (6, 1)), nn.Conv1d(6, 3, 1), nn.Flatten()),
        (nn.Linear(6, 4), nn.Unflatten(1, (4, 1)), nn.Conv1d(4, 3, 1), nn.Flatten()),
        (nn.Unflatten(1, (2, 3)), nn.Linear(3, 3), nn.Flatten()),
    ],
    ids=["no linear layer", "a linear layer before a head of convolutions", "a linear layer for each place of a map"],
)
def test_a_network_that_does_not_end_in_a_linear_layer_has_no_such_place(layers: tuple[nn.Module, ...]) -> None:
    assert find_tap(network(*layers), RAW) is None


@pytest.mark.parametrize(("architecture", "layer"), [("resnet10t", "fc"), ("test_vit", "head"), ("test_convnext", "head.fc")])
def test_the_classifier_of_an_architecture_of_timm_is_found(architecture: str, layer: str) -> None:
    body = backbone(3, 2, (32, 32), architecture=architecture)
    looking = Network(nn.Identity(), body, nn.Softmax(dim=1)).eval()
    assert find_tap(looking, torch.rand(1, 3, 32, 32)) == Tap(layer, num_views=1)
