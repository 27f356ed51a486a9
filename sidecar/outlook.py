"""What a request would suffer on one candidate now: the forecast, applied to who is already there.

Rules of this file
- Pure: a snapshot in, an outlook out. Asked for every candidate of every request, so it is plain arithmetic, and what
  changes with facts alone is worked out once for each fact.
- Times in seconds, prompts and answers in tokens. Whatever is unknown costs nothing, and is said to be a guess.

The queue of a machine with slots: a request that finds all of them taken waits for the next to end, and they end at the
rate at which running answers come to theirs, judged by how long answers of their roles are.
"""

from collections.abc import Mapping
from math import inf
from typing import NamedTuple

from sidecar.lengths import Lengths
from sidecar.memory import NOTHING_REMEMBERED, plain
from sidecar.predict import TOKENS_OF_WAITING, Forecast
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
    """One candidate at one moment, for one more request.

    How long answers are it does not know, and so it outlasts most of what happens elsewhere: whoever asks says.
    """

    in_flight: float
    """Requests there, others' clients included."""
    slots: float
    """Requests at once; infinity where nothing says that there is a limit."""
    room: float
    """How many more may be sent without waiting upstream."""
    first_seconds: float
    """To the first token at the usual pace, without what prompts cost."""
    ahead_seconds: float
    """For the prompts before this one, at the usual pace."""
    prompt_seconds: float
    """For each token of its own, at the usual pace."""
    later_seconds: float
    """Per later token, once the request runs, at the usual pace and without what the others' prompts take."""
    others: float
    """Sequences that it then runs beside."""
    crowding_seconds: float
    """What each sequence more costs every token of the others, at the usual pace."""
    slot_later_seconds: float
    """Per later token while all slots are taken; 0 where nothing says that there is a limit."""
    slot_first_seconds: float
    """To a first token, on average."""
    cold_seconds: float
    """Loading the model."""
    trusted: bool
    """Whether it was measured; else it is a guess."""
    told: bool = False
    """Whether `slots` are somebody's word, the operator's or the backend's own; else they are a guess."""
    counted: bool = False
    """Whether that word is a number, and not that others wait."""
    ends_seen_per_second: float | None = None
    """How often a slot came free lately while all were taken; None where nobody was seen to."""
    apart: float = 0.0
    """Of those in flight, requests that have slots of their own: to other models, where each has its own."""
    pace: float = 1.0
    """Times as long as usual that everything takes right now."""
    silent_seconds: float = 0.0
    """Cost of a silence that should not be."""
    ends_now_per_second: float | None = None
    """How often a slot comes free, as far as the running answers have come; None while not all are taken."""

    @property
    def sharing(self) -> float:
        """Of those in flight, requests that share the slots."""
        return self.in_flight - self.apart

    def sure(self, lengths: Lengths) -> bool:
        """Whether waits for a slot can be relied on: those who are told so, and how often one comes free was seen, or
        follows from what was."""
        return self.told and (self.ends_seen_per_second is not None or (self.counted and lengths.trusted))

    def token_seconds(self, lengths: Lengths) -> float:
        """Per later token, once the request runs."""
        return (self.later_seconds + self.others * lengths.prompts_ratio * self.prompt_seconds) * self.pace

    def ends_per_second(self, lengths: Lengths) -> float:
        """How often a slot comes free while all are taken; infinity where nothing says that there is a limit."""
        if self.ends_seen_per_second is not None:
            return self.ends_seen_per_second
        if self.slots == inf:
            return inf
        usual = self.slots / (lengths.mean * self.slot_later_seconds + self.slot_first_seconds)
        if self.ends_now_per_second is None:
            return usual
        return TRUST_OF_RATE * self.ends_now_per_second + (1 - TRUST_OF_RATE) * usual

    def slot_seconds(self, lengths: Lengths, before: int = 0) -> float:
        """Wait for a slot, with `before` more of us waiting for one here; 0 where one is free."""
        return max(0.0, self.sharing + before + 1 - self.slots) / self.ends_per_second(lengths)

    def ttft(self, prompt_tokens: float, lengths: Lengths, before: int = 0) -> float:
        """Seconds to the first token, with `before` more of us waiting for a slot here."""
        own = self.first_seconds * self.pace + self.prompt_seconds * self.pace * prompt_tokens
        return own + self.wait_seconds(lengths, before) + self.silent_seconds + self.cold_seconds

    def wait_seconds(self, lengths: Lengths, before: int = 0) -> float:
        """Of these, as long as others go first."""
        # Prompts ahead are worked off while others run to their ends: the longer of the two counts.
        return max(self.ahead_seconds * self.pace, self.slot_seconds(lengths, before))


