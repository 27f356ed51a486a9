"""A backend that comes and goes, in virtual time: who gets what, by the real store and the real choice."""

from heapq import heappop, heappush
from itertools import count

import pytest

from router.balance.choice import choose
from router.balance.demand import Demand
from router.balance.policies import POLICIES, PolicyName
from router.balance.pools import Candidate
from router.balance.seen import SLOW_START_SHARE
from sidecar import BackendAdded, BackendSpec, FirstTokenCame, Outcome, RequestFinished, RequestStarted, Store
from sidecar.facts import HealthProbed, ProbeOutcome

ROLE = "reasoner"
POOL = (Candidate("flapping", "m"), Candidate("steady", "m"))
UP_SECONDS = DOWN_SECONDS = 20.0
ANSWER_SECONDS = 0.5
FAILURE_SECONDS = 0.001


class Day:
    """Requests at a steady pace to two backends, of which one is up and down by turns and fails fast."""

    def __init__(self, policy: PolicyName, requests_per_second: float) -> None:
        self.store = Store()
        for name in ("flapping", "steady"):
            self.store.apply(BackendAdded(0.0, BackendSpec(name, f"http://{name}:1", models={ROLE: "m"})))
            self.store.apply(HealthProbed(0.0, name, ProbeOutcome.OK, 1.0))
        self.policy = POLICIES[policy]
        self.pause = 1.0 / requests_per_second
        self.started: list[tuple[float, str]] = []
        self.failed: list[float] = []
        self.most_beyond_share = 0.0
        """In flight on the flapping one while it was starting slowly, less what it should have had by then."""
        self._numbers = count()

    def live(self, seconds: float) -> None:
        """So long."""
        ends: list[tuple[float, str, str, Outcome]] = []
        now = 0.0
        while now < seconds:
            while ends and ends[0][0] <= now:
                at, request, backend, outcome = heappop(ends)
                self._end(at, request, backend, outcome)
            at, request, backend, outcome = self._start(now)
            heappush(ends, (at, request, backend, outcome))
            now += self.pause

    def _start(self, now: float) -> tuple[float, str, str, Outcome]:
        number = next(self._numbers)
        snapshot = self.store.snapshot(now)
        winner = choose(POOL, snapshot, Demand(ROLE, 100, number=number), self.policy, (number * 0.618) % 1).winner
        assert winner is not None
        backend, request = winner.candidate.backend, str(number)
        self.started.append((now, backend))
        self.store.apply(RequestStarted(now, backend, request, "m", ROLE, 100, True))
        state = self.store.snapshot(now).backends["flapping"]
        warmth = state.breaker.warmth(now)
        if backend == "flapping" and warmth < 1.0:
            beyond = state.work.in_flight - max(1.0, warmth * SLOW_START_SHARE)
            self.most_beyond_share = max(self.most_beyond_share, beyond)
        if backend == "flapping" and now % (UP_SECONDS + DOWN_SECONDS) >= UP_SECONDS:
            return now + FAILURE_SECONDS, request, backend, Outcome.BACKEND_ERROR
        return now + ANSWER_SECONDS, request, backend, Outcome.OK

    def _end(self, at: float, request: str, backend: str, outcome: Outcome) -> None:
        if outcome is Outcome.OK:
            self.store.apply(FirstTokenCame(at - ANSWER_SECONDS / 2, backend, request))
        else:
            self.failed.append(at)
        self.store.apply(RequestFinished(at, backend, request, outcome, 20))


@pytest.mark.parametrize("requests_per_second", [5, 40])
@pytest.mark.parametrize("policy", [PolicyName.PREDICTED, PolicyName.LEAST_IN_FLIGHT, PolicyName.ROUND_ROBIN])
def test_a_backend_that_flaps_costs_little_and_is_still_of_use(policy: PolicyName, requests_per_second: int) -> None:
    day = Day(policy, requests_per_second)
    day.live(160.0)
    served = sum(backend == "flapping" for _, backend in day.started) - len(day.failed)
    assert len(day.failed) < 0.02 * len(day.started)
    assert served > 0.05 * len(day.started)
    assert day.most_beyond_share == 0.0
