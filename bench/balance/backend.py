"""A backend as a client meets it: the machine, what stands before it, and what its stats endpoint says of it.

Rules of this file
- Faults change a site through its methods and nothing else; how they are timed is `bench.balance.faults`.
- What a site draws by chance depends on the seed and the request, never on what a router did before: the same request
  on the same backend is cut off under every policy, or under none.
"""

from itertools import cycle
from random import Random

from bench.balance.agent import Failure, FailureKind, Offer, Reading
from bench.balance.fleets import Host
from bench.balance.machine import Machine
from bench.balance.sequence import Kv

_HEALTH_SECONDS, _HEALTH_SIGMA = 0.003, 0.4
_HEALTH_GAIN = 0.5
"""A full machine answers its health endpoint half again as slowly: measured, it says next to nothing."""
_LARGE_BATCH = 32
"""Where slots are no limit, so many sequences count as full."""
_COOLING_SECONDS = 45.0
_HOT, _THROTTLING = 0.4, 1.2
"""A machine hotter than `_HOT` (of 1) slows down, by up to 70 % when it has long been full."""


class Site:
    """One backend of a run."""

    def __init__(self, number: int, host: Host, seed: int, kv: Kv) -> None:
        profile = host.profile
        self.offer = Offer(host.name, host.engine, host.weight, profile.slots, profile.kv_capacity_tokens)
        self.machine = Machine(
            profile,
            kv=kv,
            cold_start_seconds=host.cold_start_seconds,
            keep_alive_seconds=host.keep_alive_seconds,
            cached_tokens=profile.kv_capacity_tokens,
        )
        self.frozen_until = 0.0
        self.streams = 0
        """Attempts of the router's that have their first token and not their last."""
        self.last_token_at: float | None = None
        self.last_gap_seconds: float | None = None
        self._number = number
        self._seed = seed
        self._full = profile.slots if profile.slots < 2 * _LARGE_BATCH else _LARGE_BATCH
        rng = Random(f"health {seed} {number}")
        self._noise = cycle([rng.lognormvariate(0, _HEALTH_SIGMA) for _ in range(499)])
        self._down: FailureKind | None = None
        self._lying = False
        self._cut_ratio = 0.0
        self._limit_per_second = 0.0
        self._most_allowance = self._allowance = 0.0
        self._allowance_at = 0.0
        self._slowness = 1.0
        self._heat = 0.0

    @property
    def is_down(self) -> bool:
        """Whether every request and every poll fails at once."""
        return self._down is not None

    def refusal(self, now: float) -> Failure | None:
        """Why a request that comes now is not taken; None when it is, which uses up a part of the limit."""
        if self._down is not None:
            return Failure(self._down)
        if not self._limit_per_second:
            return None
        self._allowance, self._allowance_at = self._allowance_now(now), now
        if self._allowance < 1:
            wait = (1 - self._allowance) / self._limit_per_second
            return Failure(FailureKind.REJECTED, retry_after_seconds=wait)
        self._allowance -= 1
        return None

    def takes(self, now: float) -> bool:
        """Whether a request that came now would be taken."""
        return self._down is None and (not self._limit_per_second or self._allowance_now(now) >= 1)

    def _allowance_now(self, now: float) -> float:
        grown = (now - self._allowance_at) * self._limit_per_second
        return min(self._most_allowance, self._allowance + grown)

    def tokens_before_cut(self, request_id: int, output_tokens: int) -> int:
        """Behind which token a stream breaks off; `output_tokens` when it does not."""
        if not self._cut_ratio:
            return output_tokens
        rng = Random(f"cut {self._seed} {self._number} {request_id}")
        return rng.randint(1, output_tokens) if rng.random() < self._cut_ratio else output_tokens

    def reading(self, now: float, asked_at: float) -> Reading:
        """What the stats endpoint answers at `now` to a question of `asked_at`."""
        machine = self.machine
        running, waiting = machine.running, machine.waiting
        load = min(3.0, (running + waiting) / self._full)
        health_seconds = now - asked_at + _HEALTH_SECONDS * next(self._noise) * (1 + _HEALTH_GAIN * load)
        resident = machine.is_resident(now)
        if not self.offer.has_stats:
            return Reading(now, health_seconds, resident)
        if self._lying:
            return Reading(now, health_seconds, resident, 0, 0, 0.0)
        return Reading(now, health_seconds, resident, running, waiting, machine.kv_usage_ratio(now))

    def stall(self, now: float, seconds: float) -> None:
        """Nothing moves for so long; connections stay open."""
        self.frozen_until = now + seconds
        self.machine.freeze(now)

    def go_on(self, now: float) -> None:
        """The stall is over."""
        self.machine.thaw(now)

    def slow_down(self, now: float, factor: float) -> None:
        """Everything takes `factor` times as long from now on; 1 is as usual."""
        self._slowness = factor
        self._set_pace(now)

    def crash(self, kind: FailureKind) -> list[int]:
        """From now on every request fails so. Returns the keys of those that were there."""
        self._down = kind
        return self.machine.restart()

    def come_back(self) -> None:
        """Serve again, empty."""
        self._down = None

    def lie(self) -> None:
        """Say from now on that nothing runs."""
        self._lying = True

    def cut_streams(self, ratio: float) -> None:
        """So many of the streams that begin from now on break off on the way."""
        self._cut_ratio = ratio

    def limit(self, now: float, per_second: float, burst: float) -> None:
        """Take no more than `per_second` requests, and `burst` at once."""
        self._limit_per_second = per_second
        self._most_allowance = self._allowance = burst
        self._allowance_at = now

    def warm_up(self, now: float, seconds: float) -> None:
        """`seconds` have passed at the present load: heat follows it, and the pace follows heat."""
        load = min(1.0, self.machine.running / self._full)
        self._heat += (load - self._heat) * min(1.0, seconds / _COOLING_SECONDS)
        self._set_pace(now)

    def _set_pace(self, now: float) -> None:
        self.machine.set_pace(self._slowness * (1 + _THROTTLING * max(0.0, self._heat - _HOT)), now)
