"""One picture in, one class out."""

from dl_assets.tasks._task import Task

image_classification = Task(inputs="image", targets="classes", maps="image->vector")
