"""dl-assets: from raw data to a certified model, executed by DVC and shown by Dagster."""

import os

from dl_assets._torchvision import declare_missing_operators

# Both libraries call home at import; a pipeline that runs on a schedule must not depend on that.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Waiting threads sleep: where two processes share the cores, threads that spin made a training 17 times slower (measured).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

declare_missing_operators()

__version__ = "0.1.0"
