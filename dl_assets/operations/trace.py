"""One sample's way through all artifacts that exist: where it comes from, what became of it, what the model says."""

import json
from pathlib import Path
from typing import Any

from dl_assets.artifacts import STAGE_OF_ARTIFACT
from dl_assets.config import load_pipeline
from dl_assets.evaluation.headline import amount, percent
from dl_assets.operations.tracing.find import find_id
from dl_assets.operations.tracing.steps import STEPS, Found

_MOST_SHOWN = 5
_ARTIFACT_OF = {"source": "raw", "prediction": "evaluation"}  # of the steps that are not called so


def trace(name: str, wanted: str, root: Path) -> dict[str, Any]:
    """Return pipeline, id, and what every step knows of it; null where its artifact does not exist, or lacks the sample."""
    config = load_pipeline(name, root)
    folder = root / "data" / name
    id_ = find_id(name, wanted, folder)
    return {"pipeline": name, "id": id_, **{step: tell(config, folder, id_) for step, tell in STEPS.items()}}


def print_trace(name: str, wanted: str, root: Path, *, as_json: bool) -> None:
    """Print the way of a sample, a line or more a step."""
    found = trace(name, wanted, root)
    if as_json:
        print(json.dumps(found, indent=2, default=str, ensure_ascii=False))
        return
    print(f"{found['id']} of {name}")
    for step in STEPS:
        told = _missing(found, step, root) if found[step] is None else _TOLD[step](found[step])
        for number, line in enumerate(told):
            print(f"{step if number == 0 else '':<12} {line}")


def _missing(found: dict[str, Any], step: str, root: Path) -> list[str]:
    """Say why there is nothing to tell."""
    if found["clean"] is not None and not found["clean"]["kept"]:
        return ["- (rejected)"]
    artifact = _ARTIFACT_OF.get(step, step)
    if (root / "data" / found["pipeline"] / artifact).is_dir():
        is_learnt = (found["parts"] or {}).get("part") == "train"
        return ["- (the model learnt from it)" if step == "prediction" and is_learnt else "- (made without this sample)"]
    return [f"- (not there yet: dl run {found['pipeline']} {STAGE_OF_ARTIFACT[artifact]})"]


def _source(found: Found) -> list[str]:
    others = {name: value for name, value in found.items() if name not in ("kind", "uri", "origin")}
    return [f"{found['origin']}, from {found['uri']} ({found['kind']})", *_pairs(others)]


def _raw(found: Found) -> list[str]:
    where = ""
    if "file" in found:
        unit = "row" if "row" in found else "offset"
        where = f"{found['file']}, {unit} {found[unit]:,}, "
    return [f"{where}{found['size_bytes']:,} bytes", *_pairs(found.get("cells", {})), *_pairs(_some(found, "problem"))]


def _clean(found: Found) -> list[str]:
    flags = [f"flagged: {flag['reason']} ({flag['detail']})" for flag in found.get("flagged", [])]
    if not found["kept"]:
        return [f"rejected: {found['reason']} ({found['detail']})", *flags]
    shape = " x ".join(map(str, found["shape"]))
    kept = f"kept as {found['target']}: {shape} {found['dtype']}, shard {found['shard']}, row {found['row']:,}"
    return [kept, *_pairs(found.get("measures", {})), *_pairs(found.get("values", {})), *flags]


def _parts(found: Found) -> list[str]:
    return [found["part"] + (f", fold {found['fold']}" if "fold" in found else "")]


def _augmented(found: Found) -> list[str]:
    if found["applies"]:
        copies = f", and in {found['copies']} copies" if found["copies"] else ""
        return [f"changed anew each epoch by {', '.join(found['transforms'])}{copies}"]
    return ["as it is" if found["transforms"] else "as it is: the policy is empty"]


def _prediction(found: Found) -> list[str]:
    """Tell the answer, and of classes the likeliest ones."""
    if "probabilities" not in found:
        return _pairs({name: value for name, value in found.items() if name != "is_right"})
    verdict = "right" if found["is_right"] else f"wrong, it is {found['target']}"
    best = sorted(found["probabilities"].items(), key=lambda item: -item[1])[:_MOST_SHOWN]
    likely = {"the target is likely wrong, and should be": found["likely_class"]} if "likely_class" in found else {}
    return [
        f"{found['prediction']} ({verdict})",
        ", ".join(f"{name} {percent(value)}" for name, value in best),
        *_pairs(likely),
    ]


def _exported(found: Found) -> list[str]:
    if not found["is_golden"]:
        return ["model.onnx is there; this is none of its golden samples"]
    answers = {name: value for name, value in found["certified"].items() if name != "id"}
    return ["a golden sample of model.onnx, which answers", *_pairs(answers)]


_TOLD = {
    "source": _source,
    "raw": _raw,
    "clean": _clean,
    "parts": _parts,
    "augmented": _augmented,
    "prediction": _prediction,
    "exported": _exported,
}


def _some(found: Found, *names: str) -> Found:
    return {name: found[name] for name in names if name in found}


def _pairs(values: Found) -> list[str]:
    """Return one line of names and values, or none."""
    return [", ".join(f"{name} {_shown(value)}" for name, value in values.items())] if values else []


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if value is None:
        return "missing"
    return amount(value) if isinstance(value, float) else str(value)
