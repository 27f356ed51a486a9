"""What our own requests tell of how fast a candidate usually is.

Rules of this file
- Pure: a state before a fact, what the request met, and the fact in; the usual speeds after it out.
- Facts alone are learnt from, and never the cells, so that a recording of the facts replays to the same knowledge.
- What waited for a model to be loaded, or for a slot that is known to have been taken, says nothing of speed. Other
  waits are told from speed by what is usual: see `sidecar.usual`.
"""

from collections.abc import Mapping

from sidecar.facts import FirstTokenCame, Outcome, RequestFinished
from sidecar.progress import Progress
from sidecar.slots import likely_slots
from sidecar.state import BackendState
from sidecar.usual import Usual

MEASURES_SPEED = frozenset({Outcome.OK, Outcome.OVERLONG, Outcome.CLIENT_GONE})


def after_first_token(state: BackendState, place: Progress, fact: FirstTokenCame) -> Mapping[str, Usual]:
    """The usual speeds once a streamed request got its first token."""
    booking = place.booking
    seen_already = place.company_at_first is not None
    if seen_already or place.moved or not booking.streamed or _waited(state, place, fact.at):
        return state.usual
    known = state.usual_of(booking.model)
    return _with(state, place, known.after_first_token(fact.at, booking.tokens_ahead, fact.at - place.started_at))


def after_end(state: BackendState, place: Progress, fact: RequestFinished, prompts_ratio: float) -> Mapping[str, Usual]:
    """The usual speeds once a request has ended.

    `prompts_ratio`: tokens of a prompt for each token of its answer, as is usual. What others' clients sent besides is
    not seen, and taken to be like that.
    """
    if place.moved or fact.outcome not in MEASURES_SPEED:
        return state.usual
    until = fact.at if fact.last_token_at is None else fact.last_token_at
    if place.booking.streamed:
        return _streamed(state, place, fact, until, prompts_ratio)
    return _whole(state, place, fact, until)


def _streamed(
    state: BackendState, place: Progress, fact: RequestFinished, until: float, prompts_ratio: float
) -> Mapping[str, Usual]:
    if place.first_at is None or place.company_at_first is None or until <= place.first_at:
        return state.usual
    seconds = until - place.first_at
    sequences = _company(state, place.company_at_first, until, seconds)
    tokens = fact.output_tokens - 1
    ours = state.work.prompts_through - place.prompts_at_first
    prompt_tokens = ours + state.outsiders(until)[0] * prompts_ratio * tokens
    known = state.usual_of(place.booking.model)
    return _with(state, place, known.after_answer(fact.at, sequences, seconds, tokens, prompt_tokens))


def _whole(state: BackendState, place: Progress, fact: RequestFinished, until: float) -> Mapping[str, Usual]:
    booking, seconds = place.booking, until - place.started_at
    if _waited(state, place, fact.at) or fact.outcome is not Outcome.OK or fact.output_tokens < 1 or seconds <= 0:
        return state.usual
    sequences = _company(state, booking.running_seconds, until, seconds)
    known = state.usual_of(booking.model)
    return _with(state, place, known.after_whole(fact.at, booking.tokens_ahead, sequences, seconds, fact.output_tokens))


def _waited(state: BackendState, place: Progress, at: float) -> bool:
    """Whether it took longer than its own work: its model was not there, or all slots were taken."""
    return place.booking.cold or place.booking.company >= likely_slots(state, at)


def _company(state: BackendState, running_seconds: float, until: float, seconds: float) -> float:
    """Sequences at once, on average over the last `seconds` before `until`."""
    return (state.work.running_seconds_at(until) - running_seconds) / seconds + state.outsiders(until)[0]


def _with(state: BackendState, place: Progress, usual: Usual) -> Mapping[str, Usual]:
    return {**state.usual, place.booking.model: usual}
