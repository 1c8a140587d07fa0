"""The trained network as one ONNX file, which needs nothing beside it."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dl_assets.errors import PipelineError
from dl_assets.exporting.embedding import EMBEDDING, Embedding
from dl_assets.exporting.untranslated import explain
from dl_assets.inference.network import Network

MODEL = "model.onnx"
OPSET = 20

# What torch notes of every node for those who mend its exporter: paths on this machine among it, and half of a small file.
_NOTES = ("pkg.torch.onnx.stack_trace", "pkg.torch.onnx.fx_node")

Front = Callable[[onnx.ModelProto], onnx.ModelProto]  # puts another input in front of a model's own


class Answering(nn.Module):
    """The whole answer in one graph: preprocessing, body, activation and calibration, so that nobody repeats them elsewhere.

    With an `embedding` it answers with that, too.
    """

    def __init__(self, network: Network, calibration: nn.Module | None = None, embedding: Embedding | None = None) -> None:
        super().__init__()
        self.network, self.calibration, self.embedding = network, calibration, embedding

    def forward(self, raw: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        if self.embedding is None:
            return self._answer(raw)
        answers, features = self.embedding.tap.ask(self.network, self._answer, raw)
        return answers, self.embedding(features)  # [B, outputs], [B, K]

    def _answer(self, raw: Tensor) -> Tensor:
        answers = self.network.probabilities(raw)  # [B, outputs]
        return answers if self.calibration is None else cast(Tensor, self.calibration(answers))


def write_onnx(
    network: Network,
    sample: NDArray[Any],
    name: str,
    properties: dict[str, str],
    path: Path,
    *,
    answer: str,
    front: Front | None = None,
    calibration: nn.Module | None = None,
    embedding: Embedding | None = None,
) -> None:
    """Write one self-contained file: `name` [batch, ...], each like `sample`, -> float32 `answer` [batch, outputs].

    With a `front` the model takes what that makes of its input; an `embedding` is its second output. Raises PipelineError
    where ONNX cannot say what a layer does.
    """
    answering = Answering(network, calibration, embedding).eval()
    model = _translate(answering, sample, name, [answer, EMBEDDING] if embedding else [answer])
    model = _with_front(model, front) if front else model
    onnx.helper.set_model_props(model, properties)
    try:
        onnx.save_model(onnx.shape_inference.infer_shapes(model, strict_mode=True), path, save_as_external_data=False)
        onnx.checker.check_model(path, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise PipelineError(
            f"{path} is not a valid ONNX model ({error}). Choose a model whose operators ONNX has, or report this."
        ) from error


def _with_front(model: onnx.ModelProto, front: Front) -> onnx.ModelProto:
    answered, *others = model.graph.output
    del model.graph.output[1:]  # a front knows of the answer alone
    joined = front(model)
    prefix = joined.graph.node[-1].input[0].removesuffix(answered.name)  # that it has put before every name inside
    joined.graph.node.extend(onnx.helper.make_node("Identity", [prefix + one.name], [one.name]) for one in others)
    joined.graph.output.extend(others)
    versions = {one.domain: one.version for one in joined.opset_import}  # joining lists some twice, which the quantiser refuses
    del joined.opset_import[:]
    joined.opset_import.extend(onnx.helper.make_opsetid(domain, version) for domain, version in versions.items())
    return joined


def _translate(answering: nn.Module, sample: NDArray[Any], name: str, answers: list[str]) -> onnx.ModelProto:
    # Two samples: torch.export takes a size of one for a constant.
    example = torch.from_numpy(np.zeros((2, *sample.shape), sample.dtype))
    try:
        with _quiet_exporter():
            program = torch.onnx.export(
                answering,
                (example,),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=[name],
                output_names=answers,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
            )
    except torch.onnx.OnnxExporterError as error:
        raise PipelineError(explain(error, answering)) from error
    assert program is not None, "the dynamo exporter returns a program"
    model = program.model_proto
    for node in model.graph.node:
        kept = [note for note in node.metadata_props if note.key not in _NOTES]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    return model


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence what the exporter says of its own insides (torchvision missing, deprecated calls); errors are raised as ever."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(torch|onnxscript|onnx_ir|copyreg)\b.*")
            yield
    finally:
        logger.setLevel(level)
