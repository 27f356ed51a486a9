"""What a request would suffer on one candidate now: the forecast, applied to who is already there.

Rules of this file
- Pure: a snapshot in, an outlook out. Asked for every candidate of every request, so it is plain arithmetic.
- Times in seconds, prompts and answers in tokens. Whatever is unknown costs nothing, and is said to be a guess.

The queue of a machine with slots: a request that finds all of them taken waits for the next to end, and they end at the
rate at which running answers come to theirs, judged by how long answers of their roles are.
"""

from math import inf
from typing import NamedTuple

from sidecar.lengths import Lengths
from sidecar.memory import NOTHING_REMEMBERED, plain
from sidecar.predict import TOKENS_OF_WAITING, TYPICAL_ANSWER_TOKENS, TYPICAL_PROMPT_TOKENS, Forecast
from sidecar.progress import Pulse
from sidecar.residency import cold_seconds, holds_until, loaded_by
from sidecar.slots import likely_slots, sharing, spare_slots, sure_slots, told_slots
from sidecar.state import BackendState, Snapshot
from sidecar.turnover import FRESH_SECONDS

SHORTEST_SILENCE_SECONDS = 1.0
GAPS_OF_SILENCE = 6.0
FIRST_TOKENS_OF_SILENCE = 2.5
"""A backend is silent once nothing came for a second, for six gaps, and for two and a half times as long as the first
tokens that are due may take."""
SILENCE_FACTOR = 2.0
"""A silence lasts on for about as long as it has lasted; waiting for it costs that twice."""
PLAINLY_SLOWER = 1.6
"""Prompts of others make single tokens slow; a forecast is off by less than this in ordinary company."""
MOST_SLOWER = 10.0
FASTEST_TOKEN_SECONDS = 1e-3
TRUST_OF_RATE = 0.5
"""Half of what running answers promise, half of what the machine does on average."""


class Outlook(NamedTuple):
    """One candidate at one moment, for one more request."""

    in_flight: float
    """Requests there, others' clients included."""
    slots: float
    """Requests at once; infinity where nothing says that there is a limit."""
    room: float
    """How many more may be sent without waiting upstream."""
    first_seconds: float
    """To the first token, without what prompts cost."""
    ahead_seconds: float
    """For the prompts before this one."""
    prompt_seconds: float
    """For each token of its own."""
    ends_per_second: float
    """How often a slot comes free while all are taken; infinity where nothing says that there is a limit."""
    silent_seconds: float
    """Cost of a silence that should not be."""
    cold_seconds: float
    """Loading the model."""
    token_seconds: float
    """Per later token, once the request runs."""
    crowding_seconds: float
    """What each sequence more costs every token of the others."""
    trusted: bool
    """Whether it was measured; else it is a guess."""
    told: bool = False
    """Whether `slots` are somebody's word, the operator's or the backend's own; else they are a guess."""
    sure: bool = False
    """Whether waits for a slot can be relied on: those who are told so, and how often one comes free was seen, or
    follows from what was."""
    apart: float = 0.0
    """Of those in flight, requests that have slots of their own: to other models, where each has its own."""

    @property
    def sharing(self) -> float:
        """Of those in flight, requests that share the slots."""
        return self.in_flight - self.apart

    def slot_seconds(self, before: int = 0) -> float:
        """Wait for a slot, with `before` more of us waiting for one here; 0 where one is free."""
        return max(0.0, self.sharing + before + 1 - self.slots) / self.ends_per_second

    def ttft(self, prompt_tokens: float, before: int = 0) -> float:
        """Seconds to the first token, with `before` more of us waiting for a slot here."""
        own = self.first_seconds + self.prompt_seconds * prompt_tokens
        return own + self.wait_seconds(before) + self.silent_seconds + self.cold_seconds

    def wait_seconds(self, before: int = 0) -> float:
        """Of these, as long as others go first."""
        # Prompts ahead are worked off while others run to their ends: the longer of the two counts.
        return max(self.ahead_seconds, self.slot_seconds(before))

    def e2e(self, prompt_tokens: float, output_tokens: float, before: int = 0) -> float:
        """Seconds to the last token."""
        return self.ttft(prompt_tokens, before) + output_tokens * self.token_seconds


