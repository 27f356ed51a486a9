"""One backend as a machine: the model of `simulator.batch`, many steps at a stride.

Between two changes of its company a batch has a closed form: with `n` sequences decoding and no prompt to compute,
each step takes `per_context_token_seconds * n` longer than the one before. So only changes are computed, and what lies
between them is solved for when somebody asks.

Rules of this file
- It gives the times of `simulator.batch.Batch`, to the last rounding; a property holds them together. What `Batch` does
  not have (a key-value cache that is a limit, cached prefixes) is switched off there.
- Pure of effects: no clock, no randomness. The caller lets time pass with `advance` before it does anything else.
- A step's company is fixed when it begins. First come, first served, without exception.
"""

import math
from collections import deque
from heapq import heappop, heappush

from bench.balance.agent import BLOCK_TOKENS
from bench.balance.forecast import Part, Picture, Stream
from bench.balance.prefixes import PrefixCache
from bench.balance.sequence import Kv, Mark, Sequence
from simulator.profiles import Profile

_PREEMPTION_WATERMARK = 0.99
"""Part of the cache that admission may fill when sequences grow into the rest: vLLM keeps 1 % free."""


class Machine:
    """One backend. `due` is when the next thing happens of itself; infinite while idle or frozen."""

    def __init__(
        self,
        profile: Profile,
        *,
        kv: Kv = Kv.RESERVED,
        cold_start_seconds: float = 0.0,
        keep_alive_seconds: float = math.inf,
        cached_tokens: int = 0,
    ) -> None:
        self.due = math.inf
        self.version = 0
        """Grows whenever somebody or something changes what would become of those who are here."""
        self._profile = profile
        self._slots = profile.slots
        self._kv = kv
        self._cold_start_seconds = cold_start_seconds
        self._keep_alive_seconds = keep_alive_seconds
        self._cache = PrefixCache(cached_tokens // BLOCK_TOKENS) if cached_tokens else None
        self._pace = 1.0
        self._frozen_at: float | None = None
        self._not_before = -math.inf
        self._ready_at: float | None = None if cold_start_seconds else -math.inf
        self._last_used_at = -math.inf
        self._last_at: float | None = None
        self._gap: float | None = None
        self._step = 0
        self._clear()

    def _clear(self) -> None:
        self._waiting: deque[Sequence] = deque()
        self._running: dict[int, Sequence] = {}
        self._prefilling: list[Sequence] = []
        self._ending: list[tuple[int, int]] = []
        self._decoding = self._context = self._reserved = 0
        # The stride under way: `_planned` steps from `_started_at`, the first of `_base` seconds and each `_growth`
        # longer than the one before; of prompts the single step takes `_taken` along.
        self._planned = 0
        self._started_at = self._base = self._growth = 0.0
        self._taken: list[tuple[Sequence, int]] = []

    @property
    def running(self) -> int:
        """Sequences that have a slot."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Sequences in the queue."""
        return len(self._waiting)

    def kv_usage_ratio(self, now: float) -> float:
        """The part of the key-value cache in use."""
        prefilled = sum(one.prompt + one.tokens - one.prompt_left for one in self._prefilling)
        context = self._context + self._decoding * self._steps_done(now) + prefilled
        return min(1.0, context / self._profile.kv_capacity_tokens)

    def is_resident(self, now: float) -> bool:
        """Whether the model is in memory. Without a cold start it always is."""
        if not self._cold_start_seconds:
            return True
        return self._ready_at is not None and self._ready_at <= now and not self._is_expired(now)

    def tokens(self, key: int, now: float) -> int:
        """Tokens that a sequence got so far; 0 for one that is not here."""
        sequence = self._running.get(key)
        if sequence is None:
            return next((waiting.tokens for waiting in self._waiting if waiting.key == key), 0)
        if sequence.joined < 0:
            return sequence.tokens
        return sequence.tokens + self._step + self._steps_done(now) - sequence.joined

    def last_boundary(self, now: float) -> tuple[float | None, float | None]:
        """When the last step ended that gave tokens, and the time between it and the one before."""
        done = self._steps_done(now) if self._decoding else 0
        if not done:
            return self._last_at, self._gap
        return self._started_at + self._seconds_of(done), self._base + self._growth * (done - 1)

    def picture(self, now: float) -> Picture:
        """Everything that is here, as it will be when the step under way ends: for clairvoyants."""
        done = 1 + self._steps_done(now) if self._planned else 0
        begins_at = self._started_at + self._seconds_of(done) if self._planned else now
        if self._ready_at is None or self._is_expired(now):
            begins_at = now + self._cold_start_seconds
        taken = {sequence.key: tokens for sequence, tokens in self._taken}
        streams: list[Stream] = []
        prefilling: list[Part] = []
        for one in self._running.values():
            left = one.prompt_left - taken.get(one.key, 0)
            if left:
                prefilling.append(Part(left, one.prompt, one.output))
            else:
                ends = one.output - one.tokens - 1 if one.joined < 0 else one.ends - self._step - done
                streams.append((ends, one.prompt + one.output, False))
        waiting = [Part(one.prompt_left, one.prompt, one.output) for one in self._waiting]
        return Picture(
            self._profile, self._pace, max(begins_at, now, self._ready_at or now), streams, prefilling, waiting
        )

    def uncached(self, prompt: int, blocks: tuple[int, ...]) -> int:
        """How many tokens of a prompt would have to be computed if it came now."""
        return prompt if self._cache is None else max(1, prompt - BLOCK_TOKENS * self._cache.count(blocks))

    def submit(self, key: int, prompt: int, output: int, now: float, blocks: tuple[int, ...] = ()) -> None:
        """Queue a new key. Both counts are at least 1."""
        self.version += 1
        sequence = Sequence(key, now, prompt, output, blocks, prompt)
        self._waiting.append(sequence)
        if self._planned:
            if len(self._waiting) == 1 and len(self._running) < self._slots:
                self._settle(now)
        elif len(self._waiting) == 1:
            self._schedule_idle()

    def cancel(self, key: int, now: float) -> None:
        """Forget `key`; its slot is free at once, the step under way takes its time. Unknown keys are ignored."""
        self.version += 1
        sequence = self._running.get(key)
        if sequence is not None:
            self._settle(now)
            self._leave(sequence, now)
            if sequence.joined < 0:
                self._prefilling.remove(sequence)
            return
        self._waiting = deque(waiting for waiting in self._waiting if waiting.key != key)
        if self._planned:
            self._settle(now)
        else:
            self._schedule_idle()

    def advance(self, now: float) -> list[Mark]:
        """Let time pass until `now`; return what clients see of it."""
        marks: list[Mark] = []
        while self.due <= now:
            at = self.due
            if self._planned:
                self._finish(at, marks)
            self._begin(at)
        return marks

    def set_pace(self, pace: float, now: float) -> None:
        """Steps that begin from now on take `pace` times as long."""
        self.version += 1
        self._settle(now)
        self._pace = pace

    def freeze(self, now: float) -> None:
        """Stop turning: nothing ends and nothing begins until `thaw`."""
        self.version += 1
        if self._frozen_at is None:
            self._settle(now)
            self._frozen_at = now
            self.due = math.inf

    def thaw(self, now: float) -> None:
        """Go on where `freeze` stopped; the step that was under way has lost nothing."""
        self.version += 1
        if self._frozen_at is None:
            return
        frozen_at, self._frozen_at = self._frozen_at, None
        self._not_before = now
        if self._planned:
            self._started_at += now - frozen_at
            self.due = self._started_at + self._base
        else:
            self._schedule_idle()

    def load(self, now: float) -> None:
        """Have the model in memory, as if somebody had asked for it."""
        self.version += 1
        if self._frozen_at is None:
            self._load(now)

    def unload(self) -> None:
        """Put an idle model out of memory; one that is in use, waited for, or never leaves, stays."""
        if self._cold_start_seconds and not self._running and not self._waiting:
            self._ready_at = None

    def restart(self) -> list[int]:
        """Drop everything, as a crash does; return the keys that were here, in order."""
        self.version += 1
        keys = sorted(sequence.key for sequence in (*self._running.values(), *self._waiting))
        self._clear()
        self.due = math.inf
        if self._cache is not None:
            self._cache.clear()
        return keys

    def _begin(self, at: float) -> None:
        self._admit(at)
        if self._kv is Kv.PREEMPTED:
            self._preempt()
        profile, decoding = self._profile, self._decoding
        prefill = 0
        if self._prefilling:
            prefill = self._take_prompts(profile.prefill_budget(decoding))
            self._planned = 1
        elif decoding:
            while self._ending[0][1] not in self._running:
                heappop(self._ending)
            self._planned = self._ending[0][0] - self._step
            if self._kv is Kv.PREEMPTED:
                self._planned = max(1, min(self._planned, self._steps_that_fit()))
        else:
            self._planned = 0
            self._schedule_idle()
            return
        self._started_at = at
        self._base = profile.step_seconds(decoding, self._context, prefill) * self._pace
        self._growth = profile.per_context_token_seconds * decoding * self._pace
        self.due = at + self._seconds_of(self._planned)

    def _schedule_idle(self) -> None:
        """Nothing runs: the head of the queue begins when it has come, the machine turns and the model is there."""
        if self._frozen_at is not None or not self._waiting:
            self.due = math.inf
            return
        ready_at = -math.inf if self._ready_at is None else self._ready_at
        self.due = max(self._waiting[0].arrived_at, self._not_before, ready_at)

    def _take_prompts(self, budget: int) -> int:
        left = budget
        self._taken = []
        for sequence in self._prefilling:
            if not left:
                break
            taken = min(sequence.prompt_left, left)
            left -= taken
            self._taken.append((sequence, taken))
        return budget - left

    def _admit(self, at: float) -> None:
        waiting, running = self._waiting, self._running
        while waiting and len(running) < self._slots:
            head = waiting[0]
            if self._load(at) > at or not self._fits(head):
                return
            waiting.popleft()
            running[head.key] = head
            self._prefilling.append(head)
            self._reserved += head.prompt + head.output
            if self._cache is not None and head.blocks:
                # The last token of a prompt is always computed: it gives the first one of the answer.
                head.prompt_left = max(1, head.prompt_left - BLOCK_TOKENS * self._cache.use(head.blocks))

    def _fits(self, head: Sequence) -> bool:
        if not self._running or self._kv is Kv.REPORTED:
            return True
        capacity = self._profile.kv_capacity_tokens
        if self._kv is Kv.RESERVED:
            return self._reserved + head.prompt + head.output <= capacity
        return self._allocated() + head.prompt_left <= capacity * _PREEMPTION_WATERMARK

    def _allocated(self) -> int:
        return self._context + sum(sequence.prompt + sequence.tokens for sequence in self._prefilling)

    def _steps_that_fit(self) -> int:
        return (self._profile.kv_capacity_tokens - self._allocated()) // self._decoding

    def _preempt(self) -> None:
        """Put the latest back into the queue until another step fits. The last one stays, whatever it needs."""
        while self._decoding and len(self._running) > 1 and self._steps_that_fit() < 1:
            latest = self._running[next(reversed(self._running))]
            tokens = self._leave(latest, -math.inf)
            if latest.joined < 0:
                self._prefilling.remove(latest)
            latest.tokens, latest.joined, latest.ends = tokens, -1, -1
            latest.prompt_left = latest.prompt + tokens
            self._waiting.appendleft(latest)

    def _load(self, at: float) -> float:
        """Have the model in memory; return when it is ready."""
        if self._ready_at is None or self._is_expired(at):
            self._ready_at = self._last_used_at = at + self._cold_start_seconds
        return self._ready_at

    def _is_expired(self, now: float) -> bool:
        return not self._running and now >= self._last_used_at + self._keep_alive_seconds

    def _finish(self, at: float, marks: list[Mark]) -> None:
        """The stride has ended: everybody who decodes got its tokens, and some their last."""
        planned, running, ending = self._planned, self._running, self._ending
        self._planned = 0
        self._step += planned
        if self._decoding:
            # Over a stall the gap is longer than the step.
            self._gap = self._base + self._growth * (planned - 1) if planned > 1 else at - (self._last_at or at)
            self._context += self._decoding * planned
            self._last_at = at
        while ending and (ending[0][0] <= self._step or ending[0][1] not in running):
            sequence = running.get(heappop(ending)[1])
            if sequence is not None and sequence.ends == self._step:
                marks.append(Mark(at, sequence.key, last=True))
                self._leave(sequence, at)
        if self._taken:
            self._finish_prompts(at, marks)

    def _finish_prompts(self, at: float, marks: list[Mark]) -> None:
        taken, self._taken = self._taken, []
        for sequence, tokens in taken:
            sequence.prompt_left -= tokens
            if sequence.prompt_left or sequence.key not in self._running:
                continue
            self._prefilling.remove(sequence)
            self._last_at = at
            if self._cache is not None and sequence.blocks:
                self._cache.add(sequence.blocks)
            if not sequence.tokens:
                marks.append(Mark(at, sequence.key, last=False))
            sequence.tokens += 1
            sequence.joined = self._step
            sequence.ends = self._step + sequence.output - sequence.tokens
            self._decoding += 1
            self._context += sequence.prompt + sequence.tokens
            if sequence.ends == self._step:
                marks.append(Mark(at, sequence.key, last=True))
                self._leave(sequence, at)
            else:
                heappush(self._ending, (sequence.ends, sequence.key))

    def _leave(self, sequence: Sequence, at: float) -> int:
        """Take a sequence out of its slot; return how many tokens it has."""
        del self._running[sequence.key]
        self._reserved -= sequence.prompt + sequence.output
        self._last_used_at = max(self._last_used_at, at)
        if sequence.joined < 0:
            return sequence.tokens
        tokens = sequence.tokens + self._step - sequence.joined
        self._decoding -= 1
        self._context -= sequence.prompt + tokens
        return tokens

    def _settle(self, now: float) -> None:
        """Cut the stride down to the step under way, so that the company may change at its end."""
        if self._planned <= 1:
            return
        done = self._steps_done(now)
        self._step += done
        self._context += self._decoding * done
        if done:
            self._last_at, self._gap = self.last_boundary(now)
            self._started_at += self._seconds_of(done)
            self._base += self._growth * done
        self._planned = 1
        self.due = self._started_at + self._base if self._frozen_at is None else math.inf

    def _seconds_of(self, steps: int) -> float:
        """How long the first `steps` of the stride take."""
        return steps * self._base + self._growth * steps * (steps - 1) / 2

    def _steps_done(self, now: float) -> int:
        """Steps of the stride that have ended by `now`."""
        if self._planned <= 1:
            return 0
        elapsed = now - self._started_at
        linear = self._base - self._growth / 2
        steps = int(2 * elapsed / (linear + math.sqrt(linear * linear + 2 * self._growth * elapsed)))
        # Rounding may have put it one step to either side of a boundary.
        while steps and self._started_at + self._seconds_of(steps) > now:
            steps -= 1
        while steps < self._planned - 1 and self._started_at + self._seconds_of(steps + 1) <= now:
            steps += 1
        return min(steps, self._planned - 1)
