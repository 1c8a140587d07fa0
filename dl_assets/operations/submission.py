"""A Kaggle submission: `id,label` of every file that is to be predicted."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import polars as pl

from dl_assets import progress, registry
from dl_assets.artifacts.raw import RawSample
from dl_assets.config import Pipeline, load_pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.files import replace_text
from dl_assets.operations.predict import BATCH_SIZE, Exported
from dl_assets.operations.predicting.chosen import choose_model
from dl_assets.operations.predicting.inputs import find_inputs
from dl_assets.operations.predicting.pictures import predict
from dl_assets.problems import choose

# Log loss punishes a certain mistake without bound. Where it is 0.995 sure, a model loses 0.005 nats whenever it is right
# and 5.3 whenever it is not: hardly anything for a good model, and a bound for a mistake that is sure of itself.
LEAST, MOST = 0.005, 0.995
UNKNOWN = 0.5


def write_submission(
    name: str, paths: list[str], root: Path, out: Path, positive: str | None, *, challenger: bool = False
) -> None:
    """Write `id,label` in the order of the ids: a file's name without its ending, and the probability of `positive`.

    Without `paths`, what the source has to be predicted is taken. `positive` is the second of two classes by default; of
    more classes the label is the predicted one. Probabilities are held between 0.005 and 0.995. A file that cannot be
    read gets 0.5, or the first class, and is told. Raises DataError where two files have the same id.
    """
    config = load_pipeline(name, root)
    chosen = choose_model(config, root, challenger=challenger)
    label = _label(chosen.exported, positive)
    names, files = _files(config, paths)
    _require_unique(names)
    batches = progress.track(predict(chosen.exported, files), -(-len(names) // BATCH_SIZE))
    rows = pl.concat([batch.select("file", "problem", label=label) for batch in batches])
    for file, problem in rows.select("file", "problem").drop_nulls().iter_rows():
        print(f"WARNING: {file} cannot be read ({problem}); its label is a guess.", file=sys.stderr)
    ids = rows["file"].map_elements(_id, return_dtype=pl.String)
    table = rows.select(id=ids, label="label").sort(pl.col("id").cast(pl.UInt64, strict=False), "id", nulls_last=True)
    replace_text(out, table.write_csv(float_precision=6))
    bounds = f" Probabilities are held between {LEAST} and {MOST}." if table["label"].dtype == pl.Float64 else ""
    print(f"Wrote {out}: {len(table):,} rows, answers of {chosen}.{bounds}")


def _label(exported: Exported, positive: str | None) -> pl.Expr:
    classes: list[str] = exported.fitted["classes"]
    if positive is None and (len(classes) > 2 or exported.targets is not registry.module("targets", "classes")):
        return pl.col("prediction").fill_null(classes[0])
    chosen = classes[1] if positive is None else positive
    if chosen not in classes:
        raise ConfigError(f"--positive is '{chosen}'{choose(chosen, classes)}")
    return pl.col(f"probability_{chosen}").clip(LEAST, MOST).fill_null(UNKNOWN)


def _files(config: Pipeline, paths: list[str]) -> tuple[list[str], Iterator[RawSample]]:
    """Return the names of the files, and then the files themselves, which may be a stream that can be read once."""
    if paths:
        inputs = find_inputs(config, paths)
        return inputs.names, inputs.samples
    return [sample.origin for sample in _unlabelled(config)], _unlabelled(config)


def _unlabelled(config: Pipeline) -> Iterator[RawSample]:
    source = registry.module("sources", config.source_kind)
    if not hasattr(source, "unlabelled"):
        raise ConfigError(
            f"{config.path}: the source '{config.source_kind}' has no files without target to predict. Name the files: "
            f"dl predict {config.name} FILES --submission FILE"
        )
    found: Iterator[RawSample] = source.unlabelled(**config.source.options)
    return found


def _id(origin: str) -> str:
    return PurePosixPath(origin).stem


def _require_unique(names: list[str]) -> None:
    if not names:
        raise DataError("there is no file to predict. Look at source.unlabelled, or name the files.")
    (first, count), *_ = Counter(map(_id, names)).most_common(1)
    if count > 1:
        same = [name for name in names if _id(name) == first]
        raise DataError(f"{' and '.join(same[:3])} have the same id '{first}'. Rename them, or predict one of them.")
