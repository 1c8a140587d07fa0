"""Where the models of a pipeline meet: its rule, its artifacts, and the test set as it is now."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from dl_assets import registry
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError
from dl_assets.operations.promotion.answers import Answered, answer
from dl_assets.operations.promotion.folder import Folder
from dl_assets.operations.promotion.latency import latency_ms
from dl_assets.operations.promotion.pair import Pair, all_classes, widen
from dl_assets.operations.promotion.rule import Comparison, minimums
from dl_assets.operations.promotion.samples import TestSet
from dl_assets.operations.promotion.slices import compare_slices


@dataclass(frozen=True)
class Arena:
    """Scores models of one pipeline on one test set, by the metric that its rule asks for."""

    config: Pipeline
    root: Path
    test: TestSet

    @property
    def folder(self) -> Path:
        return self.root / "data" / self.config.name

    @property
    def metric(self) -> str:
        return self.config.promote.metric or next(iter(self.directions))

    @property
    def directions(self) -> dict[str, str]:
        directions: dict[str, str] = self._targets.METRICS
        return directions

    @property
    def direction(self) -> str:
        return self.directions[self.metric]

    def answer(self, model: Folder) -> Answered:
        """Ask a model about the test set. Raises NotComparable."""
        return answer(model, self.config, self.folder, self.test, self.root / "data" / ".tmp" / self.config.name / "answers")

    def all_classes(self, *answers: Answered) -> dict[str, Any]:
        """Return what the answers are measured by, so that those of several models are measured alike."""
        return all_classes(self._targets, [one.fitted for one in answers], self.test.samples)

    def numbers(self, model: Folder, answered: Answered, fitted: dict[str, Any]) -> dict[str, Any]:
        """Return what the record of a decision says of a model. Raises ConfigError where the metric is undefined."""
        options = self.config.evaluate
        predictions = widen(answered.predictions, fitted)
        found = self._evaluation.metrics(predictions, fitted, bootstrap_samples=options.bootstrap_samples, seed=options.seed)
        metrics = {name: entry for name, entry in found.items() if name != "classes"}
        for name in (self.metric, *minimums(self.config.promote, self.metric)):
            if name not in metrics:
                raise ConfigError(
                    f"{self.config.path}: the metric '{name}' of promote is undefined on this test part. "
                    f"Choose one of: {', '.join(name for name in self.directions if name in metrics)}."
                )
        latency = latency_ms(model, answered.way, self.folder, self.test)
        return {"sha256": model.sha256, "asked": answered.way, "latency_ms": latency, "metrics": metrics}

    def compare(self, champion: Answered, challenger: Answered, fitted: dict[str, Any]) -> Comparison:
        """Return by how much the challenger is better, overall and slice by slice."""
        before, after = (widen(one.predictions, fitted) for one in (champion, challenger))
        pair = Pair(before, after, fitted, self._evaluation, self.metric, self.direction)
        limit, options = self.config.promote.max_slice_loss, self.config.evaluate
        worst, num_slices = (
            ([], 0)
            if limit is None
            else compare_slices(pair, self.config, self.test.samples, self.folder / "clean", limit=limit, seed=options.seed)
        )
        gain = pair.gain(bootstrap_samples=options.bootstrap_samples, seed=options.seed)
        return Comparison(gain, pair.mcnemar(), worst, num_slices)

    @property
    def _evaluation(self) -> ModuleType:
        return registry.module("evaluation", self.config.task.targets)

    @property
    def _targets(self) -> ModuleType:
        return registry.module("targets", self.config.task.targets)
