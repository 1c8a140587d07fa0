"""The tensors of a safetensors file or a checkpoint of torch, read without running any code that it may hold."""

import argparse
import hashlib
import struct
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from dl_assets.errors import DataError

# Where training programs put the weights, averaged ones first; without any of these the file is the weights.
_NESTED = ("state_dict_ema", "model_ema", "ema_state_dict", "state_dict", "model_state_dict", "model")
# What torch and pickle raise on broken bytes.
_BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
)


def read_tensors(path: Path, sha256: str | None = None) -> tuple[dict[str, Tensor], str]:
    """Return name -> tensor, and the file's SHA-256, which must be the given one."""
    if not path.is_file():
        raise DataError(f"model.weights: {path} does not exist. Put the file there, or correct the path.")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 is not None and found != sha256.lower():
        raise DataError(
            f"model.weights: {path} has the sha256 {found}, but {sha256.lower()} is expected. It is another file, or "
            "it was not received whole: get it again, or correct the sha256."
        )
    tensors = _tensors(_content(path))
    if not tensors:
        raise DataError(f"model.weights: {path} holds no weights (name -> tensor). Take the file of a model's state_dict.")
    return tensors, found


def _content(path: Path) -> Any:
    try:
        if _is_safetensors(path):
            return load_file(path)
        with torch.serialization.safe_globals([argparse.Namespace]):  # timm's training keeps its arguments so
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except UnpicklingError as error:
        code = _code_in(path)
        if code:
            raise DataError(
                f"model.weights: {path} holds code ({', '.join(code[:5])}), which is not run. Take weights from where you "
                "get them as safetensors, or save only the model's state_dict."
            ) from error
        raise _broken(path, error) from error
    except _BROKEN as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> DataError:
    first_line = str(error).partition("\n")[0]
    return DataError(
        f"model.weights: {path} cannot be read as safetensors or a checkpoint of torch ({type(error).__name__}: {first_line}). "
        "It is of another kind, or was not received whole: get it again."
    )


def _is_safetensors(path: Path) -> bool:
    """A header of JSON, whose length comes before it in eight bytes."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _code_in(path: Path) -> list[str]:
    """Names of what the file would have imported and called."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    except (UnpicklingError, *_BROKEN):
        return []


def _tensors(content: Any) -> dict[str, Tensor]:
    if not isinstance(content, dict):
        return {}
    for key in _NESTED:
        if isinstance(content.get(key), dict) and (nested := _tensors(content[key])):
            return nested
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
