"""The first piece of an ONNX file for tables: one input a column, words as they are, put together for the network."""

from collections.abc import Sequence
from typing import Any

import onnx
from onnx import TensorProto, helper

from dl_assets.errors import DataError
from dl_assets.inputs._table.codes import code_of

_UNKNOWN = -1.0  # the code of no word
_PREFIX = "network/"  # before every name inside, so that a column may be called as it likes


def with_columns(model: onnx.ModelProto, names: Sequence[str], kinds: Sequence[str], words: dict[str, list[str]]) -> Any:
    """Return the model with an input [batch, 1] for each column in place of its only one, float64 [batch, n].

    Numbers and dates stay float64, NaN where they are missing; a word is text, empty where it is missing, and every word that
    is not in `words` is as good as another. Raises DataError where a column is called like the output.
    """
    (asked,), (answered,) = model.graph.input, model.graph.output
    if answered.name in names:
        raise DataError(f"a column is called '{answered.name}', as the answer of the model is. Rename it in the source.")
    inside = onnx.compose.add_prefix(model, _PREFIX)
    front = helper.make_model(
        _front(names, kinds, words),
        opset_imports=[*model.opset_import, helper.make_opsetid("ai.onnx.ml", 4)],
        ir_version=model.ir_version,
    )
    joined = onnx.compose.merge_models(front, inside, io_map=[("columns", _PREFIX + asked.name)])
    joined.graph.node.append(helper.make_node("Identity", [_PREFIX + answered.name], [answered.name]))
    joined.graph.output[0].name = answered.name
    return joined


def _front(names: Sequence[str], kinds: Sequence[str], words: dict[str, list[str]]) -> onnx.GraphProto:
    inputs, nodes, parts = [], [], []
    for index, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        is_word = kind == "category"
        inputs.append(helper.make_tensor_value_info(name, TensorProto.STRING if is_word else TensorProto.DOUBLE, ["batch", 1]))
        parts.append(f"column/{index}" if is_word else name)
        if is_word:
            nodes.append(_encode(name, parts[-1], words[name]))
    nodes.append(helper.make_node("Concat", parts, ["columns"], axis=1))
    joined = helper.make_tensor_value_info("columns", TensorProto.DOUBLE, ["batch", len(names)])
    return helper.make_graph(nodes, "columns", inputs, [joined])


def _encode(name: str, out: str, words: list[str]) -> onnx.NodeProto:
    codes = [float("nan"), *map(code_of, words)]
    return helper.make_node(
        "LabelEncoder",
        [name],
        [out],
        domain="ai.onnx.ml",
        keys_strings=["", *words],
        values_tensor=helper.make_tensor("codes", TensorProto.DOUBLE, [len(codes)], codes),
        default_tensor=helper.make_tensor("unknown", TensorProto.DOUBLE, [1], [_UNKNOWN]),
    )
