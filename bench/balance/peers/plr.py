"""Predicted-latency routing as a study had it before Maek: the reference that Maek's own policy has to beat.

Each backend has two fitted lines, the time to the first token over the prompt tokens ahead, and the time per token over
the streams beside it. A request goes where its predicted latency, and what it costs the others, is least.

Rules of this file
- It stays as it is: what is learned later goes into `router.balance`, and is compared with this.
"""

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from bench.balance.agent import Attempt, Failure, FailureKind, Reading, Request, World
from bench.balance.peers.chooser import Chooser

_SLO_TTFT_SECONDS = 2.0
_HINGE, _MOST_HINGE_SECONDS = 5.0, 2.0
_HEADROOM_SECONDS = 0.25
_COLD_SECONDS = 15.0
_TYPICAL_PROMPT_TOKENS = 1000
_UNKNOWN_SLOTS = 1e9
_FIRST_OUTPUTS = (64, 128, 256, 400)
_RESIDUAL_STRIDE, _RESIDUAL_ROWS = 32, 65
_SETTLED = 30
"""So many answers teach what is usual before a wait is called one for a slot."""
_HEDGE_PART, _MOST_HEDGES = 0.05, 20.0
_STALE_POLLS = 3


class Line:
    """y = a + b·x by least squares that forget; neither is negative. The prior is one point at each end."""

    def __init__(self, a: float, b: float, typical: float, keep: float) -> None:
        self.a, self.b = a, b
        self._keep = keep
        self._w, self._x, self._xx = 2.0, typical, 2 * typical * typical
        self._y, self._xy = 2 * a + b * typical, a * typical + 2 * b * typical * typical

    def add(self, x: float, y: float, weight: float = 1.0) -> None:
        """A sample."""
        keep = self._keep
        self._w = self._w * keep + weight
        self._x = self._x * keep + weight * x
        self._xx = self._xx * keep + weight * x * x
        self._y = self._y * keep + weight * y
        self._xy = self._xy * keep + weight * x * y
        determinant = self._w * self._xx - self._x * self._x
        if determinant <= 1e-9 * max(1.0, self._w * self._xx):
            return
        self.b = (self._w * self._xy - self._x * self._y) / determinant
        self.a = (self._y - self.b * self._x) / self._w
        if self.b < 0:
            self.a, self.b = self._y / self._w, 0.0
        if self.a < 0:
            self.a, self.b = 0.0, self._xy / max(1e-12, self._xx)

    def at(self, x: float) -> float:
        """The line at `x`."""
        return self.a + self.b * x


@dataclass(slots=True)
class _Known:
    """What the router knows of one backend."""

    ttft: Line = field(default_factory=lambda: Line(0.05, 0.0003, 1000, 0.97))
    tpot: Line = field(default_factory=lambda: Line(0.02, 0.001, 8, 0.98))
    live: dict[int, Attempt] = field(default_factory=dict)
    streaming: int = 0
    due_tokens: int = 0
    started_at: float = 0.0
    slots: float = _UNKNOWN_SLOTS
    gap_seconds: float = 0.05
    others_running: int = 0
    others_waiting: int = 0
    read_at: float = -1e9
    resident: bool = True
    cold_seconds: float = _COLD_SECONDS
    fails: int = 0
    not_before: float = 0.0
    warmed_at: float = -1e9


@dataclass(slots=True)
class _Note:
    """What was so when an attempt was sent."""

    ahead_tokens: float
    company: int
    was_cold: bool
    company_at_first: int = 1


