"""Drift: the latest predictions held against samples that the model that serves has not learnt from."""

from pathlib import Path

MONITOR = Path("reports", "monitor")  # in data/<pipeline>
REPORT = MONITOR / "monitor.json"
