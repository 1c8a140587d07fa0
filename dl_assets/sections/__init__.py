"""The sections of a pipeline file that do not depend on a task, model or source: their options, defaults and bounds."""

from dl_assets.sections.about import About
from dl_assets.sections.data import Augment, Clean, CleanPictures, Source, Split
from dl_assets.sections.judge import Cost, Evaluate, Export, Promote
from dl_assets.sections.model import Model, Weights
from dl_assets.sections.monitor import Monitor
from dl_assets.sections.notify import Notify
from dl_assets.sections.schedule import Schedule
from dl_assets.sections.search import Range, Tune
from dl_assets.sections.shared import Action, Seed
from dl_assets.sections.train import Named, Train

__all__ = [
    "About",
    "Action",
    "Augment",
    "Clean",
    "CleanPictures",
    "Cost",
    "Evaluate",
    "Export",
    "Model",
    "Monitor",
    "Named",
    "Notify",
    "Promote",
    "Range",
    "Schedule",
    "Seed",
    "Source",
    "Split",
    "Train",
    "Tune",
    "Weights",
]
