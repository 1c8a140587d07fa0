"""What Prometheus reads at /metrics."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters of one server, in a registry of their own."""

    def __init__(self, queue: Callable[[], float]) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter("dl_requests", "requests, by path and status", ["path", "status"], registry=registry)
        self.inputs = Counter("dl_inputs", "inputs, by what became of them", ["outcome"], registry=registry)
        self.predictions = Counter("dl_predictions", "predictions, by class", ["prediction"], registry=registry)
        self.latency = Histogram(
            "dl_request_seconds", "time from a request for predictions to its answer", buckets=_SECONDS, registry=registry
        )
        self.inference = Histogram("dl_inference_seconds", "time of one call of the model", buckets=_SECONDS, registry=registry)
        self.batch = Histogram(
            "dl_batch_inputs", "inputs of one call", buckets=(1, 2, 4, 8, 16, 32, 64, 128), registry=registry
        )
        self.swaps = Counter("dl_models_picked_up", "models that were taken while serving", registry=registry)
        self.refused = Counter("dl_models_refused", "new models that do not work or are not certified", registry=registry)
        self.shadow = Counter("dl_shadow_answers", "answers of the challenger, by agreement", ["agrees"], registry=registry)
        self.feedback = Counter("dl_feedback", "right answers that came back, by outcome", ["outcome"], registry=registry)
        self._model = Gauge("dl_model", "1 for the model that serves", ["version"], registry=registry)
        Gauge("dl_queue_inputs", "inputs that wait for the model", registry=registry).set_function(queue)

    def serves(self, version: str) -> None:
        """Say which model serves from now on."""
        self._model.clear()
        self._model.labels(version).set(1)

    def text(self) -> tuple[bytes, str]:
        """Return the metrics, and their content type."""
        return generate_latest(self._registry), CONTENT_TYPE
