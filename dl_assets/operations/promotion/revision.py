"""Which commit the working directory is at."""

import subprocess
from contextlib import suppress
from pathlib import Path


def revision(root: Path) -> str | None:
    """Return the commit, with `-dirty` where tracked files differ from it; None outside of Git or before the first commit."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    with suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip() or None
    return None