class Steady(NamedTuple):
    """An outlook as far as it does not change from token to token, and what it was worked out from."""

    state: BackendState
    lengths: Lengths
    fresh_until: float
    outlook: Outlook
    gap_seconds: float
    """What a token is expected to take, as many as run now."""
    counted: bool = False
    """How often slots come free was seen, and need not be reckoned."""


def outlook_on(state: BackendState, model: str, role: str, snapshot: Snapshot) -> Outlook:
    """What one more request of `role` to `model` would meet on a backend."""
    pulse = snapshot.pulses.get(state.spec.name)
    lengths = snapshot.lengths_of(role)
    if pulse is None:
        return steady(state, model, lengths, snapshot.now).outlook
    # Between two requests most of a fleet stays as it was: what was worked out is kept beside the live cell.
    known: Steady | None = pulse.worked_out.get((model, role))
    if known is None or known.state is not state or known.lengths is not lengths or snapshot.now > known.fresh_until:
        known = steady(state, model, lengths, snapshot.now)
        pulse.worked_out[(model, role)] = known
    return known.outlook if not state.work.in_flight else as_it_beats(known, model, pulse, snapshot)


def steady(state: BackendState, model: str, lengths: Lengths, now: float) -> Steady:
    """The outlook on a backend whose tokens come as they should, and whose slots come free one day."""
    forecast = state.forecast(model)
    first, work = forecast.first, state.work
    others_running, others_waiting = state.outsiders(now)
    in_flight = work.in_flight + others_running + others_waiting
    slots = likely_slots(state, now)
    apart = work.in_flight - sharing(state, model).in_flight
    room = slots + spare_slots(state, now) - (in_flight - apart)
    ahead = work.due_tokens + TOKENS_OF_WAITING * others_waiting
    prompts = lengths.mean_prompt / lengths.mean
    running = work.running + others_running
    sure, seen = sure_slots(state, now), state.turnover.ends_per_second(now)
    if sure is None or seen is None:
        ends_per_second, seen = usual_rate(slots, forecast, lengths) if slots < inf else inf, None
    else:
        ends_per_second = seen
    outlook = Outlook(
        in_flight,
        slots,
        room,
        forecast.ttft(0, running),
        first.slope * ahead,
        first.slope,
        ends_per_second,
        0.0,
        cold_seconds(state, model, now),
        forecast.tpot(min(in_flight - apart + 1, slots) + apart, prompts),
        forecast.later.slope,
        forecast.trusted,
        sure is not None,
        sure is not None and (seen is not None or (told_slots(state) is not None and lengths.trusted)),
        apart,
    )
    outside_until = inf if state.outside is None else state.outside.at + state.outside.counts_seconds
    fresh_until = min(outside_until if now <= outside_until else inf, holds_until(state, model, now))
    if seen is not None:
        fresh_until = min(fresh_until, state.turnover.at + FRESH_SECONDS)
    return Steady(state, lengths, fresh_until, outlook, forecast.tpot(running, prompts), seen is not None)


