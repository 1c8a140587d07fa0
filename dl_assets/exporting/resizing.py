"""Whether a model that resizes pictures itself answers for whole ones as it does for those that `clean` made of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dl_assets.artifacts.packs import read_payloads
from dl_assets.artifacts.rejection import Rejection
from dl_assets.artifacts.report import Check
from dl_assets.artifacts.tables import RAW_SAMPLES, read_table
from dl_assets.errors import DataError
from dl_assets.exporting.parity import open_session
from dl_assets.exporting.signature import made_by
from dl_assets.exporting.subject import RAW, Subject

MAX_ORIGINALS = 200


def certify_resize(subject: Subject, path: Path) -> dict[str, Any]:
    """Ask the model about originals of test samples, decoded at full size, and torch about what `clean` makes of these.

    `max_difference` and `agreement` are about the same pixels. For speed `clean` decodes a large JPEG at a fraction of its
    size; how far that is from the whole picture is what `by_clean` adds.
    """
    session, options = open_session(path), made_by(subject.config)
    found, expected, by_clean = [], [], []
    for payload in _payloads(subject):
        picture = subject.inputs.any_size.original(payload, options)
        found.append(session.run([subject.targets.OUTPUT], {subject.config.task.inputs: picture[None]})[0])
        stored, cleaned = subject.inputs.any_size.stored(picture, options), subject.inputs.clean(payload, **options)[0]
        expected.append(subject.ask_torch(stored[None]))
        by_clean.append(expected[-1] if np.array_equal(stored, cleaned) else subject.ask_torch(cleaned[None]))
    if not found:
        raise DataError(
            f"no original of the test part can be read in {subject.clean.with_name(RAW)} any more, so resizing cannot be "
            "checked. Bring the files back, or set export.resize to false."
        )
    fitted, answers = subject.fitted["targets"], np.concatenate(found)
    difference, agreement = subject.targets.agreement(np.concatenate(expected), answers, fitted)
    whole_difference, whole_agreement = subject.targets.agreement(np.concatenate(by_clean), answers, fitted)
    return {
        "num_samples": len(found),
        "max_difference": difference,
        "agreement": agreement,
        "by_clean": {"max_difference": whole_difference, "agreement": whole_agreement},
    }


def _payloads(subject: Subject) -> Iterator[bytes]:
    wanted = subject.test.gather_every(-(-len(subject.test) // MAX_ORIGINALS)).select("id")
    rows = wanted.join(read_table(RAW_SAMPLES, subject.clean.with_name(RAW)), on="id", how="inner", maintain_order="left")
    for payload in read_payloads(subject.clean.with_name(RAW), rows):
        if not isinstance(payload, Rejection):  # kept by reference, and gone since
            yield payload


def resize_check(subject: Subject, found: dict[str, Any] | None) -> Check:
    """Judge by the pixels that both are given; how a JPEG is decoded is not up to the model."""
    least = subject.config.export.min_agreement
    if found is None:
        return Check(
            "resize", passed=True, value=1, threshold=least, detail="The model takes pictures of the stored size only."
        )
    detail = f"ONNX Runtime against torch on {found['num_samples']} originals of full size, which the model resizes itself."
    return Check("resize", found["agreement"] >= least, found["agreement"], least, detail=detail)
