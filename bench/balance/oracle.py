"""The limits: routers that see everything, and a fleet without anybody else in it.

A clairvoyant router knows the true lengths and the state of every machine, and tries each request on a copy of each.
It is greedy: it does not know what comes next, so that a router may yet do better by keeping room, or by luck.

Rules of this file
- Only here does an agent look into machines. Nothing here is a router that somebody could run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from bench.balance.agent import Attempt, Request
from bench.balance.fleets import SLO_TPOT_SECONDS, SLO_TTFT_SECONDS, Fleet
from bench.balance.forecast import Ahead, Part, Picture, ahead_of
from bench.balance.peers.chooser import Chooser
from bench.balance.workload import Demand, Traffic
from bench.balance.world import Outcome, Record, Run, Simulation

_MARGIN = 0.96
"""What is only just good by the forecast is not any more when the next request has come."""


class Aim(Enum):
    """What a clairvoyant router wants."""

    SELFISH = "selfish"
    """The earliest end of this request."""
    SOCIAL = "social"
    """The smallest sum of all ends, with what it costs the others."""
    SLO = "slo"
    """The same among those backends where it meets the objective."""


@dataclass(slots=True)
class _Plan:
    """What will become of a machine, as long as its version is this."""

    version: int
    state: Ahead
    """At the end of the step under way."""
    ends: Sequence[float]
    without_queue: Ahead | None


class Clairvoyant(Chooser):
    """Greedy, with perfect sight. Of faults it knows those that have begun."""

    aim = Aim.SOCIAL

    def __init__(self, world: Simulation) -> None:
        super().__init__(world)
        self._truth = world
        self._plans: list[_Plan | None] = [None for _ in self.everyone]
        self._tried: dict[int, Ahead] = {}

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """The lowest cost of those that serve at all."""
        demand = self._truth.truth_of(request)
        serving = [number for number, site in enumerate(self._truth.sites) if site.takes(self.world.now)]
        costs = {number: self._cost(number, demand) for number in serving or candidates}
        return min(costs, key=costs.__getitem__)

    def sent(self, attempt: Attempt) -> None:
        """What was tried is what will be."""
        number = attempt.backend
        plan, tried = self._plans[number], self._tried[number]
        assert plan is not None
        plan.version = self._truth.sites[number].machine.version
        plan.state.waiting.append(self._newcomer(number, self._truth.truth_of(attempt.request))._replace(is_new=False))
        plan.ends = (*tried.ends, tried.end_at)
        plan.without_queue = tried.without_queue

    def _cost(self, number: int, demand: Demand) -> tuple[bool, float]:
        now = self.world.now
        standstill = max(0.0, self._truth.sites[number].frozen_until - now)
        plan = self._plan(number)
        start = plan.without_queue
        if start is None or start.now <= now:
            start = plan.state
        tried = self._tried[number] = start.joined_by(self._newcomer(number, demand), now)
        end = tried.end_at + standstill - now
        if self.aim is Aim.SELFISH:
            return False, end
        others = sum(tried.ends) - sum([usual for usual in plan.ends if usual > now])
        pace = (tried.end_at - tried.first_token_at) / max(1, demand.output_tokens - 1)
        late = tried.first_token_at + standstill - now > _MARGIN * SLO_TTFT_SECONDS
        return self.aim is Aim.SLO and (late or pace > _MARGIN * SLO_TPOT_SECONDS), end + others

    def _newcomer(self, number: int, demand: Demand) -> Part:
        left = self._truth.sites[number].machine.uncached(demand.prompt_tokens, demand.request.blocks)
        return Part(left, demand.prompt_tokens, demand.output_tokens, is_new=True)

    def _plan(self, number: int) -> _Plan:
        """What becomes of a machine without another newcomer. As long as nobody else comes or goes, it stays so."""
        site, now, plan = self._truth.sites[number], self.world.now, self._plans[number]
        if plan is not None and plan.version == site.machine.version and not plan.state.is_idle:
            plan.state.roll(now)
            if not plan.state.is_idle:
                return plan
        picture = site.machine.picture(now)
        usual = ahead_of(picture)
        usual.play()
        plan = _Plan(site.machine.version, ahead_of(picture), usual.ends, usual.without_queue)
        self._plans[number] = plan
        return plan


class ClairvoyantSelfish(Clairvoyant):
    """Each request for itself."""

    aim = Aim.SELFISH


class ClairvoyantSlo(Clairvoyant):
    """The objective first."""

    aim = Aim.SLO


def alone(fleet: Fleet, traffic: Traffic) -> Run:
    """The bound that no router can pass: each request has the whole of the backend that is fastest for it."""
    empty = [ahead_of(Picture(host.profile, 1.0, 0.0, [], [], [])) for host in fleet]
    records = []
    for demand in traffic:
        part = Part(demand.prompt_tokens, demand.prompt_tokens, demand.output_tokens, is_new=True)
        runs = [machine.joined_by(part, 0.0) for machine in empty]
        first, end = min(run.first_token_at for run in runs), min(run.end_at for run in runs)
        size = (demand.prompt_tokens, demand.output_tokens)
        records.append(Record(demand.request.at, *size, Outcome.FINISHED, first, end, None))
    return Run(tuple(records), 0, 0, 0, 0, 0.0)