def as_it_beats(known: Steady, model: str, pulse: Pulse, snapshot: Snapshot) -> Outlook:
    """The outlook with what the tokens of this very moment say: slower than expected, silent, or near their ends."""
    state, outlook = known.state, known.outlook
    work, silent_seconds = state.work, 0.0
    pace = slower(known.gap_seconds, pulse) if work.running else 1.0
    since = work.silent_since
    if since is not None and snapshot.now - max(since, pulse.last_token_at or since) > SHORTEST_SILENCE_SECONDS:
        silent_seconds = silence_cost(state, state.forecast(model), pulse, snapshot.now)
    ends_per_second = outlook.ends_per_second
    if outlook.sharing >= outlook.slots and not known.counted:
        now_per_second = slot_rate(known, model, pulse, snapshot)
        ends_per_second = TRUST_OF_RATE * now_per_second + (1 - TRUST_OF_RATE) * ends_per_second
    elif pace == 1.0 and not silent_seconds:
        return outlook
    return outlook._replace(
        first_seconds=outlook.first_seconds * pace,
        ahead_seconds=outlook.ahead_seconds * pace,
        prompt_seconds=outlook.prompt_seconds * pace,
        ends_per_second=ends_per_second,
        silent_seconds=silent_seconds,
        token_seconds=outlook.token_seconds * pace,
        crowding_seconds=outlook.crowding_seconds * pace,
    )


def slower(expected: float, pulse: Pulse) -> float:
    """How many times as long as `expected` a token takes right now; 1 unless it is plain."""
    gap = pulse.gap_seconds
    if gap is None or gap < PLAINLY_SLOWER * expected or expected <= 0:
        return 1.0
    return min(gap / expected, MOST_SLOWER)


def usual_rate(slots: float, forecast: Forecast, lengths: Lengths) -> float:
    """Slots that come free per second on average, as long as all are taken."""
    return slots / (lengths.mean * forecast.later.at(slots) + forecast.first.mean_y)


def slot_rate(known: Steady, model: str, pulse: Pulse, snapshot: Snapshot) -> float:
    """Slots that `model` may have that come free per second, as far as the running answers have come."""
    gap = max(pulse.gap_seconds or known.outlook.token_seconds, FASTEST_TOKEN_SECONDS)
    ends_per_second = known.state.outsiders(snapshot.now)[0] / (known.lengths.mean * gap)
    others = known.outlook.apart > 0
    for place in pulse.places.values():
        if others and plain(place.booking.model) != plain(model):
            continue  # it has a slot of its own
        # Whoever is not streamed runs too, as far as can be seen.
        if place.first_at is not None or not place.booking.streamed:
            ends_per_second += 1 / (snapshot.lengths_of(place.booking.role).rest(place.tokens) * gap)
    return ends_per_second


def silence_cost(state: BackendState, forecast: Forecast, pulse: Pulse, now: float) -> float:
    """Seconds to reckon with because nothing comes from a backend that should be talking; 0 while all is well."""
    silence = silence_seconds(state, pulse, now)
    if silence <= SHORTEST_SILENCE_SECONDS:
        return 0.0
    gap = forecast.later.at(state.work.in_flight) if pulse.gap_seconds is None else pulse.gap_seconds
    bearable = max(GAPS_OF_SILENCE * gap, FIRST_TOKENS_OF_SILENCE * forecast.first.at(state.work.due_tokens))
    return SILENCE_FACTOR * silence if silence > bearable else 0.0


def silence_seconds(state: BackendState, pulse: Pulse, now: float) -> float:
    """How long nothing has come, though streams run and no model is being loaded; 0 without streams."""
    since = state.work.silent_since
    if since is None:
        return 0.0
    heard_at = since if pulse.last_token_at is None else max(since, pulse.last_token_at)
    loaded_at = None if state.memory is NOTHING_REMEMBERED else loaded_by(state)
    return now - heard_at if loaded_at is None else max(0.0, now - max(heard_at, loaded_at))


def slowdown(seen: Outlook, forecast: Forecast) -> float:
    """How many times as long as on the idle backend a typical request would take now; 1 or more."""
    alone = forecast.first.at(TYPICAL_PROMPT_TOKENS) + TYPICAL_ANSWER_TOKENS * forecast.later.at(1)
    now = seen.e2e(TYPICAL_PROMPT_TOKENS, TYPICAL_ANSWER_TOKENS) - seen.cold_seconds
    return max(1.0, now / alone) if alone > 0 else 1.0
