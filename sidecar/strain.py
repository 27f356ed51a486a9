"""How much slower a backend is right now than it usually is when it is idle, and how long it has been silent.

Rules of this file
- Pure: a snapshot in, numbers out. What is usual is learnt in `sidecar.usual`; how long one waits for a slot is
  reckoned in `sidecar.outlook`.
- The present is judged by what is there now: who runs, whose prompts are due, and the pace at which tokens come. A
  machine that is slow shows in the gaps between its tokens within seconds, and in whole answers only after many.
- A model that is not in memory is no load, and neither is loading it.
"""

from typing import NamedTuple

from sidecar.lengths import Lengths
from sidecar.outlook import (
    FIRST_TOKENS_OF_SILENCE,
    GAPS_OF_SILENCE,
    MOST_SLOWER,
    PLAINLY_SLOWER,
    SHORTEST_SILENCE_SECONDS,
    SILENCE_FACTOR,
    TRUST_OF_RATE,
    Outlook,
    outlook_on,
    silence_seconds,
)
from sidecar.predict import TOKENS_OF_WAITING, TYPICAL_ANSWER_TOKENS, TYPICAL_PROMPT_TOKENS
from sidecar.progress import PACE_SECONDS, Progress, Pulse
from sidecar.residency import is_resident
from sidecar.slots import sharing
from sidecar.state import BackendState, Snapshot
from sidecar.usual import Usual

FRESH_SECONDS = 60.0
"""So long the last tokens say how fast a machine is; whoever has no streams cannot know any better."""
LEAST_OF_GAP = 0.2
"""However much of the gap between tokens prompts are reckoned to explain, the rest was not theirs."""
COLD_SECONDS_BORNE = 2.0
"""Times as long as loading the model takes: the same again, before a load counts as stuck."""


class Silence(NamedTuple):
    """Seconds without a token while streams run, and how many of them are nothing out of the ordinary."""

    seconds: float
    bearable_seconds: float

    @property
    def cost_seconds(self) -> float:
        """What to reckon with: an unbearable silence lasts on for about as long as it has lasted."""
        return SILENCE_FACTOR * self.seconds if self.seconds > self.bearable_seconds else 0.0


def slowdown(state: BackendState, snapshot: Snapshot) -> float | None:
    """How many times as long as on the idle machine a typical request would take now: 1 or more.

    None where too little was measured. Where a backend runs several models, that of the one which suffers most.
    """
    found = [_slowdown(state, model, usual, snapshot) for model, usual in state.usual.items() if usual.trusted]
    return max(found, default=None)


def silence(state: BackendState, snapshot: Snapshot) -> Silence | None:
    """How long nothing has come; None where no stream runs, or nobody can say what would be long."""
    pulse = snapshot.pulses.get(state.name)
    if pulse is None or state.work.silent_since is None:
        return None
    known = max(state.usual.values(), key=lambda usual: usual.alone_seconds, default=None)
    if known is None or not known.trusted:
        if state.work.awaited:
            return None
        known = Usual()
    seconds = silence_seconds(state, pulse, snapshot.now)
    gap_seconds = known.later.line.at(max(1, state.work.running)) if pulse.gap_seconds is None else pulse.gap_seconds
    bearable = max(SHORTEST_SILENCE_SECONDS, GAPS_OF_SILENCE * gap_seconds)
    if seconds > SHORTEST_SILENCE_SECONDS and state.work.awaited:
        bearable = max(bearable, _first_tokens_borne(state, known, pulse, snapshot.now, seconds))
    return Silence(seconds, bearable)


def _first_tokens_borne(state: BackendState, usual: Usual, pulse: Pulse, now: float, seconds: float) -> float:
    """How long the prompts that were due when the silence began, or just after, may keep it up.

    Not those that came later: on a machine that stands still they pile up, and would excuse it for ever.
    """
    since = now - seconds + SHORTEST_SILENCE_SECONDS
    due = [place for place in pulse.places.values() if _is_due(place) and place.started_at <= since]
    prompts = sum(place.booking.prompt_tokens for place in due) + TOKENS_OF_WAITING * state.outsiders(now)[1]
    borne = FIRST_TOKENS_OF_SILENCE * usual.first.line.at(prompts)
    loading = [
        place.booking.model for place in due if place.booking.cold and not is_resident(state, place.booking.model, now)
    ]
    return borne + max((COLD_SECONDS_BORNE * state.forecast(model).cold_seconds for model in loading), default=0.0)


