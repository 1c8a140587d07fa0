"""Tiny models whose answers can be worked out by hand, exported and certified as `dl run` and `dl promote` leave them."""

import hashlib
import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SCHEMA = {
    "columns": {
        "age": {"kind": "number", "minimum": 0, "maximum": 100},
        "sex": {"kind": "category", "allowed": ["f", "m"]},
        "city": {"kind": "category", "nullable": False},
        "note": {"kind": "text"},
    }
}


def write_bright(
    folder: Path, *, dark: str = "cat", bright: str = "dog", size: int = 8, slow: int = 0, embeds: bool = False
) -> Path:
    """A model that finds `bright` as likely as the picture is bright. `slow`: that many products of large matrices before.

    Where it `embeds` it also answers with the brightness over pi and with its logarithm, which a black picture has none of.
    """
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "white"], ["share"]),
        helper.make_node("Unsqueeze", ["share", "one"], ["bright"]),
        helper.make_node("Sub", ["all", "bright"], ["dark"]),
        helper.make_node("Concat", ["dark", "bright"], ["both"], axis=1),
        *_loop(slow),
        helper.make_node("Add", ["both", "nothing"], ["probabilities"]),
        *(_embedding() if embeds else []),
    ]
    constants: dict[str, Any] = {"axes": np.array([1, 2, 3]), "one": np.array([1])}
    constants |= {"white": np.float32(255), "all": np.float32(1)} | ({} if slow else {"nothing": np.float32(0)})
    constants |= {"pi": np.float32(np.pi)} if embeds else {}
    names = ["probabilities", "embedding"] if embeds else ["probabilities"]
    answers = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in names]
    asked = [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", size, size, 1])]
    clean = {"image_size": size, "channels": 1, "fit": "stretch", "max_pixels": 100_000_000}
    signature = {
        "task": "image_classification",
        "input": {"name": "image", "made_by": {"clean": clean}},
        "output": {"name": "probabilities", "fitted": {"classes": [dark, bright]}},
        **({"embedding": {"name": "embedding", "size": 2}} if embeds else {}),
    }
    return _write(folder, nodes, asked, answers, constants, signature)


def _embedding() -> Sequence[onnx.NodeProto]:
    return [
        helper.make_node("Div", ["bright", "pi"], ["by_pi"]),
        helper.make_node("Log", ["bright"], ["logarithm"]),
        helper.make_node("Concat", ["by_pi", "logarithm"], ["embedding"], axis=1),
    ]


def _loop(times: int) -> Sequence[onnx.NodeProto]:
    """Nodes that take a while and come to 0."""
    if not times:
        return []
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1000, 1000]) for name in ("before", "after")]
    step = helper.make_tensor_value_info("step", TensorProto.INT64, [])
    go, on = (helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("go", "on"))
    product = helper.make_node("MatMul", ["before", "before"], ["after"])
    body = helper.make_graph(
        [product, helper.make_node("Identity", ["go"], ["on"])], "body", [step, go, values[0]], [on, values[1]]
    )
    zeros = numpy_helper.from_array(np.zeros((1000, 1000), np.float32))
    return [
        helper.make_node("Constant", [], ["times"], value=numpy_helper.from_array(np.array(times))),
        helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True))),
        helper.make_node("Constant", [], ["zeros"], value=zeros),
        helper.make_node("Loop", ["times", "yes", "zeros"], ["product"], body=body),
        helper.make_node("ReduceMax", ["product"], ["nothing"], keepdims=0),
    ]


def write_old(folder: Path) -> Path:
    """A model of a table that finds `yes` as likely as the age, in hundredths; without an age it is one half."""
    nodes = [
        helper.make_node("IsNaN", ["age"], ["unknown"]),
        helper.make_node("Where", ["unknown", "fifty", "age"], ["known"]),
        helper.make_node("Div", ["known", "hundred"], ["share"]),
        helper.make_node("Cast", ["share"], ["yes"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["all", "yes"], ["no"]),
        helper.make_node("Concat", ["no", "yes"], ["probabilities"], axis=1),
    ]
    asked = [helper.make_tensor_value_info("age", TensorProto.DOUBLE, ["batch", 1])]
    asked += [helper.make_tensor_value_info(name, TensorProto.STRING, ["batch", 1]) for name in ("sex", "city")]
    answer = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])
    constants = {"fifty": np.float64(50), "hundred": np.float64(100), "all": np.float32(1)}
    fitted = {"schema": SCHEMA, "names": ["age", "sex", "city"], "kinds": ["number", "category", "category"]}
    signature = {
        "task": "tabular_classification",
        "input": {"name": "table", "made_by": {"clean": {"schema": None, "missing": "keep"}}, "fitted": fitted},
        "output": {"name": "probabilities", "fitted": {"classes": ["no", "yes"]}},
    }
    return _write(folder, nodes, asked, [answer], constants, signature)


def _write(folder: Path, nodes: Any, asked: Any, answers: Any, constants: dict[str, Any], signature: dict[str, Any]) -> Path:
    known = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", asked, answers, known)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(model, {"classes": json.dumps(signature["output"]["fitted"]["classes"])})
    folder.mkdir(parents=True)
    onnx.save(model, folder / "model.onnx")
    (folder / "signature.json").write_text(json.dumps({**signature, "file": "model.onnx"}))
    certify(folder)
    return folder


def certify(folder: Path) -> str:
    sha256 = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    (folder / "certificate.json").write_text(json.dumps({"sha256": sha256}))
    return sha256


def put(new: Path, target: Path) -> None:
    """Put a folder in the place of another, which is not there for a moment."""
    aside = target.with_name(f"{target.name}.aside")
    target.rename(aside)
    new.rename(target)
    aside.rename(new)


def grey(level: int, size: tuple[int, int] = (30, 20), kind: str = "PNG") -> bytes:
    file = BytesIO()
    Image.new("L", size, level).save(file, kind)
    return file.getvalue()
