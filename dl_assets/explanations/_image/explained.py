"""The panel that shows what in a picture an answer rests on."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.artifacts.shards import open_arrays
from dl_assets.evaluation.panel import Panel
from dl_assets.explanations._image.asked import Asked
from dl_assets.explanations._image.explained_figure import DPI, Explained, explained_figure
from dl_assets.explanations._image.kinds import Kind
from dl_assets.explanations._image.maps import Maps
from dl_assets.inference.network import CROP, middle
from dl_assets.pages import style

MISTAKES, HITS = "explained_mistakes", "explained_hits"


def what_it_looks_at(
    asked: Asked, kind: Kind, fitted: dict[str, Any], clean: Path, mistakes: pl.DataFrame, hits: pl.DataFrame
) -> Panel:
    """Explain the chosen mistakes and hits, of which there is at least one, with where they are stored."""
    chosen = {name: frame for name, frame in ((MISTAKES, mistakes), (HITS, hits)) if len(frame)}
    pictures = {name: read_pictures(clean, frame) for name, frame in chosen.items()}
    maps = Maps(asked, next(iter(pictures.values()))[0], kind.explained, num_explained=len(mistakes) + len(hits))
    figures = {name: explained_figure(_explained(maps, frame, pictures[name], fitted)) for name, frame in chosen.items()}
    return Panel(
        title="What it looks at in a picture",
        note=_note(maps, len(mistakes), len(hits)),
        figures={name: style.png(figure, DPI) for name, figure in figures.items()},
    )


def read_pictures(clean: Path, stored: pl.DataFrame) -> NDArray[np.uint8]:
    """Return the pictures of one size at these places (columns shard and row), uint8 [N, H, W, C]."""
    return open_arrays(clean, stored).batch(np.arange(len(stored)))


def _explained(maps: Maps, chosen: pl.DataFrame, pictures: NDArray[np.uint8], fitted: dict[str, Any]) -> list[Explained]:
    classes: list[str] = fitted["targets"]["classes"]
    outputs = np.array([classes.index(name) for name in chosen["name"]], dtype=np.int64)
    cams, gradients = maps.grad_cam(pictures, outputs), maps.gradients(pictures, outputs)
    inside = middle(pictures.shape[1:3], fitted["inputs"].get(CROP, pictures.shape[1:3]))
    return [
        Explained(
            told=row["told"],
            aside=" · ".join(filter(None, (row["aside"], row["id"]))),
            picture=pictures[place][inside],
            grad_cam=None if cams is None else cams[place],
            gradients=gradients[place],
        )
        for place, row in enumerate(chosen.iter_rows(named=True))
    ]


def _note(maps: Maps, num_mistakes: int, num_hits: int) -> str:
    figures = [f"the {num_mistakes} most confident mistakes of val and test"] if num_mistakes else []
    figures += [f"{num_hits} right answers for test, of each class in turn"] if num_hits else []
    grad_cam = (
        "Grad-CAM, bright where features lie that speak for the answer, and"
        if maps.has_grad_cam
        else "without Grad-CAM, because this network has no last map of features (a transformer mixes what is seen where), but"
    )
    return (
        f"Shown are {' and '.join(figures)}. Beside each picture stand {grad_cam} integrated gradients, pixel by pixel against "
        f"a picture of the mean colour ({maps.steps} steps): orange speaks for the answer that is named, blue against it. "
        "Where the maps light up beside the thing itself, the network may have learnt the background. Of a picture that is "
        "also shown to the network in another view, the plain one is explained."
    )
