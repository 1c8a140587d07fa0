"""dl-assets: from raw data to a certified model, executed by DVC and shown by Dagster."""

import os

# Both libraries call home at import; a pipeline that runs on a schedule must not depend on that.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

__version__ = "0.1.0"
