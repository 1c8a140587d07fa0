"""An archive behind a URL, fetched once, verified by its hash and kept."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from dl_assets.artifacts.raw import Source
from dl_assets.sources._files.archives import archive_tree
from dl_assets.sources._files.layout import Parts, labelled, lone_folder
from dl_assets.sources._files.members import split
from dl_assets.sources._files.transfer import fetch
from dl_assets.sources._files.tree import source


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^/][!-~]+", text):
        raise ValueError(
            "is no address of ASCII characters that begins with https:// or http://. For s3:// and the like use kind: archive"
        )
    return text


def _sha256(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise ValueError("is no SHA-256, which has 64 hexadecimal digits. To get one, run: sha256sum FILE")
    return text.lower()


def download(
    *,
    url: Annotated[str, AfterValidator(_url), Field(description="address of a zip or tar archive of class folders")],
    sha256: Annotated[str, AfterValidator(_sha256), Field(description="hash of the archive, as its publisher gives it")],
    licence: Annotated[str, Field(min_length=1, description="under which licence the data is, and from whom")],
    inside: Annotated[str, Field(description="folder in the archive that holds the class folders")] = "",
    parts: Annotated[Parts, Field(description="none: folders called train, val and test are classes like any other")] = "auto",
) -> Source:
    """Yield the files of an archive that is downloaded first, as with `kind: archive`.

    A broken transfer is resumed, also by the next run. The archive is kept in data/incoming/.downloads under its hash.
    Raises DataError where it cannot be had, where its hash is another, and where `kind: archive` would.
    """
    tree = archive_tree(str(fetch(url, sha256.lower())), "source.url", inside)
    above = len(split(inside)) if inside else lone_folder(tree, 0)
    samples = labelled(tree, parts, above, advise=lambda names: f"inside: {'/'.join(names)}")
    return source(tree, samples, kind="download", uri=url, sha256=sha256, licence=licence)


def watched(*, url: str, sha256: str, licence: str, inside: str = "", parts: Parts = "auto") -> tuple[str, ...]:
    """Return nothing: a file with this hash never changes."""
    return ()


def places(*, url: str, sha256: str, licence: str, inside: str = "", parts: Parts = "auto") -> tuple[str, ...]:
    """Return nothing, for the same reason."""
    return ()