class Steady(NamedTuple):
    """An outlook as far as it does not change from token to token, and what it was worked out from."""

    state: BackendState
    outlook: Outlook
    fresh_until: float
    gap_seconds: float
    """What a token is expected to take, as many as run now, without what prompts take."""
    sure_gap_seconds: float
    """Gaps below this are ordinary, however long prompts are; none is while all slots are taken."""
    silent_since: float
    """From then on silence means something; infinity: never."""

    def holds(self, state: BackendState, pulse: Pulse, now: float) -> bool:
        """Whether this is the outlook of this very moment too: nothing has happened, and tokens come as they should."""
        if state is not self.state or now > self.fresh_until:
            return False
        heard_at, gap_seconds = pulse.last_token_at, pulse.gap_seconds
        since = self.silent_since if heard_at is None or self.silent_since > heard_at else heard_at
        return (gap_seconds or 0.0) < self.sure_gap_seconds and now - since <= SHORTEST_SILENCE_SECONDS


def outlook_on(state: BackendState, model: str, role: str, snapshot: Snapshot) -> Outlook:
    """What one more request of `role` to `model` would meet on a backend."""
    pulse = snapshot.pulses.get(state.spec.name)
    if pulse is None:
        return steady(state, model, snapshot.now).outlook
    known = steady_on(state, model, pulse, snapshot.now)
    if known.holds(state, pulse, snapshot.now):
        return known.outlook
    return as_it_beats(known, model, pulse, role, snapshot)


def steady_on(state: BackendState, model: str, pulse: Pulse, now: float) -> Steady:
    """The steady part, worked out anew only where something has happened."""
    # Between two requests most of a fleet stays as it was: what was worked out is kept beside the live cell.
    known: Steady | None = pulse.worked_out.get(model)
    if known is None or known.state is not state or now > known.fresh_until:
        known = pulse.worked_out[model] = steady(state, model, now)
    return known


def steady(state: BackendState, model: str, now: float) -> Steady:
    """The outlook on a backend whose tokens come as they should, and whose slots come free one day."""
    forecast = state.forecast(model)
    first, later, work = forecast.first, forecast.later, state.work
    others_running, others_waiting = state.outsiders(now)
    in_flight = work.in_flight + others_running + others_waiting
    slots = likely_slots(state, now)
    apart = work.in_flight - sharing(state, model).in_flight
    room = slots + spare_slots(state, now) - (in_flight - apart)
    ahead = work.due_tokens + TOKENS_OF_WAITING * others_waiting
    running = work.running + others_running
    sure, seen = sure_slots(state, now), state.turnover.ends_per_second(now)
    if sure is None:
        seen = None
    sequences = min(in_flight - apart + 1, slots) + apart
    outlook = Outlook(
        in_flight,
        slots,
        room,
        forecast.ttft(0, running),
        first.slope * ahead,
        first.slope,
        later.at(sequences),
        max(0.0, sequences - 1),
        later.slope,
        later.at(slots) if slots < inf else 0.0,
        first.mean_y,
        cold_seconds(state, model, now),
        forecast.trusted,
        sure is not None,
        told_slots(state) is not None,
        seen,
        apart,
    )
    fresh_until, gap_seconds = _fresh_until(state, model, outlook, now), later.at(running)
    sure_gap_seconds = _sure_gap_seconds(state, outlook, gap_seconds)
    since = work.silent_since if work.in_flight else None
    return Steady(state, outlook, fresh_until, gap_seconds, sure_gap_seconds, inf if since is None else since)


