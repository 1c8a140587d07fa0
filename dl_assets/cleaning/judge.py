"""Which of the decoded samples are kept, which are rejected and which are only flagged, and why."""

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import polars as pl

from dl_assets import registry
from dl_assets.artifacts.shards import open_arrays
from dl_assets.cleaning import duplicates
from dl_assets.config import Clean

Tables = dict[str, pl.DataFrame]

# The option of `clean` that says what becomes of a reason.
_OPTION_OF = {
    "label_conflict": "label_conflicts",
    "exact_duplicate": "exact_duplicates",
    "near_duplicate": "near_duplicates",
}


@dataclass
class Judgement:
    """`samples` are kept so far; a finding is a sample with the columns `reason` and `detail`."""

    samples: pl.DataFrame
    _rejected: list[pl.DataFrame] = field(default_factory=list)
    _flagged: list[pl.DataFrame] = field(default_factory=list)

    def rule(self, findings: pl.DataFrame, action: str) -> None:
        """Reject or flag the kept samples among the findings (id, reason, detail, perhaps other; a sample once at most)."""
        among = self.samples if len(findings) else self.samples.clear()  # most find nothing: all samples are not looked through
        found = among.join(findings, on="id", how="inner", maintain_order="right")
        if action == "reject":
            self._rejected.append(found)
            if len(found):
                self.samples = self.samples.join(findings, on="id", how="anti", maintain_order="left")
        else:
            self._flagged.append(found)

    @property
    def rejected(self) -> pl.DataFrame:
        return pl.concat(self._rejected, how="diagonal")

    @property
    def flagged(self) -> pl.DataFrame:
        return pl.concat(self._flagged, how="diagonal")


def judge(
    found: pl.DataFrame, folder: Path, inputs: ModuleType, targets: ModuleType, options: Clean, last: Tables
) -> tuple[Judgement, Tables]:
    """Judge the samples as `cleaning.decode` found them: rows with id, origin, target, problem, reason, detail, ...

    Whoever is rejected is out of the following steps: a sample is never the duplicate of a rejected one. Return also what
    the search for near duplicates found out, which the next run takes as `last`.
    """
    unusable = found.select("id", *_why_unusable(found, targets)).drop_nulls("reason")
    judgement = Judgement(found.drop("problem", "reason", "detail"))
    judgement.rule(unusable, "reject")
    renamed = targets.rename(judgement.samples["target"], options.labels)
    judgement.rule(_relabelled(judgement.samples, renamed), "flag")
    judgement.samples = judgement.samples.with_columns(target=renamed)
    quick = [name for name in inputs.CHECKS if not _reads_arrays(name)]
    for name in quick:
        _apply(name, judgement, folder, options)
    found_out = _find_duplicates(judgement, folder, inputs, options, last)
    for name in inputs.CHECKS:
        if name not in quick:
            _apply(name, judgement, folder, options)
    return judgement, found_out


def _why_unusable(found: pl.DataFrame, targets: ModuleType) -> tuple[pl.Expr, pl.Expr]:
    """Expressions for the reason (null where the sample can be used) and the detail."""
    no_label = pl.col("target").fill_null("").str.strip_chars() == ""
    wrong = pl.lit(targets.problem_of(found["target"])) if hasattr(targets, "problem_of") else pl.lit(None, pl.String)
    cases = (  # a row of a wrong length has no target either, so the first comes first
        (pl.col("problem").is_not_null(), "unreadable", pl.col("problem")),
        (no_label, "no_label", pl.lit("the source gives it no target")),
        (wrong.is_not_null(), "schema", pl.format("target: {}", wrong)),
    )
    reason, detail = pl.col("reason"), pl.col("detail")
    for condition, name, words in reversed(cases):
        reason = pl.when(condition).then(pl.lit(name)).otherwise(reason)
        detail = pl.when(condition).then(words).otherwise(detail)
    return reason.alias("reason"), detail.alias("detail")


def _relabelled(samples: pl.DataFrame, renamed: pl.Series) -> pl.DataFrame:
    changed = samples.select("id", "target", instead=renamed).filter(pl.col("target") != pl.col("instead"))
    detail = pl.format("'{}' became '{}' (clean.labels)", "target", "instead")
    return changed.select("id", reason=pl.lit("relabelled"), detail=detail)


def _reads_arrays(name: str) -> bool:
    return "arrays" in inspect.signature(registry.find("checks", name)).parameters


def _apply(name: str, judgement: Judgement, folder: Path, options: Clean) -> None:
    action = getattr(options, name)
    if action == "off":
        return
    check = registry.find("checks", name)
    chosen = {option: getattr(options, option) for option in registry.options_of(check).model_fields}
    parameters = inspect.signature(check).parameters
    if "arrays" in parameters:
        chosen["arrays"] = open_arrays(folder, judgement.samples)
    if "folder" in parameters:
        chosen["folder"] = folder
    findings = check(judgement.samples, **chosen)
    judgement.rule(findings.select("id", pl.lit(name).alias("reason"), "detail"), action)


def _find_duplicates(judgement: Judgement, folder: Path, inputs: ModuleType, options: Clean, last: Tables) -> Tables:
    """Name the cluster of every sample, whatever is done with duplicates: split never divides a cluster.

    Of two that show the same, the one without a flaw is kept, then the one of more quality.
    """
    samples = judgement.samples
    pairs, found_out = _find_similar(samples, folder, inputs, options, last)
    judgement.samples = samples.with_columns(cluster=duplicates.cluster_names(samples, pairs))
    is_flagged = pl.col("id").is_in(judgement.flagged["id"].implode())
    ranked = samples.with_columns(is_flagged=is_flagged, lack=-inputs.QUALITY)
    actions = {option: getattr(options, option) for option in _OPTION_OF.values() if hasattr(options, option)}
    findings = duplicates.resolve(ranked, pairs, worse=("is_flagged", "lack"), same=inputs.SAME, **actions)
    for reason, option in _OPTION_OF.items():
        if option in actions:
            judgement.rule(findings.filter(reason=reason), actions[option])
    return found_out


def _find_similar(
    samples: pl.DataFrame, folder: Path, inputs: ModuleType, options: Clean, last: Tables
) -> tuple[pl.DataFrame, Tables]:
    """Return the pairs of near duplicates; there are none where a kind of input does not know what that is."""
    if not hasattr(inputs, "similar"):
        return pl.DataFrame(schema=duplicates.PAIRS), {}
    chosen = {option: getattr(options, option) for option in registry.options_of(inputs.similar).model_fields}
    pairs, found_out = inputs.similar(samples, open_arrays(folder, samples), last, **chosen)
    return pairs, found_out
