"""Results → the table of HTTP beside virtual time. Pure.

Rules of this file
- A row is one router on the same traffic twice: over HTTP, and in virtual time. Their ratio is what the table is for.
- What the machine did to a run stands in its row, and a run that it spoilt is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.balance.live.noise import Noise
from bench.balance.live.stage import SERVE
from bench.balance.scenarios import SCENARIOS
from bench.balance.scoring import Score, geometric_mean, mean
from bench.balance.table import aligned

LEGEND = (
    "Each figure over HTTP, in virtual time, and the first over the second (x): 1 where virtual time tells the truth.\n"
    "good: part of all requests with the first token within 2 s and at most 60 ms a token. Times in seconds from when\n"
    "a request was due. serve: `maek serve` as a process; beside it stands maek, its code in virtual time. CPU: of\n"
    "all cores; busiest: of one core, by the busiest process; late: 99th percentile of how late requests left, in ms."
)
_FIGURES = {
    "good": "goodput_ratio",
    "TTFT p50": "ttft_p50_seconds",
    "TTFT p99": "ttft_p99_seconds",
    "E2E mean": "e2e_mean_seconds",
}
_ORDERED_BY = "e2e_mean_seconds"
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Compared:
    """One router in one scenario with one seed."""

    scenario: str
    policy: str
    seed: int
    http: Score
    virtual: Score
    noise: Noise


@dataclass(frozen=True, slots=True)
class Terms:
    """How a scenario was played."""

    seconds: float
    warm_up_seconds: float
    time_ratio: float
    """Of everything that happens to backends."""
    per_second: float
    """Requests, in the mean."""


def scenario_table(name: str, found: Sequence[Compared], terms: Terms) -> str:
    """One scenario, a row a router."""
    by_policy = grouped(found)
    some = next(iter(by_policy.values()))
    title = (
        f"{name} over HTTP: {SCENARIOS[name].about}\n"
        f"{terms.per_second:.1f} requests/s for {terms.seconds:g} s, the first {terms.warm_up_seconds:g} s not scored: "
        f"{mean([one.http.requests for one in some]):,.0f} requests of {len(some)} seed{'s' if len(some) > 1 else ''}"
    )
    if SCENARIOS[name].faults or SCENARIOS[name].outside or any(_sleeps(name)):
        title += f"; what happens to backends at {terms.time_ratio:.2f} of its times"
    header = ["policy"]
    for figure in _FIGURES:
        header += [figure, "virtual", "x"]
    header += ["errors", "virtual", "CPU", "busiest", "late", ""]
    rows = [header, *(_row(policy, ones) for policy, ones in by_policy.items())]
    return f"{title}\n{aligned(rows)}\n{_orders(by_policy)}"


def _sleeps(name: str) -> list[bool]:
    scenario = SCENARIOS[name]
    return [host.cold_start_seconds > 0 for host in scenario.altered(scenario.fleet)]


def grouped(found: Sequence[Compared]) -> dict[str, list[Compared]]:
    """Policy → its seeds, in the order in which they came."""
    groups: dict[str, list[Compared]] = {}
    for one in found:
        groups.setdefault(one.policy, []).append(one)
    return groups


def _row(policy: str, ones: Sequence[Compared]) -> list[str]:
    cells, real, virtual = [policy], [one.http for one in ones], [one.virtual for one in ones]
    for figure in _FIGURES.values():
        cells += [_middle(real, figure), _middle(virtual, figure), f"{ratio(ones, figure):.2f}"]
    cells += [f"{mean([score.error_ratio for score in side]):.3f}" for side in (real, virtual)]
    noises = [one.noise for one in ones]
    return [
        *cells,
        f"{mean([noise.machine_ratio for noise in noises]):.0%}",
        f"{mean([noise.busiest_ratio for noise in noises]):.0%}",
        f"{1000 * mean([noise.late_p99_seconds for noise in noises]):.0f}",
        "NOISY" if any(noise.warning for noise in noises) else "",
    ]


def _middle(scores: Sequence[Score], figure: str) -> str:
    values = [getattr(score, figure) for score in scores]
    return f"{mean(values):.3f}" if figure == "goodput_ratio" else f"{_geometric(values):.2f}"


def _geometric(values: Sequence[float]) -> float:
    return geometric_mean(max(_LEAST, value) for value in values)


def ratio(ones: Sequence[Compared], figure: str) -> float:
    """A figure over HTTP, over that in virtual time."""
    return geometric_mean(
        max(_LEAST, getattr(one.http, figure)) / max(_LEAST, getattr(one.virtual, figure)) for one in ones
    )


def _orders(by_policy: Mapping[str, Sequence[Compared]]) -> str:
    """Who is better than whom: the same in both, one would hope."""

    def order(side: str) -> str:
        middles = {
            policy: _geometric([getattr(getattr(one, side), _ORDERED_BY) for one in ones])
            for policy, ones in by_policy.items()
            # In virtual time it is the same as maek.
            if policy != SERVE or side == "http"
        }
        return " < ".join(sorted(middles, key=middles.__getitem__))

    return f"E2E mean over HTTP: {order('http')}\nin virtual time:    {order('virtual')}"


def warnings(found: Sequence[Compared]) -> list[str]:
    """Runs that the machine spoilt."""
    return [
        f"{one.scenario}, {one.policy}, seed {one.seed}: {one.noise.warning}. Do not trust its figures."
        for one in found
        if one.noise.warning
    ]
