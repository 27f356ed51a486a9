"""What would become of a machine if nobody came any more, or one more: the clairvoyant's look ahead.

Rules of this file
- Pure. The same model as `bench.balance.machine` with a reserved cache; what it leaves out (preempted answers, an
  idle model's expiry) only makes a limit less sharp.
- It is asked for every backend at every request, so it is written for speed: a moment is copied, not computed anew;
  and who comes last changes nothing until the queue before it is gone, so that moment is kept, and the next newcomer
  tried from there.
"""

import math
from bisect import insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from simulator.profiles import Profile


class Part(NamedTuple):
    """A sequence that is not decoding yet."""

    prompt_left: int
    prompt: int
    output: int
    is_new: bool = False


Stream = tuple[int, int, bool]
"""A sequence that decodes: the step that ends it, the context that it will then have, whether it is the newcomer."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A machine as it will be at `begins_at`, when the step under way ends."""

    profile: Profile
    pace: float
    begins_at: float
    streams: Sequence[Stream]
    """Their ends are counted from `begins_at`, where those of 0 steps are over."""
    prefilling: Sequence[Part]
    waiting: Sequence[Part]


@dataclass(slots=True)
class Ahead:
    """A machine that is played forward, at the boundary of a step. Times are those of the run."""

    profile: Profile
    pace: float
    now: float
    step: int
    context: int
    reserved: int
    streams: list[Stream]
    """Those that end first come first."""
    prefilling: list[Part]
    waiting: deque[Part]
    ends: list[float] = field(default_factory=list)
    """When those ended who are not new."""
    first_token_at: float = 0.0
    end_at: float = 0.0
    without_queue: "Ahead | None" = None
    """How it was when the last of the queue had its slot."""

    @property
    def is_idle(self) -> bool:
        """Whether nobody is here."""
        return not (self.streams or self.prefilling or self.waiting)

    def joined_by(self, newcomer: Part, now: float) -> "Ahead":
        """Played to the end with one more at the end of the queue. Nothing of `self` changes; who ended by `now` is
        forgotten."""
        other = self._copy()
        other.ends = [end for end in self.ends if end > now]
        other.waiting.append(newcomer)
        other.play()
        return other

    def play(self) -> None:
        """To the end of all."""
        while True:
            self._admit()
            if self.without_queue is None and not self.waiting:
                self.without_queue = self._copy()
            if self.prefilling:
                self._prefill()
            elif self.waiting:
                self._stride(math.inf)
            else:
                self._drain()
                return

    def roll(self, now: float) -> None:
        """To the end of the step that is under way at `now`."""
        while self.now < now:
            self._admit()
            if self.prefilling:
                self._prefill()
            elif self.streams:
                self._stride(now)
            else:
                self.now = now

    def _copy(self) -> "Ahead":
        """The same moment again; who was new is not any more."""
        return Ahead(
            self.profile,
            self.pace,
            self.now,
            self.step,
            self.context,
            self.reserved,
            self.streams[:],
            [part._replace(is_new=False) if part.is_new else part for part in self.prefilling],
            self.waiting.copy(),
            self.ends[:],
        )

    def _admit(self) -> None:
        waiting, profile = self.waiting, self.profile
        while waiting:
            running = len(self.streams) + len(self.prefilling)
            head = waiting[0]
            needs = head.prompt + head.output
            if running >= profile.slots or (running and self.reserved + needs > profile.kv_capacity_tokens):
                return
            self.reserved += needs
            self.prefilling.append(waiting.popleft())

    def _stride(self, until: float) -> None:
        """Decode to the next end, or to the first boundary at or behind `until`."""
        decoding, profile = len(self.streams), self.profile
        steps = max(1, self.streams[0][0] - self.step)
        first = profile.step_seconds(decoding, self.context, 0) * self.pace
        growth = profile.per_context_token_seconds * decoding * self.pace
        if until < self.now + steps * first + growth * steps * (steps - 1) / 2:
            linear = first - growth / 2
            elapsed = until - self.now
            wanted = 2 * elapsed / (linear + math.sqrt(linear * linear + 2 * growth * elapsed))
            steps = min(steps, max(1, math.ceil(wanted)))
        self.now += steps * first + growth * steps * (steps - 1) / 2
        self.step += steps
        self.context += decoding * steps
        self._finish()

    def _drain(self) -> None:
        """Decode until the last has ended; nobody else will come."""
        profile, pace, now, step, context = self.profile, self.pace, self.now, self.step, self.context
        base, each, attended = profile.base_seconds, profile.per_sequence_seconds, profile.per_context_token_seconds
        decoding, ends = len(self.streams), self.ends
        for end, final_context, is_new in self.streams:
            steps = end - step
            if steps:
                now += steps * (base + each * decoding + attended * (context + decoding * (steps - 1) / 2)) * pace
                step = end
                context += decoding * steps
            decoding -= 1
            context -= final_context
            if is_new:
                self.end_at = now
            else:
                ends.append(now)

    def _prefill(self) -> None:
        profile, decoding = self.profile, len(self.streams)
        left = budget = profile.prefill_budget(decoding)
        done: list[Part] = []
        rest: list[Part] = []
        for part in self.prefilling:
            taken = min(part.prompt_left, left)
            left -= taken
            if taken == part.prompt_left:
                done.append(part)
            else:
                rest.append(part._replace(prompt_left=part.prompt_left - taken))
        self.prefilling = rest
        self.now += profile.step_seconds(decoding, self.context, budget - left) * self.pace
        self.step += 1
        self.context += decoding
        self._finish()
        for part in done:
            self._begin_stream(part)

    def _begin_stream(self, part: Part) -> None:
        if part.is_new:
            self.first_token_at = self.now
        stream = (self.step + part.output - 1, part.prompt + part.output, part.is_new)
        self.context += part.prompt + 1
        insort(self.streams, stream)
        if part.output == 1:
            self._finish()

    def _finish(self) -> None:
        streams = self.streams
        count = 0
        for end, final_context, is_new in streams:
            if end > self.step:
                break
            count += 1
            self.context -= final_context
            self.reserved -= final_context
            if is_new:
                self.end_at = self.now
            else:
                self.ends.append(self.now)
        if count:
            del streams[:count]


def ahead_of(picture: Picture) -> Ahead:
    """The moment of a picture, from which to play."""
    streams = sorted(stream for stream in picture.streams if stream[0])
    reserved = sum(context for _, context, _ in streams)
    reserved += sum(part.prompt + part.output for part in picture.prefilling)
    return Ahead(
        picture.profile,
        picture.pace,
        picture.begins_at,
        0,
        # A stream has as many tokens less than in the end as it has steps to go.
        sum(context - ends for ends, context, _ in streams),
        reserved,
        streams,
        list(picture.prefilling),
        deque(picture.waiting),
        [picture.begins_at] * (len(picture.streams) - len(streams)),
    )
