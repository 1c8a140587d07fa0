"""Pages that need nothing else: no network, no script, no file beside them. The same values give the same bytes."""

import base64
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from dl_assets import __version__

LARGE_PX = 1300


def page(package: str, template: str, **values: Any) -> str:
    """Fill a template of this package, which may extend `base.html.j2`. Whatever comes from the data is escaped."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader("dl_assets.pages", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"data_uri": data_uri, "percent": percent, "words": words, "whole": "{:,}".format, "large": is_large}
    return environment.get_template(template).render(version=__version__, **values)


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def words(name: str) -> str:
    return name.replace("_", " ")


def is_large(png: bytes) -> bool:
    """Whether a PNG is too wide to be read in a column of the page; its width stands in its first bytes."""
    return int.from_bytes(png[16:20]) > LARGE_PX


def data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
