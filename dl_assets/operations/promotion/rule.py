"""The conditions under which a challenger replaces the champion, each with what was found and what is asked for."""

from dataclasses import asdict, dataclass
from typing import Any

from dl_assets.operations.promotion.difference import Gain, McNemar
from dl_assets.operations.promotion.slices import Slice, failing
from dl_assets.sections import Promote


@dataclass(frozen=True)
class Condition:
    """One condition of the rule: what was found, what is asked for, and in words what that means."""

    name: str
    value: float
    threshold: float
    passed: bool
    detail: str


@dataclass(frozen=True)
class Comparison:
    """All that the rule asks about a challenger beside the champion."""

    gain: Gain
    mcnemar: McNemar | None
    worst: list[Slice]
    num_slices: int

    def record(self) -> dict[str, Any]:
        return {
            "gain": asdict(self.gain),
            "mcnemar": asdict(self.mcnemar) if self.mcnemar else None,
            "slices": {"looked_at": self.num_slices, "worst": [asdict(one) for one in self.worst]},
        }


def minimums(rule: Promote, metric: str) -> dict[str, float]:
    """Return what each metric must reach; a number alone is meant for the metric that decides."""
    if rule.minimum is None:
        return {}
    return rule.minimum if isinstance(rule.minimum, dict) else {metric: rule.minimum}


def of_itself(
    rule: Promote, metric: str, values: dict[str, float], directions: dict[str, str], latency_ms: float | None
) -> list[Condition]:
    """Return what a challenger must fulfil whether there is a champion or not; `values` are its metrics."""
    found = []
    for name, minimum in minimums(rule, metric).items():
        is_higher_better = directions[name] == "maximize"
        passed = values[name] >= minimum if is_higher_better else values[name] <= minimum
        wanted = "at least" if is_higher_better else "at most"
        detail = f"its {name} is {values[name]:.4g}, and must be {wanted} {minimum:g}"
        found.append(Condition("minimum" if name == metric else f"minimum_{name}", values[name], minimum, passed, detail))
    if rule.max_latency_ms is not None and latency_ms is not None:
        detail = f"one sample takes it {latency_ms:.3g} ms, and may take {rule.max_latency_ms:g} ms"
        found.append(Condition("latency", latency_ms, rule.max_latency_ms, latency_ms <= rule.max_latency_ms, detail))
    return found


def against_champion(rule: Promote, metric: str, found: Comparison) -> list[Condition]:
    """Return what it must fulfil beside the champion: a gain, no loss beyond chance, no slice that is failed."""
    gain = found.gain.value
    words = "better" if gain > 0 else "worse" if gain < 0 else "no different"
    by = f" by {abs(gain):.4g}" if gain else ""
    detail = f"its {metric} is {words}{by} than the champion's, where a gain of {rule.minimum_gain:g} or more is asked for"
    conditions = [Condition("gain", gain, rule.minimum_gain, gain >= rule.minimum_gain, detail)]
    if rule.significance is not None:
        conditions += _beyond_chance(rule.significance, metric, found)
    if rule.max_slice_loss is not None:
        conditions.append(_slices(rule.max_slice_loss, rule.significance, metric, found))
    return conditions


def _beyond_chance(significance: float, metric: str, found: Comparison) -> list[Condition]:
    """A loss that chance does not explain keeps the champion, be it of the metric or of right answers."""
    asked = f"by chance, which must be {significance:g} or more"
    p = found.gain.p_worse
    detail = f"so low a gain of {metric} has a probability of {p:.3g} {asked} (paired bootstrap)"
    conditions = [Condition("not_worse", p, significance, p >= significance, detail)]
    if found.mcnemar:
        only, other, p = found.mcnemar.only_champion, found.mcnemar.only_challenger, found.mcnemar.p_worse
        detail = (
            f"{only} samples only the champion answers correctly, {other} only the challenger; so many have a probability of "
            f"{p:.3g} {asked} (McNemar, exact)"
        )
        conditions.append(Condition("mcnemar", p, significance, p >= significance, detail))
    return conditions


def _slices(limit: float, significance: float | None, metric: str, found: Comparison) -> Condition:
    failed = failing(found.worst, limit, significance, found.num_slices)
    if not found.worst:
        return Condition("slices", 0.0, limit, True, "there is no slice of 30 samples or more on which both can be measured")
    worst = failed[0] if failed else found.worst[0]
    where = f"where {worst.column} is {worst.values} ({worst.samples} samples)"
    told = f"{metric} {worst.challenger:.4g}, the champion's {worst.champion:.4g}"
    if failed:
        detail = f"{where} it loses {worst.loss:.3g} ({told}), more than {limit:g} and more than chance explains"
    else:
        within = "" if worst.loss <= limit else ", which may be chance"
        detail = f"of {found.num_slices} slices it does worst {where}: {told}, a loss of {worst.loss:.3g}{within}"
    return Condition("slices", worst.loss, limit, not failed, detail)
