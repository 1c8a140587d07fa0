"""A training keeps the memory that it frees."""

import platform
import subprocess
import sys

import pytest

CODE = """
import psutil, torch
from dl_assets.training.trainer import keep_freed_memory
keep_freed_memory()
used = psutil.Process().memory_info().rss
held = torch.ones(2**24)  # 64 MiB, more than glibc would keep
del held
print((psutil.Process().memory_info().rss - used) // 2**20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep it")
def test_what_is_freed_stays_with_the_process() -> None:
    kept = subprocess.check_output([sys.executable, "-c", CODE], text=True)
    assert int(kept) >= 60
