"""Continuous batching as a state machine: a queue, slots, residency, and one iteration after another.

Rules of this file
- Pure of effects: no clock, no asyncio, no randomness. Every method that needs the time is given it, in seconds on one
  monotonic clock that never runs backwards.
- A step's company is fixed when it begins. Who arrives meanwhile joins at the next boundary; who leaves
  meanwhile frees the slot at once, and the step still takes its time.
- First come, first served, without exception: nobody overtakes the head of the queue, not even when the head
  waits for its model to load.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from simulator.profiles import Profile


class QueueFullError(Exception):
    """As many requests wait as may wait."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one request asks of the machine. Both counts are at least 1."""

    model: str
    prompt_tokens: int
    output_tokens: int


class StepEnd(NamedTuple):
    """One iteration ended: each key in `tokens` got one token, and those in `finished` got their last."""

    at: float
    tokens: tuple[int, ...]
    finished: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Occupancy:
    """How full the machine is now."""

    running: int
    waiting: int
    kv_usage_ratio: float


@dataclass(slots=True)
class _Sequence:
    key: int
    model: str
    arrived_at: float
    prompt_left: int
    output_left: int
    context: int = 0


@dataclass(slots=True)
class _Step:
    started_at: float
    ends_at: float
    prefill: list[tuple[_Sequence, int]]
    decoding: list[_Sequence]


@dataclass(slots=True)
class _Residency:
    ready_at: float
    last_used_at: float
    users: int = 0