def _fresh_until(state: BackendState, model: str, outlook: Outlook, now: float) -> float:
    """Until when an outlook holds if nothing happens."""
    outside_until = inf if state.outside is None else state.outside.at + state.outside.counts_seconds
    fresh_until = min(outside_until if now <= outside_until else inf, holds_until(state, model, now))
    if outlook.ends_seen_per_second is not None:
        fresh_until = min(fresh_until, state.turnover.at + FRESH_SECONDS)
    return fresh_until


def _sure_gap_seconds(state: BackendState, outlook: Outlook, gap_seconds: float) -> float:
    if not state.work.in_flight:
        return inf
    if _rate_is_reckoned(outlook):
        return 0.0
    return PLAINLY_SLOWER * gap_seconds if state.work.running else inf


def _rate_is_reckoned(outlook: Outlook) -> bool:
    """Whether it matters how far the running answers have come."""
    return outlook.sharing >= outlook.slots and outlook.ends_seen_per_second is None


def as_it_beats(known: Steady, model: str, pulse: Pulse, role: str, snapshot: Snapshot) -> Outlook:
    """The outlook with what the tokens of this very moment say: slower than expected, silent, or near their ends."""
    state, outlook, lengths = known.state, known.outlook, snapshot.lengths_of(role)
    pace, silent_seconds, ends_now_per_second = 1.0, 0.0, None
    if state.work.running:
        company = state.work.running + state.outsiders(snapshot.now)[0] - 1
        pace = slower(known.gap_seconds + company * lengths.prompts_ratio * outlook.prompt_seconds, pulse)
    if snapshot.now - max(known.silent_since, pulse.last_token_at or -inf) > SHORTEST_SILENCE_SECONDS:
        silent_seconds = silence_cost(state, state.forecast(model), pulse, snapshot.now)
    if _rate_is_reckoned(outlook):
        ends_now_per_second = slot_rate(known, model, pulse, role, snapshot)
    elif pace == 1.0 and not silent_seconds:
        return outlook
    # What `_replace` does, in a fifth of its time: it runs for every busy candidate of every request.
    return Outlook(*outlook[:_STEADY_FIELDS], pace, silent_seconds, ends_now_per_second)  # type: ignore[call-arg,arg-type]


_STEADY_FIELDS = Outlook._fields.index("pace")


def slower(expected: float, pulse: Pulse) -> float:
    """How many times as long as `expected` a token takes right now; 1 unless it is plain."""
    gap = pulse.gap_seconds
    if gap is None or gap < PLAINLY_SLOWER * expected or expected <= 0:
        return 1.0
    return min(gap / expected, MOST_SLOWER)


class _Rate(NamedTuple):
    """A rate, and what it was worked out from."""

    known: Steady
    beats: int
    lengths: Mapping[str, Lengths]
    per_second: float


def slot_rate(known: Steady, model: str, pulse: Pulse, role: str, snapshot: Snapshot) -> float:
    """Slots that `model` may have that come free per second, as far as the running answers have come."""
    last: _Rate | None = pulse.worked_out.get((_Rate, role))
    if last is None or last.known is not known or last.beats != pulse.beats or last.lengths is not snapshot.lengths:
        rate = _slot_rate(known, model, pulse, role, snapshot)
        last = pulse.worked_out[(_Rate, role)] = _Rate(known, pulse.beats, snapshot.lengths, rate)
    return last.per_second


def _slot_rate(known: Steady, model: str, pulse: Pulse, role: str, snapshot: Snapshot) -> float:
    lengths = snapshot.lengths_of(role)
    gap = max(pulse.gap_seconds or known.outlook.token_seconds(lengths), FASTEST_TOKEN_SECONDS)
    ends_per_second = known.state.outsiders(snapshot.now)[0] / (lengths.mean * gap)
    others = known.outlook.apart > 0
    for place in pulse.places.values():
        booking = place.booking
        if others and plain(booking.model) != plain(model):
            continue  # it has a slot of its own
        # Whoever is not streamed runs too, as far as can be seen.
        if place.first_at is not None or not booking.streamed:
            if booking.role != role:
                role, lengths = booking.role, snapshot.lengths_of(booking.role)
            ends_per_second += 1 / (lengths.rest(place.tokens) * gap)
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
