"""A model that serves: the exported file, held against its certificate, and what must be told of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dl_assets.artifacts.report import read_json
from dl_assets.errors import ArtifactError
from dl_assets.operations.predict import Exported, open_model
from dl_assets.operations.promotion.folder import CERTIFICATE, DECISION, INT8, MODEL, SIGNATURE, mark_of, sha256_of
from dl_assets.operations.serving.pictures import Pictures
from dl_assets.operations.serving.prepared import Front, Prepared

_VERSION = 12  # digits of the hash by which a person tells models apart


@dataclass(frozen=True, eq=False)
class Model:
    """What is asked, how it is asked, and its papers."""

    sha256: str
    file: str
    exported: Exported
    front: Front
    signature: dict[str, Any]
    certificate: dict[str, Any]
    promoted: str | None  # when, where that is known
    answered: dict[str, str]  # the columns of its predictions, and what they hold

    @property
    def version(self) -> str:
        return self.sha256[:_VERSION]

    @property
    def called(self) -> str:
        """The version, as the person who watches the server is told it."""
        return self.version if self.file == MODEL else f"{self.version} ({self.file})"

    @property
    def classes(self) -> list[str]:
        """The names of which every answer is one; none where it is a number, or several names."""
        is_one = self.exported.targets.__name__.endswith(".classes")
        return list(self.exported.fitted["classes"]) if is_one else []

    def ask(self, inputs: dict[str, NDArray[Any]]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return the answers for inputs [B, ...] by name, and the embedding where the model has one, at once."""
        return self.exported.look(inputs) if self.exported.look else (self.exported.ask(inputs), None)

    def is_fed_like(self, other: "Model") -> bool:
        """Whether both take the same inputs, so that these need not be prepared twice."""
        return self.exported.decoding == other.exported.decoding and self.exported.asked == other.exported.asked

    def told(self) -> dict[str, Any]:
        """Return what every answer says of the model."""
        return {"version": self.version, "sha256": self.sha256, "promoted": self.promoted}


def open_certified(folder: Path, remedy: str, *, int8: bool = False) -> Model:
    """Open a model and let it answer once, with `int8` that of 8 bits where there is one.

    Raises ArtifactError where it is not the certified one, or does not work.
    """
    before = mark_of(folder)
    if before is None:
        raise ArtifactError(f"{folder} holds no model with a certificate. {remedy}")
    certificate, signature = read_json(folder / CERTIFICATE), read_json(folder / SIGNATURE)
    file = INT8 if int8 and (folder / INT8).is_file() else MODEL
    sha256 = _require_certified(folder, file, certificate, remedy)
    exported = open_model(folder, remedy, file)
    front = _front(exported)
    _require_working(folder / file, exported, front.probe(), remedy)
    promoted = read_json(folder / DECISION).get("time") if (folder / DECISION).is_file() else None
    if mark_of(folder) != before:
        raise ArtifactError(f"{folder} was replaced while it was read. {remedy}")
    answered = {name: str(kind) for name, kind in exported.answer({}, 0).schema.items()}
    return Model(sha256, file, exported, front, signature, certificate, promoted, answered)


def _require_certified(folder: Path, served: str, certificate: dict[str, Any], remedy: str) -> str:
    """Hold the files against the hashes of the certificate, of which an older one has only that of the model; return that."""
    known: dict[str, Any] = {**certificate.get("files", {}), MODEL: certificate.get("sha256")}
    certified = {served: known.get(served)} | {name: sha256 for name, sha256 in known.items() if name == SIGNATURE}
    for name, wanted in certified.items():
        found = sha256_of(folder / name)
        if found != wanted:
            raise ArtifactError(
                f"{folder / name} is not the file that {CERTIFICATE} beside it vouches for: its sha256 is {found[:16]}..., "
                f"certified is {str(wanted)[:16]}... {remedy}"
            )
    return str(certified[served])


def _front(exported: Exported) -> Front:
    if not hasattr(exported.inputs, "feed"):
        return Pictures(exported)
    from dl_assets.operations.serving.rows import Rows  # with what types tables, a second to import

    return Rows(exported)


def _require_working(path: Path, exported: Exported, probe: Prepared, remedy: str) -> None:
    try:
        answers = exported.ask(probe.inputs)
    except Exception as error:  # onnxruntime has an exception of its own for each mistake
        raise ArtifactError(f"{path} does not answer ({error}). {remedy}") from error
    if not np.isfinite(answers).all() or len(answers) != 1:
        raise ArtifactError(f"{path} answers with what is no number. {remedy}")
