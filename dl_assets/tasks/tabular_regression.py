"""One row of a table in, one number out."""

from dl_assets.tasks._task import Task

tabular_regression = Task(inputs="table", targets="numbers", maps="table->vector")
