"""Experiments: what is changed, and what came of it. They are run by `dl_assets.orchestration.experiment`."""
