"""One row of a table in, one class out."""

from dl_assets.tasks._task import Task

tabular_classification = Task(inputs="table", targets="classes", maps="table->vector")
