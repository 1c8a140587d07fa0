"""`dl collect`: pictures that were asked about come back, as samples to learn from, or as those that are most worth a label.

They are in the log of predictions where the server was started with `--keep-inputs`.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
from PIL import Image

from dl_assets import files
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.inputs._image.decode import FORMATS
from dl_assets.operations.feedback import FEEDBACK, read_feedback
from dl_assets.operations.logs.ids import time_of
from dl_assets.operations.logs.window import rows_of, rows_with
from dl_assets.operations.predicting.chosen import choose_model

ANSWERS, TARGETS = "answers.csv", "targets.csv"
_PICTURE = "input"  # column of the log
_SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2"}  # of others the name of the format
_TOGETHER = 100  # pictures in memory


def collect_answered(config: Pipeline, root: Path, folder: Path) -> dict[str, int]:
    """Write every picture whose right answer came back into `folder`; return how many are new, moved, known and not logged.

    Those of a class lie in a folder of its name, others beside targets.csv (file, target). A picture is moved where another
    answer was told since. Raises ConfigError for a table, DataError where there is nothing to write.
    """
    log, told = _log_of(config, root), _told(config, root)
    if not told:
        raise DataError(f"{config.name}: no right answer came back yet. Tell some: dl feedback {config.name} FILE")
    by_class = config.task.targets == "classes"
    before = {path.stem: path for path in folder.rglob("*") if time_of(path.stem) is not None}
    counts = {"new": 0, "moved": 0, "known": 0}
    listed = {}
    for id_, picture in _pictures(log, list(told)):
        place = (folder / _as_folder(told[id_]) if by_class else folder) / f"{id_}{_suffix(picture)}"
        counts[_put(place, picture, before.get(id_))] += 1
        listed[place.name] = told[id_]
    _require_some(config, log, len(listed))
    if not by_class:
        known = dict(pl.read_csv(folder / TARGETS, infer_schema=False).rows()) if (folder / TARGETS).exists() else {}
        _write_csv(folder / TARGETS, pl.DataFrame(list((known | listed).items()), ["file", "target"], orient="row"))
    return {**counts, "not_logged": len(told) - len(listed)}


def collect_unsure(config: Pipeline, root: Path, folder: Path, number: int) -> int:
    """Write the pictures of which the model was least sure, and answers.csv, in which `target` is to be filled in.

    Uncertainty sampling (Lewis and Gale, 1994) among the predictions without a right answer; of equal pictures one is taken.
    Where answers have no confidence these are the latest. Returns how many. Raises ConfigError where answers.csv is there
    already, DataError where there is nothing to write.
    """
    log, path = _log_of(config, root), folder / ANSWERS
    if path.exists():
        raise ConfigError(
            f"{path} exists. Tell what was filled in: dl feedback {config.name} {path}. Then delete it, or name another folder."
        )
    answered = choose_model(config, root).exported.answer({}, 0).columns
    shown = ["id", *(name for name in ("prediction", "confidence") if name in answered)]
    frames = list(rows_with(log, _PICTURE, shown))
    _require_some(config, log, len(frames))
    rows = pl.concat(frames).filter(~pl.col("id").is_in(list(_told(config, root))))
    rows = rows.sort("confidence" if "confidence" in answered else "id", descending="confidence" not in answered)
    places: dict[str, str] = {}
    seen: set[bytes] = set()
    for id_, picture in _pictures(log, rows["id"].to_list()):
        digest = hashlib.sha256(picture).digest()
        if digest in seen:
            continue
        if len(seen) == number:
            break
        seen.add(digest)
        place = folder / f"{id_}{_suffix(picture)}"
        _put(place, picture, None)
        places[id_] = place.name
    chosen = rows.filter(pl.col("id").is_in(list(places))).with_columns(
        file=pl.col("id").replace_strict(places), target=pl.lit("")
    )
    folder.mkdir(parents=True, exist_ok=True)
    _write_csv(path, chosen.select("id", "file", *shown[1:], "target"))
    return len(chosen)


def _log_of(config: Pipeline, root: Path) -> Path:
    if config.task.inputs != "image":
        raise ConfigError(
            f"{config.path}: `dl collect` is for pictures. Rows, with what they turned out to be, come with their table."
        )
    return root / "data" / config.name / "predictions"


def _told(config: Pipeline, root: Path) -> dict[str, str]:
    return dict(read_feedback(root / "data" / config.name / FEEDBACK).select("id", "target").iter_rows())


def _pictures(log: Path, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield id and bytes of those that are logged, in this order."""
    for start in range(0, len(ids), _TOGETHER):
        together = ids[start : start + _TOGETHER]
        found = {id_: picture for rows in rows_of(log, set(together), ["id", _PICTURE]) for id_, picture in rows.iter_rows()}
        yield from ((id_, found[id_]) for id_ in together if id_ in found)


def _require_some(config: Pipeline, log: Path, number: int) -> None:
    if not number:
        raise DataError(f"{log} has none of the pictures. Start the server with: dl serve {config.name} --keep-inputs")


def _as_folder(name: str) -> str:
    if Path(name).name != name or name.startswith("."):
        raise ConfigError(f"The class '{name}' cannot be the name of a folder. Rename it in the source.")
    return name


def _suffix(picture: bytes) -> str:
    with Image.open(io.BytesIO(picture), formats=FORMATS) as opened:
        kind = str(opened.format)
    return _SUFFIXES.get(kind, f".{kind.lower()}")


def _put(place: Path, picture: bytes, before: Path | None) -> str:
    """Write a picture that is not there yet, or move it from where it was; return what was done. It is never in two places."""
    if before == place:
        return "known"
    place.parent.mkdir(parents=True, exist_ok=True)
    if before is None:
        files.replace_bytes(place, picture)
        return "new"
    before.replace(place)
    return "moved"


def _write_csv(path: Path, rows: pl.DataFrame) -> None:
    files.replace_text(path, rows.write_csv())
