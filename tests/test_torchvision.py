"""torchvision can be imported in every process of ours, whichever torch is installed beside it."""

import subprocess
import sys


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_the_package_itself_imports_neither_torch_nor_torchvision() -> None:
    assert run("import sys, dl_assets; print({'torch', 'torchvision'} & set(sys.modules))") == "set()"


def test_torchvision_is_imported_and_has_its_operators_whether_they_can_run_or_not() -> None:
    code = "import dl_assets, torchvision, torch; print(torch.ops.torchvision.nms, torch.ops.torchvision.qnms)"
    assert run(code) == "torchvision.nms torchvision.qnms"


def test_operators_that_torchvision_brings_itself_are_left_alone() -> None:
    declared = "".join(
        f"library.define('{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor');" for name in ("nms", "qnms")
    )
    loads = f"import torch; library = torch.library.Library('torchvision', 'FRAGMENT'); {declared}"
    # Torch refuses a second declaration.
    assert run(f"import dl_assets; {loads} import torchvision; print('imported')") == "imported"
