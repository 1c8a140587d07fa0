"""What must stay together: samples that share a digest, a cluster or a group, also by way of others."""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

TOGETHER = ("digest", "cluster", "group")
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Units:
    """N samples in U units. A unit is named after what its samples are, so that the name does not depend on their order."""

    of_sample: Whole  # [N], number of the sample's unit
    names: list[str]  # [U], in the order of the alphabet

    def __len__(self) -> int:
        return len(self.names)

    @property
    def sizes(self) -> Whole:
        """Number of samples of each unit, [U]."""
        return np.bincount(self.of_sample, minlength=len(self))

    def hashed(self, salt: str) -> Whole:
        """Return the units in the order of a hash of their name, [U]: the same for the same names, and as good as random."""
        hashes = [int.from_bytes(blake2b(f"{salt} {name}".encode(), digest_size=8).digest()) for name in self.names]
        return np.argsort(np.array(hashes, dtype=np.uint64), kind="stable")

    def least(self, values: Whole, unknown: int) -> Whole:
        """Return the least value [U] that a sample of the unit has, where `values` [N] is not `unknown`; else `unknown`."""
        found = np.full(len(self), np.iinfo(np.int64).max)
        known = values != unknown
        np.minimum.at(found, self.of_sample[known], values[known])
        return np.where(found == np.iinfo(np.int64).max, unknown, found)


def find_units(samples: pl.DataFrame) -> Units:
    """Return the connected components; a unit's name is its first group in the alphabet, else its first digest."""
    nodes, shared = len(samples), []
    for column in TOGETHER:
        known = samples.select(sample=pl.int_range(pl.len()), value=column).drop_nulls()
        codes = known["value"].rank("dense").cast(pl.Int64).to_numpy() - 1
        shared.append(np.stack([known["sample"].to_numpy(), nodes + codes]))
        nodes += int(codes.max(initial=-1)) + 1
    edges = np.concatenate(shared, axis=1)  # [2, E]: a sample and what it shares
    graph = csr_matrix((np.ones(edges.shape[1], dtype=np.int8), (edges[0], edges[1])), shape=(nodes, nodes))
    _, components = connected_components(graph, directed=False)
    name = pl.coalesce("group " + pl.col("group"), "same " + pl.col("digest"))  # "group" comes before "same"
    named = samples.select(name=name, component=pl.Series(components[: len(samples)], dtype=pl.Int64))
    unique = named.group_by("component").agg(pl.col("name").min()).sort("name")
    number = unique.select("component", unit=pl.int_range(pl.len()))
    of_sample = named.join(number, on="component", how="left", maintain_order="left")["unit"].to_numpy()
    return Units(of_sample.astype(np.int64), unique["name"].to_list())
