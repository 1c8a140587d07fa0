"""Samples that repeat others, exactly or nearly: which one stays, which labels contradict each other, what hangs together.

Samples are rows of id, origin, target, part and digest (equal arrays have equal ones). Pairs are near duplicates: first,
second (rows of the samples) and distance; what is said of a sample holds for all of its digest.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

Sample = dict[str, Any]
Same = tuple[str, str]  # digest and target
Groups = dict[Same, list[Sample]]
Neighbours = dict[str, list[tuple[int, str]]]  # digest -> distance and digest, nearest first
Row = tuple[str, str, str, str]

PAIRS = {"first": pl.UInt32, "second": pl.UInt32, "distance": pl.UInt32}
_FINDINGS = {"id": pl.String, "reason": pl.String, "detail": pl.String, "other": pl.String}


def resolve(
    samples: pl.DataFrame,
    pairs: pl.DataFrame,
    *,
    exact_duplicates: str = "reject",
    near_duplicates: str = "reject",
    label_conflicts: str = "reject",
    worse: Sequence[str] = (),
    same: str = "pixels",
) -> pl.DataFrame:
    """Return the findings: id, reason (label_conflict, exact_duplicate or near_duplicate, in this order), detail, and the
    id of the other sample that it repeats or contradicts.

    Whatever is equal or near to a sample of another target is a label conflict. Within a target, of equal samples all but
    one are exact duplicates, and whatever is near to a sample that stays is a near duplicate. Test goes before val, and
    val before all others, so that a leak is taken out of train and not out of test; then the lower value in the columns
    `worse`; then the order of the rows.

    The options say what is done about a reason. What is rejected is out of the following steps, and so is found once;
    what is flagged may be found for a weaker reason too; what is kept is not reported. `same` says what equal samples share.
    """
    groups = _groups(_involved(samples, pairs, worse))
    near = _neighbours(samples["digest"], pairs)
    found: list[Row] = list(_label_conflicts(groups, near, same))
    if label_conflicts == "reject":
        gone = {sample_id for sample_id, *_ in found}
        groups = {same: group for same, group in groups.items() if group[0]["id"] not in gone}
    if exact_duplicates != "keep":
        found += _exact_duplicates(groups, same)
    if exact_duplicates == "reject":
        groups = {same: group[:1] for same, group in groups.items()}
    if near_duplicates != "keep":
        found += _near_duplicates(groups, near)
    return pl.DataFrame(found, schema=_FINDINGS, orient="row")


def cluster_names(samples: pl.DataFrame, pairs: pl.DataFrame) -> pl.Series:
    """Name what hangs together by digest or pairs: the smallest digest of it, for every sample."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = samples["digest"].gather(pl.concat([pairs["first"], pairs["second"]]))  # [2 * P], the firsts, then the seconds
    linked = ends.unique().sort()
    codes = linked.search_sorted(ends).to_numpy().reshape(2, -1)
    graph = coo_array((np.ones(len(pairs), np.int8), (codes[0], codes[1])), shape=(len(linked), len(linked)))
    num_clusters, cluster = connected_components(graph, directed=False)
    smallest = np.full(num_clusters, len(linked))
    np.minimum.at(smallest, cluster, np.arange(len(linked)))
    return samples["digest"].replace(linked, linked[smallest[cluster]]).alias("cluster")


def _involved(samples: pl.DataFrame, pairs: pl.DataFrame, worse: Sequence[str]) -> pl.DataFrame:
    """Return the samples that are equal or near to another; test before val before all others."""
    near = samples["digest"].gather(pl.concat([pairs["first"], pairs["second"]]))
    rank = pl.when(part="test").then(0).when(part="val").then(1).otherwise(2)
    involved = samples.filter(pl.col("digest").is_duplicated() | pl.col("digest").is_in(near.implode()))
    return involved.sort(rank, *worse, maintain_order=True).select("id", "origin", "target", "part", "digest")


def _groups(samples: pl.DataFrame) -> Groups:
    groups: Groups = defaultdict(list)
    for sample in samples.iter_rows(named=True):
        groups[sample["digest"], sample["target"]].append(sample)
    return dict(groups)


def _neighbours(digests: pl.Series, pairs: pl.DataFrame) -> Neighbours:
    near: Neighbours = defaultdict(list)
    for first, second, distance in pairs.select("first", "second", "distance").iter_rows():
        near[digests[first]].append((distance, digests[second]))
        near[digests[second]].append((distance, digests[first]))
    return {digest: sorted(others) for digest, others in near.items()}


def _label_conflicts(groups: Groups, near: Neighbours, same: str) -> Iterator[Row]:
    targets: dict[str, list[str]] = defaultdict(list)
    for digest, target in groups:
        targets[digest].append(target)
    for (digest, target), group in groups.items():
        for distance, other_digest in [(None, digest), *near.get(digest, [])]:
            other = next((groups[other_digest, name][0] for name in targets[other_digest] if name != target), None)
            if other is not None:
                like = f"same {same} as {other['origin']}" if distance is None else _like(other, distance)
                detail = f"{like}, whose target is {other['target']!r} and not {target!r}"
                yield from ((sample["id"], "label_conflict", detail, other["id"]) for sample in group)
                break


def _exact_duplicates(groups: Groups, same: str) -> Iterator[Row]:
    for first, *others in groups.values():
        for sample in others:
            detail = f"same {same} as {first['origin']}{_where(first, sample)}"
            yield sample["id"], "exact_duplicate", detail, first["id"]


def _near_duplicates(groups: Groups, near: Neighbours) -> Iterator[Row]:
    staying: set[Same] = set()
    for (digest, target), group in groups.items():
        nearest = next(((distance, other) for distance, other in near.get(digest, []) if (other, target) in staying), None)
        if nearest is None:
            staying.add((digest, target))
            continue
        distance, other = nearest
        first = groups[other, target][0]
        for sample in group:
            yield sample["id"], "near_duplicate", _like(first, distance) + _where(first, sample), first["id"]


def _like(other: Sample, distance: int) -> str:
    return f"like {other['origin']} (distance {distance})"


def _where(staying: Sample, sample: Sample) -> str:
    """Say so where a leak between given parts is closed."""
    if staying["part"] == sample["part"]:
        return ""
    return f", which is in {staying['part']}; this one is in {sample['part']}"
