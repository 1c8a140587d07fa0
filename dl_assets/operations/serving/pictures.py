"""Pictures that are asked about: the bytes of files, decoded as those were that the model learnt from."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from types import MappingProxyType
from typing import Any

from dl_assets.artifacts.rejection import Rejection
from dl_assets.operations.predict import Exported
from dl_assets.operations.serving.limits import MOST_PIXELS
from dl_assets.operations.serving.prepared import Prepared


class Pictures:
    """How a model is asked about pictures."""

    given = "images"  # what a request calls them
    together = 1  # they are decoded one by one, in several threads
    logged: Mapping[str, str] = MappingProxyType({"width": "Int64", "height": "Int64", "brightness": "Float64"})
    described: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, exported: Exported) -> None:
        self._clean, self._name = exported.inputs.clean, exported.asked["name"]
        self._options = {**exported.decoding, "max_pixels": min(exported.decoding["max_pixels"], MOST_PIXELS)}

    def prepare(self, given: Sequence[Any]) -> list[Prepared | Rejection]:
        """Decode pictures; a Rejection says why one cannot be."""
        return [self._try(payload) for payload in given]

    def _try(self, payload: bytes) -> Prepared | Rejection:
        try:
            return self._decode(payload)
        except Rejection as rejection:
            return rejection

    def _decode(self, payload: bytes) -> Prepared:
        array, measured = self._clean(payload, **self._options)
        return Prepared({self._name: array[None]}, {name: measured[name] for name in self.logged})

    def probe(self) -> Prepared:
        """Return a black picture, with which the decoder and the model show that they work."""
        from PIL import Image

        file = BytesIO()
        Image.new("L", (64, 48)).save(file, "PNG")
        return self._decode(file.getvalue())