def _is_due(place: Progress) -> bool:
    return place.booking.streamed and place.company_at_first is None


def _slowdown(state: BackendState, model: str, usual: Usual, snapshot: Snapshot) -> float:
    outlook = outlook_on(state, model, state.last_role, snapshot)
    lengths = snapshot.lengths_of(state.last_role)
    pulse = snapshot.pulses.get(state.name)
    prompts_ratio = lengths.prompts_ratio
    pace = 1.0 if pulse is None else pace_of(state, usual, pulse, prompts_ratio, snapshot.now)
    # Slots that were only assumed may well be more: nobody has been seen to wait for one.
    slots = outlook.slots if outlook.told or state.inferred_slots else float("inf")
    waits_seconds = _middle_wait(state, model, outlook, lengths, snapshot.now) if outlook.sharing >= slots else 0.0
    prompts = state.work.due_tokens + TOKENS_OF_WAITING * state.outsiders(snapshot.now)[1]
    ahead_seconds = usual.first.line.slope * prompts * pace
    first_seconds = usual.first.line.at(TYPICAL_PROMPT_TOKENS) * pace
    company = min(outlook.sharing + 1, slots) + outlook.apart
    token_seconds = usual.token_seconds(company, prompts_ratio) * pace
    quiet = silence(state, snapshot)
    silent_seconds = 0.0 if quiet is None else quiet.cost_seconds
    seconds = first_seconds + max(waits_seconds, ahead_seconds) + TYPICAL_ANSWER_TOKENS * token_seconds
    return max(1.0, (seconds + silent_seconds) / usual.alone_seconds)


def _middle_wait(state: BackendState, model: str, outlook: Outlook, lengths: Lengths, now: float) -> float:
    """The wait for a slot that is as often too long as too short: the mean is pulled up by a few very long answers.

    Slots come free at a rate, and the median of the time until the nth does is n − 1/3 of the mean time between two
    (Choi, Proceedings of the AMS 1994). Who has a slot and no token yet is at the beginning of his answer.
    """
    running = sharing(state, model).running + state.outsiders(now)[0]
    beginning = min(outlook.sharing, outlook.slots) - running
    ends_per_second = max(0.0, beginning) / (lengths.mean * outlook.token_seconds(lengths))
    ends_per_second = outlook.ends_per_second(lengths) + TRUST_OF_RATE * ends_per_second
    return max(0.0, outlook.sharing + 1 - outlook.slots - 1 / 3) / ends_per_second


def pace_of(state: BackendState, usual: Usual, pulse: Pulse, prompts_ratio: float, now: float) -> float:
    """How many times as long as is usual, in this company, a token lately took: 1 unless it is plainly more.

    Prompts that are worked off between tokens are not the machine's pace, and are left out: ours are known, others'
    are taken to have `prompts_ratio` tokens for each token of their answers.
    """
    gap_seconds = pulse.gap_seconds
    if gap_seconds is None or pulse.last_token_at is None or now - pulse.last_token_at > FRESH_SECONDS:
        return 1.0
    ours, others = max(1, state.work.running), state.outsiders(now)[0]
    prompt_seconds = usual.first.line.slope
    explained = prompt_seconds * (ours * pulse.prompts_per_token + others * prompts_ratio)
    if state.work.awaited:
        explained += gap_seconds * min(1.0, prompt_seconds * state.work.due_tokens / PACE_SECONDS)
    own_seconds = max(LEAST_OF_GAP * gap_seconds, gap_seconds - explained)
    ratio = own_seconds / usual.later.line.at(ours + others)
    return min(ratio, MOST_SLOWER) if ratio >= PLAINLY_SLOWER else 1.0
