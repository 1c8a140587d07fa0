"""One picture in, any number of labels out."""

from dl_assets.tasks._task import Task

image_multilabel = Task(inputs="image", targets="labels", maps="image->vector")
