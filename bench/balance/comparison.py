"""One policy against the others, seed by seed. Pure.

Rules of this file
- Two policies are compared on the same seeds, so that what the traffic does to both is no difference between them.
- The best peer is chosen anew for each scenario and figure: nobody could run it, and that is what is to be beaten.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.balance.agent import Knowledge
from bench.balance.capacity import Capacity
from bench.balance.plan import Result
from bench.balance.policies import POLICIES
from bench.balance.scoring import Estimate, Score, bootstrapped, geometric_mean, mean

Scores = Mapping[str, Sequence[Score]]
"""Policy → its scores, in the order of the seeds. All of one scenario."""
Figure = Callable[[Score], float]

_TIE_RATIO = 1.02
_TIE_POINTS = 0.002
"""What differs by less does not differ to anybody."""
_FLOOR_SECONDS = 1e-6
LEAST_CONNECTIONS = "weighted"
LLMD = "llmd"


def ttft_p99(score: Score) -> float:
    """99th percentile of the time to the first token."""
    return score.ttft_p99_seconds


def e2e_mean(score: Score) -> float:
    """Mean time to the last token."""
    return score.e2e_mean_seconds


def goodput(score: Score) -> float:
    """Part of the answers that are good."""
    return score.goodput_ratio


def grouped(results: Iterable[Result]) -> dict[str, dict[str, list[Score]]]:
    """Scenario → policy → scores by seed."""
    groups: dict[str, dict[str, list[Score]]] = {}
    for result in sorted(results, key=lambda result: result.seed):
        groups.setdefault(result.scenario, {}).setdefault(result.policy, []).append(result.score)
    return groups


def ratio(ours: Sequence[Score], theirs: Sequence[Score], figure: Figure) -> Estimate:
    """Ours over theirs: below 1 where less is better means that ours is better."""
    pairs = zip(ours, theirs, strict=True)
    samples = [max(_FLOOR_SECONDS, figure(our)) / max(_FLOOR_SECONDS, figure(their)) for our, their in pairs]
    return bootstrapped(samples, geometric_mean)


def lead(ours: Sequence[Score], theirs: Sequence[Score], figure: Figure) -> Estimate:
    """Ours less theirs: above 0 where more is better means that ours is better."""
    return bootstrapped([figure(our) - figure(their) for our, their in zip(ours, theirs, strict=True)], mean)


def losses(ours: Sequence[Score], theirs: Sequence[Score]) -> list[str]:
    """In what theirs is better, as far as the seeds can tell."""
    found = []
    if lead(ours, theirs, goodput).high < -_TIE_POINTS:
        found.append("goodput")
    if ratio(ours, theirs, ttft_p99).low > _TIE_RATIO:
        found.append("TTFT p99")
    if ratio(ours, theirs, e2e_mean).low > _TIE_RATIO:
        found.append("E2E mean")
    return found


def peers(scores: Scores, *knowledge: Knowledge) -> list[str]:
    """The routers of others among the policies, of those that were given so much."""
    return [
        name for name in scores if name in POLICIES and POLICIES[name].peer and POLICIES[name].knowledge in knowledge
    ]


@dataclass(frozen=True, slots=True)
class Row:
    """How one scenario stands for one policy. None where nobody to compare with took part."""

    scenario: str
    ttft_peer: str | None
    """The self-configuring peer with the lowest p99 of the time to the first token."""
    ttft_ratio: Estimate | None
    e2e_peer: str | None
    e2e_ratio: Estimate | None
    goodput_peer: str | None
    """Of all peers, true weights included."""
    goodput_lead: Estimate | None
    weighted_ttft_ratio: Estimate | None
    """Over least connections with true weights."""
    limit: str | None
    limit_e2e_ratio: Estimate | None
    """Over the best clairvoyant router."""


def row(scenario: str, scores: Scores, policy: str) -> Row:
    """One scenario."""
    ours = scores[policy]
    alike = [name for name in peers(scores, Knowledge.NOTHING) if name != policy]
    everybody = [name for name in peers(scores, Knowledge.NOTHING, Knowledge.WEIGHTS) if name != policy]
    seeing = [name for name in scores if name in POLICIES and POLICIES[name].knowledge is Knowledge.EVERYTHING]

    def middle(name: str, figure: Figure) -> float:
        return geometric_mean(map(figure, scores[name]))

    ttft_peer = min(alike, key=lambda name: middle(name, ttft_p99), default=None)
    e2e_peer = min(alike, key=lambda name: middle(name, e2e_mean), default=None)
    goodput_peer = max(everybody, key=lambda name: mean([goodput(score) for score in scores[name]]), default=None)
    limit = min(seeing, key=lambda name: middle(name, e2e_mean), default=None)
    weighted = LEAST_CONNECTIONS if LEAST_CONNECTIONS in everybody else None
    return Row(
        scenario,
        ttft_peer,
        None if ttft_peer is None else ratio(ours, scores[ttft_peer], ttft_p99),
        e2e_peer,
        None if e2e_peer is None else ratio(ours, scores[e2e_peer], e2e_mean),
        goodput_peer,
        None if goodput_peer is None else lead(ours, scores[goodput_peer], goodput),
        None if weighted is None else ratio(ours, scores[weighted], ttft_p99),
        limit,
        None if limit is None else ratio(ours, scores[limit], e2e_mean),
    )


@dataclass(frozen=True, slots=True)
class Target:
    """Something that Maek wants to reach, and where it stands."""

    words: str
    value: float
    wanted: float
    more_is_better: bool = False
    where: str = ""
    """The scenario that is worst."""

    @property
    def is_met(self) -> bool:
        """Whether it is reached."""
        return self.value >= self.wanted if self.more_is_better else self.value <= self.wanted


def targets(rows: Sequence[Row], capacities: Sequence[Capacity], policy: str) -> list[Target]:
    """What was wanted of a policy over all scenarios. A target that nobody was there to measure is left out."""
    found: list[Target] = []
    firsts = [row.ttft_ratio.value for row in rows if row.ttft_ratio]
    ends = [row.e2e_ratio.value for row in rows if row.e2e_ratio]
    leads = [(row.goodput_lead.value, row.scenario) for row in rows if row.goodput_lead]
    weighted = [(row.weighted_ttft_ratio.value, row.scenario) for row in rows if row.weighted_ttft_ratio]
    limits = [row.limit_e2e_ratio.value for row in rows if row.limit_e2e_ratio]
    if firsts:
        found.append(Target("TTFT p99 / best self-configuring peer, geometric mean", geometric_mean(firsts), 0.5))
    if ends:
        found.append(Target("E2E mean / best self-configuring peer, geometric mean", geometric_mean(ends), 0.9))
    if leads:
        worst, where = min(leads)
        found.append(Target("goodput less the best of all peers, worst, in points", 100 * worst, -0.5, True, where))
    if weighted:
        worst, where = max(weighted)
        found.append(Target("TTFT p99 / least connections with true weights, worst", worst, 1.1, where=where))
    if limits:
        found.append(Target("E2E mean / best clairvoyant greedy, geometric mean", geometric_mean(limits), 1.1))
    borne = capacity_ratio(capacities, policy, LLMD)
    if not math.isnan(borne):
        found.append(Target("capacity / llm-d's default, geometric mean", borne, 1.2, True))
    return found


def capacity_ratio(capacities: Sequence[Capacity], ours: str, theirs: str) -> float:
    """How much more ours bears, over all fleets; not a number where one of them was not measured."""
    borne = {(one.scenario, one.policy): one.requests_per_second for one in capacities}
    fleets = {one.scenario for one in capacities}
    ratios = [
        borne[fleet, ours] / max(_FLOOR_SECONDS, borne[fleet, theirs])
        for fleet in fleets
        if (fleet, ours) in borne and (fleet, theirs) in borne
    ]
    return geometric_mean(ratios)