class PlrReference(Chooser):
    """Predicted-latency routing, hedging included."""

    poll_seconds = 1.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._known = [_Known() for _ in self.everyone]
        self._outputs: deque[int] = deque(_FIRST_OUTPUTS, maxlen=400)
        self._answers = 0
        self._mean_output = 0.0
        self._residuals: list[float] = []
        self._recent: deque[float] = deque()
        self._hedges = 2.0
        self._hedged: dict[int, list[Attempt]] = {}
        self._learn_outputs()

    def arrive(self, request: Request) -> None:
        """Each request earns a part of a hedge, and shows that there is demand."""
        self._recent.append(request.at)
        while self._recent[0] < request.at - 60:
            self._recent.popleft()
        self._hedges = min(_MOST_HEDGES, self._hedges + _HEDGE_PART)
        super().arrive(request)

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """The lowest cost of those that are not resting."""
        now = self.world.now
        rested = [number for number in candidates if self._known[number].not_before <= now] or candidates
        self._prewarm(rested)
        return self.least(rested, lambda number: self._costs(number, request.prompt_tokens)[0])

    def sent(self, attempt: Attempt) -> None:
        """Book it, and think of hedging it later."""
        known = self._known[attempt.backend]
        _, others_waiting = self._others(known)
        attempt.note = _Note(
            known.due_tokens + attempt.request.prompt_tokens + 1000 * others_waiting,
            len(known.live) + 1 + sum(self._others(known)),
            not known.resident,
        )
        predicted = self._costs(attempt.backend, attempt.request.prompt_tokens)[1]
        if not known.live:
            known.started_at = self.world.now
        known.live[attempt.id] = attempt
        known.due_tokens += attempt.request.prompt_tokens
        if attempt.request.id not in self._hedged:
            self.world.at(self.world.now + max(1.5, 3 * predicted), attempt)

    def wake(self, key: Hashable) -> None:
        """Time to hedge, if nothing came and the budget has room."""
        assert isinstance(key, Attempt)
        if key.over or key.first_token_at is not None or self._hedges < 1 or key.request.id in self._hedged:
            return
        others = [number for number in self._alive if number != key.backend]
        if others:
            self._hedges -= 1
            backend = self.choose(key.request, others)
            self.in_flight[backend] += 1
            second = self.world.send(key.request, backend)
            self._hedged[key.request.id] = [key, second]
            self.sent(second)

    def first_token(self, attempt: Attempt) -> None:
        """The others have lost."""
        for other in self._hedged.pop(attempt.request.id, ()):
            if other is not attempt and not other.over:
                self.world.cancel(other)
                self.in_flight[other.backend] -= 1
                self._forget(other)
        known, note = self._known[attempt.backend], attempt.note
        known.due_tokens -= attempt.request.prompt_tokens
        known.streaming += 1
        self._learn_first(known, note, self.world.now - attempt.sent_at)

    def ended(self, attempt: Attempt, output_tokens: int) -> None:
        """Learn how long answers are and how fast they came."""
        known = self._known[attempt.backend]
        company = known.streaming + self._others(known)[0]
        self._forget(attempt)
        known.fails = 0
        self._outputs.append(output_tokens)
        self._answers += 1
        if output_tokens > 8 and attempt.first_token_at is not None:
            pace = (self.world.now - attempt.first_token_at) / (output_tokens - 1)
            mean = (max(1, attempt.note.company_at_first) + max(1, company)) / 2
            known.tpot.add(mean, pace, min(1.0, output_tokens / 100))
        if self._answers % 50 == 0:
            self._learn_outputs()

    def failed(self, attempt: Attempt, failure: Failure) -> None:
        """Rest the backend; go elsewhere unless the other of two is still under way."""
        known = self._known[attempt.backend]
        if failure.kind is FailureKind.REJECTED:
            known.not_before = self.world.now + (failure.retry_after_seconds or 1.0)
        else:
            known.fails += 1
            known.not_before = self.world.now + min(30.0, 2.0 ** min(5, known.fails - 1))
        self._forget(attempt)
        pair = self._hedged.pop(attempt.request.id, ())
        if any(not other.over for other in pair):
            self.in_flight[attempt.backend] -= 1
            return
        super().failed(attempt, failure)

    def read(self, backend: int, reading: Reading | None) -> None:
        """What others have there is what it tells, less our own; a queue beside a full batch shows the slots."""
        known = self._known[backend]
        if reading is None:
            return
        known.resident = reading.resident
        if reading.running is None or reading.waiting is None:
            return
        others = max(0, reading.running + reading.waiting - len(known.live))
        known.others_waiting = min(others, reading.waiting)
        known.others_running = others - known.others_waiting
        known.read_at = reading.at
        if reading.waiting and reading.running:
            self._see_slots(known, reading.running, 0.2)

    def _costs(self, backend: int, prompt_tokens: int) -> tuple[float, float]:
        """The cost of sending it there, and the predicted time to its first token."""
        known = self._known[backend]
        others_running, others_waiting = self._others(known)
        company = len(known.live) + others_running + others_waiting
        waiting = 0.0
        first = known.ttft.at(known.due_tokens + others_waiting * 1000 + prompt_tokens)
        if company >= known.slots:
            waiting = self._wait_for_slot(known, company, others_running)
            first = known.ttft.at(prompt_tokens) + waiting
        first += self._silence(backend, known)
        if not known.resident:
            first += known.cold_seconds
        pace = known.tpot.at(min(company + 1, known.slots))
        hinge = min(_MOST_HINGE_SECONDS, max(0.0, 1.15 * first + 3 * waiting - _SLO_TTFT_SECONDS))
        crowd = min(company, known.slots)
        to_others = crowd * (known.ttft.b * prompt_tokens + 0.6 * self._mean_output * known.tpot.b)
        cost = first + 0.5 * self._mean_output * pace + _HINGE * hinge + 0.5 * to_others
        return cost + _HEADROOM_SECONDS * min(1.0, company / known.slots), first

    def _wait_for_slot(self, known: _Known, company: int, others_running: int) -> float:
        gap, now = max(known.gap_seconds, 1e-3), self.world.now
        rate = others_running / (self._mean_output * gap)
        for attempt in known.live.values():
            if attempt.first_token_at is not None:
                rate += 1 / (self._residual((now - attempt.first_token_at) / gap) * gap)
        service = self._mean_output * known.tpot.at(known.slots) + known.ttft.at(_TYPICAL_PROMPT_TOKENS)
        return (company + 1 - known.slots) / max(0.5 * rate + 0.5 * known.slots / service, 1e-3)

    def _silence(self, backend: int, known: _Known) -> float:
        gap = self.world.last_gap_seconds(backend)
        if gap is not None:
            known.gap_seconds += 0.1 * (gap - known.gap_seconds)
        if not known.live:
            return 0.0
        silence = self.world.now - max(self.world.last_token_at(backend) or 0.0, known.started_at)
        limit = max(1.0, 6 * known.gap_seconds, 2.5 * known.ttft.at(known.due_tokens))
        return 2 * silence if silence > limit else 0.0

    def _others(self, known: _Known) -> tuple[int, int]:
        if self.world.now - known.read_at > _STALE_POLLS * self.poll_seconds:
            return 0, 0
        return known.others_running, known.others_waiting

    def _learn_first(self, known: _Known, note: _Note, seconds: float) -> None:
        company = known.streaming + self._others(known)[0]
        note.company_at_first = max(1, company)
        late = seconds > 3 * known.ttft.at(note.ahead_tokens) + 0.5
        if note.was_cold:
            known.cold_seconds += 0.3 * (seconds - known.cold_seconds)
        elif late and self._answers > _SETTLED and note.company > company:
            self._see_slots(known, company, 0.3)
        elif note.company - 1 < known.slots:
            known.ttft.add(note.ahead_tokens, min(seconds, 60.0))
        known.slots = max(known.slots, company)

    def _see_slots(self, known: _Known, slots: int, part: float) -> None:
        known.slots = slots if known.slots >= _UNKNOWN_SLOTS else known.slots + part * (slots - known.slots)

    def _learn_outputs(self) -> None:
        lengths = sorted(self._outputs)
        self._mean_output = sum(lengths) / len(lengths)
        self._residuals = []
        for row in range(_RESIDUAL_ROWS):
            had = row * _RESIDUAL_STRIDE
            longer = [length for length in lengths if length > had]
            self._residuals.append(max(8.0, sum(longer) / len(longer) - had) if longer else 64.0)

    def _residual(self, tokens: float) -> float:
        """Tokens that are still to come of an answer that has so many."""
        return self._residuals[min(_RESIDUAL_ROWS - 1, int(tokens) // _RESIDUAL_STRIDE)]

    def _prewarm(self, candidates: Sequence[int]) -> None:
        for number in candidates if len(self._recent) >= 3 else ():
            known = self._known[number]
            if not known.resident and self.world.now - known.warmed_at > 2 * _COLD_SECONDS:
                known.warmed_at = self.world.now
                self.world.prewarm(number)

    def _forget(self, attempt: Attempt) -> None:
        known = self._known[attempt.backend]
        del known.live[attempt.id]
        if attempt.first_token_at is None:
            known.due_tokens -= attempt.request.prompt_tokens
        else:
            known.streaming -= 1