@dataclass(slots=True)
class Batch:
    """One machine. `keep_alive_seconds` is how long an idle model stays in memory."""

    profile: Profile
    slots: int
    max_queue: int | None = None
    cold_start_seconds: float = 0.0
    keep_alive_seconds: float = math.inf
    pace: float = 1.0
    """Steps that begin from now on take this many times as long."""
    _waiting: deque[_Sequence] = field(default_factory=deque)
    _running: dict[int, _Sequence] = field(default_factory=dict)
    _step: _Step | None = None
    _models: dict[str, _Residency] = field(default_factory=dict)
    _frozen_at: float | None = None
    _not_before: float = -math.inf

    def submit(self, key: int, work: Work, now: float) -> None:
        """Queue `work` under a new `key`. Raises QueueFullError when `max_queue` already wait."""
        free_slots = max(0, self.slots - len(self._running))
        if self.max_queue is not None and len(self._waiting) >= self.max_queue + free_slots:
            raise QueueFullError
        self._waiting.append(_Sequence(key, work.model, now, work.prompt_tokens, work.output_tokens))

    def cancel(self, key: int, now: float) -> None:
        """Forget `key` wherever it is; its slot is free at once. An unknown or finished key is ignored."""
        sequence = self._running.get(key)
        if sequence is not None:
            self._leave(sequence, now)
        else:
            self._waiting = deque(waiting for waiting in self._waiting if waiting.key != key)

    def advance(self, now: float, most_steps: int | None = None) -> list[StepEnd]:
        """Let time pass until `now`; return the steps that ended, at most `most_steps`."""
        ends: list[StepEnd] = []
        while self._frozen_at is None and (most_steps is None or len(ends) < most_steps):
            due_at = self.next_at()
            if due_at is None or due_at > now:
                break
            if self._step is not None:
                ends.append(self._finish(self._step))
            self._begin(due_at)
        return ends

    def next_at(self) -> float | None:
        """Return when the next thing happens of itself; None while idle or frozen."""
        if self._frozen_at is not None:
            return None
        if self._step is not None:
            return self._step.ends_at
        if not self._waiting:
            return None
        head = self._waiting[0]
        loading = self._models.get(head.model)
        return max(head.arrived_at, self._not_before, loading.ready_at if loading else -math.inf)

    def freeze(self, now: float) -> None:
        """Stop turning: nothing ends and nothing begins until `thaw`."""
        if self._frozen_at is None:
            self._frozen_at = now

    def thaw(self, now: float) -> None:
        """Go on where `freeze` stopped; the step that was under way has lost nothing."""
        if self._frozen_at is None:
            return
        if self._step is not None:
            self._step.ends_at += now - max(self._frozen_at, self._step.started_at)
        self._frozen_at = None
        self._not_before = now

    def unload(self, model: str) -> None:
        """Put an idle model out of memory; one in use stays."""
        residency = self._models.get(model)
        if residency is not None and not residency.users:
            del self._models[model]

    def occupancy(self) -> Occupancy:
        """Return how many run and wait, and the part of the key-value cache in use (0..1)."""
        context = sum(sequence.context for sequence in self._running.values())
        usage = min(1.0, context / self.profile.kv_capacity_tokens)
        return Occupancy(len(self._running), len(self._waiting), usage)

    def is_resident(self, model: str, now: float) -> bool:
        """Say whether `model` is in memory. Without a cold start every model always is."""
        if not self.cold_start_seconds:
            return True
        residency = self._models.get(model)
        return residency is not None and residency.ready_at <= now and not self._is_expired(residency, now)

    def expires_in_seconds(self, model: str, now: float) -> float:
        """Return how long `model` stays in memory if nobody asks for it from now on."""
        residency = self._models.get(model)
        idle_since = now if residency is None or residency.users else residency.last_used_at
        return max(0.0, idle_since + self.keep_alive_seconds - now)

    def _is_expired(self, residency: _Residency, now: float) -> bool:
        return not residency.users and now >= residency.last_used_at + self.keep_alive_seconds

    def _begin(self, at: float) -> None:
        self._admit(at)
        decoding = [sequence for sequence in self._running.values() if not sequence.prompt_left]
        prefill: list[tuple[_Sequence, int]] = []
        budget = self.profile.prefill_budget(len(decoding))
        for sequence in self._running.values():
            if sequence.prompt_left and budget:
                taken = min(sequence.prompt_left, budget)
                budget -= taken
                prefill.append((sequence, taken))
        if not self._running:
            self._step = None
            return
        seconds = self.profile.step_seconds(
            len(decoding),
            sum(sequence.context for sequence in decoding),
            sum(taken for _, taken in prefill),
        )
        self._step = _Step(at, at + seconds * self.pace, prefill, decoding)

    def _admit(self, at: float) -> None:
        while self._waiting and len(self._running) < self.slots:
            head = self._waiting[0]
            if head.arrived_at > at or self._load(head.model, at) > at:
                return
            self._running[head.key] = self._waiting.popleft()
            self._models[head.model].users += 1

    def _load(self, model: str, at: float) -> float:
        """Have `model` in memory; return when it is ready."""
        residency = self._models.get(model)
        if residency is None or self._is_expired(residency, at):
            ready_at = at + self.cold_start_seconds
            residency = self._models[model] = _Residency(ready_at, last_used_at=ready_at)
        return residency.ready_at

    def _finish(self, step: _Step) -> StepEnd:
        self._step = None
        tokens: list[int] = []
        finished: list[int] = []
        for sequence, taken in step.prefill:
            sequence.prompt_left -= taken
            sequence.context += taken
        prefilled = (sequence for sequence, _ in step.prefill if not sequence.prompt_left)
        for sequence in (*step.decoding, *prefilled):
            if sequence.key not in self._running:
                continue
            sequence.output_left -= 1
            sequence.context += 1
            tokens.append(sequence.key)
            if not sequence.output_left:
                finished.append(sequence.key)
                self._leave(sequence, step.ends_at)
        return StepEnd(step.ends_at, tuple(tokens), tuple(finished))

    def _leave(self, sequence: _Sequence, at: float) -> None:
        del self._running[sequence.key]
        residency = self._models[sequence.model]
        residency.users -= 1
        residency.last_used_at = max(residency.last_used_at, at)
