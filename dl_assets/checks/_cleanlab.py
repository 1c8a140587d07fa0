"""The door to cleanlab, which is an extra: whoever does not look for odd samples need not install it."""

import importlib.util

from dl_assets.errors import ConfigError


def require_cleanlab(check: str) -> None:
    """Raise ConfigError where the option of this name is on and cleanlab is not there."""
    if importlib.util.find_spec("cleanlab") is None:
        raise ConfigError(
            f"clean.{check} needs cleanlab, which is not installed. "
            f"Install it: pip install 'dl-assets[quality]', or set clean.{check} to 'off'."
        )
