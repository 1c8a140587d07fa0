"""An exported folder works where nothing but NumPy and ONNX Runtime is installed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import polars as pl

from dl_assets.exporting.golden import write_golden
from dl_assets.inputs.table import feed

REPLAY = """\
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "numpy", "onnxruntime"}:
            raise ImportError(f"{name} is not installed here")

loaded = {name.partition(".")[0] for name in sys.modules} & {"torch", "onnx", "polars", "dl_assets"}
assert not loaded, loaded
sys.meta_path.insert(0, Refuse())
import numpy
import onnxruntime

golden = numpy.load("golden.npz")
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
inputs = {name.removeprefix("input/"): golden[name] for name in golden.files if name.startswith("input/")}
outputs = [name for name in golden.files if name.startswith("output/")]
for name in outputs:
    found = session.run([name.removeprefix("output/")], inputs)[0]
    assert found.shape == golden[name].shape and numpy.abs(found - golden[name]).max() < WITHIN, found
print(len(outputs), "answers of", len(golden["id"]), "samples")
"""


def replay(folder: Path, within: float = 1e-5) -> "subprocess.CompletedProcess[str]":
    """Ask the model about its golden samples in a Python that finds NumPy, ONNX Runtime and its own library alone."""
    script = REPLAY.replace("WITHIN", str(within))
    return subprocess.run([sys.executable, "-I", "-c", script], cwd=folder, capture_output=True, text=True, check=False)


def write_model(folder: Path, text: str) -> None:
    onnx.save(onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 20]> {text}'), folder / "model.onnx")


def test_a_trained_model_answers_its_golden_samples_with_numpy_and_onnx_runtime_alone(exported: Path) -> None:
    found = replay(exported)
    assert found.stdout == "1 answers of 5 samples\n", found.stderr


def test_a_copy_that_answers_otherwise_is_found_out(exported: Path, tmp_path: Path) -> None:
    write_model(tmp_path, "other (uint8[batch,8,8,3] image) => (float[batch,2] probabilities) {" + BODY + "}")
    (tmp_path / "golden.npz").write_bytes((exported / "golden.npz").read_bytes())
    assert "AssertionError" in replay(tmp_path).stderr


BODY = """
  batch = Shape <start = 0, end = 1> (image)
  two = Constant <value = int64[1] {2}> ()
  shape = Concat <axis = 0> (batch, two)
  probabilities = ConstantOfShape <value = float[1] {0.5}> (shape)
"""


def test_words_and_gaps_of_a_table_come_through_without_pickle(tmp_path: Path) -> None:
    rows = pl.DataFrame({"colour": ["red", None, "blue"], "age": [41.0, None, 7.5]})
    fitted = {"names": ["colour", "age"], "kinds": ["category", "number"]}
    expected = np.array([[0.1], [0.2], [0.3]], dtype=np.float32)
    number = write_golden(tmp_path / "g.npz", ["a", "b", "c"], lambda batch: feed(rows[batch], fitted), "prediction", expected)
    with np.load(tmp_path / "g.npz") as golden:
        assert number == 3 and golden["id"].tolist() == ["a", "b", "c"]
        assert golden["input/colour"].tolist() == [["red"], [""], ["blue"]]
        assert np.array_equal(golden["input/age"], [[41.0], [np.nan], [7.5]], equal_nan=True)
        assert np.array_equal(golden["output/prediction"], expected)


def test_golden_samples_are_the_same_file_every_time_and_no_more_than_fit(tmp_path: Path) -> None:
    large = np.zeros((5, 1024, 1024, 3), np.uint8)
    for name in ("first", "second"):
        assert write_golden(tmp_path / name, list("abcde"), lambda batch: {"image": large[batch]}, "p", np.ones((5, 1))) == 2
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
