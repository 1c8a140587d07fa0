"""An exported model as a folder: what identifies it, and that it is whole."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dl_assets.artifacts.report import read_json
from dl_assets.errors import ConfigError

# As `exporting` writes them, of which nothing is imported here: it needs torch, and who only serves has none.
MODEL, INT8, SIGNATURE, CERTIFICATE = "model.onnx", "model.int8.onnx", "signature.json", "certificate.json"
DECISION = "decision.json"
REPORT = Path("reports", "promotion", DECISION)  # the latest decision, in data/<pipeline>


@dataclass(frozen=True)
class Folder:
    """`model.onnx` with its signature and its certificate, which is of this very file."""

    path: Path
    sha256: str
    signature: dict[str, Any]
    certificate: dict[str, Any]

    @property
    def fitted(self) -> dict[str, Any]:
        """What was fitted on the targets: the classes, and a threshold where there is one."""
        fitted: dict[str, Any] = self.signature["output"]["fitted"]
        return fitted


def open_folder(path: Path, remedy: str) -> Folder:
    """Read an exported model's papers. Raises ConfigError where one is missing, or the certificate is of another file."""
    missing = [name for name in (MODEL, SIGNATURE, CERTIFICATE) if not (path / name).is_file()]
    if missing:
        raise ConfigError(f"{path / missing[0]} does not exist. {remedy}")
    certificate, found = read_json(path / CERTIFICATE), sha256_of(path / MODEL)
    if certificate["sha256"] != found:
        raise ConfigError(
            f"{path / MODEL} is not the file that {CERTIFICATE} beside it vouches for: its sha256 is {found[:16]}..., "
            f"certified is {certificate['sha256'][:16]}... {remedy}"
        )
    return Folder(path, found, read_json(path / SIGNATURE), certificate)


def mark_of(folder: Path) -> tuple[tuple[int, int, int], ...] | None:
    """Return what changes when the model in a folder is replaced; None where there is none."""
    try:
        found = [(folder / name).stat() for name in (MODEL, CERTIFICATE, SIGNATURE)]
    except OSError:
        return None
    return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in found)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
