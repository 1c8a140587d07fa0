"""dl-assets: from raw data to a certified model, executed by DVC and shown by Dagster."""

import os

from dl_assets._torchvision import declare_missing_operators

# Both libraries call home at import; a pipeline that runs on a schedule must not depend on that.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Threads that wait spin for some 0.1 ms, then sleep. Where two processes share the cores, those that spin for long, as they do
# where nothing is said, made a training 17 times slower; those that sleep at once make one that is alone a fifth slower.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")

declare_missing_operators()

__version__ = "0.1.0"
