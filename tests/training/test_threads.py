"""How the threads of a training wait for each other, as torch's OpenMP itself says it."""

import os
import subprocess
import sys

import pytest

_OURS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def told(**given: str) -> dict[str, str]:
    """Return the variables of OpenMP in a process that imports the package, then torch, as that of GNU says them on stderr."""
    environment = {name: value for name, value in os.environ.items() if name not in _OURS} | given
    found = subprocess.run(
        [sys.executable, "-c", "import dl_assets, torch; torch.ones(1)"],
        env={**environment, "OMP_DISPLAY_ENV": "VERBOSE"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    pairs = (line.partition(" = ") for line in found.stderr.splitlines() if " = " in line)
    variables = {name.split()[-1]: value.strip("'") for name, _, value in pairs}
    if "GOMP_SPINCOUNT" not in variables:
        pytest.skip("torch does not use the OpenMP of GNU here")
    return variables


def test_threads_that_wait_spin_for_a_moment_and_then_sleep() -> None:
    found = told()
    assert (found["OMP_WAIT_POLICY"], found["GOMP_SPINCOUNT"]) == ("PASSIVE", "5000")


def test_who_says_how_threads_wait_is_heard() -> None:
    found = told(OMP_WAIT_POLICY="ACTIVE")
    assert found["OMP_WAIT_POLICY"] == "ACTIVE" and int(found["GOMP_SPINCOUNT"]) > 1_000_000
