"""What our own requests tell of a backend, one step for each thing that happens to one: sent, first token, ended.

Rules of this file
- Pure: a state, what the request met when it was sent, and a fact in; the state after it out.
- Only what is about speed feeds the forecasts. A cold start measures loading, a wait for a slot measures slots, and a
  request that failed measures nothing.
"""

from dataclasses import replace

from sidecar.facts import FirstTokenCame, Outcome, RequestFinished, RequestStarted
from sidecar.predict import TOKENS_OF_WAITING, Forecast, came_late, slots_after_wait
from sidecar.progress import Booking, Progress
from sidecar.residency import is_resident, with_resident
from sidecar.slots import told_slots
from sidecar.state import BackendState, Outside

MEASURES_SPEED = frozenset({Outcome.OK, Outcome.OVERLONG, Outcome.CLIENT_GONE})


def outside_of(state: BackendState, at: float, active_jobs: int | None, waiting: int) -> Outside | None:
    """Who else is there, by a reading just made; None where the backend does not say how much it works on."""
    if active_jobs is None:
        return None
    others = max(0, active_jobs - state.work.in_flight)
    theirs_waiting = min(others, waiting)
    return Outside(at, others - theirs_waiting, theirs_waiting)


def started(state: BackendState, fact: RequestStarted) -> tuple[Booking, BackendState]:
    """A request was sent: what it met, and the state with it."""
    running, waiting = state.outsiders(fact.at)
    booking = Booking(
        fact.model,
        fact.role,
        fact.prompt_tokens,
        fact.streamed,
        tokens_ahead=state.work.due_tokens + TOKENS_OF_WAITING * waiting + fact.prompt_tokens,
        company=state.work.in_flight + running + waiting,
        cold=is_resident(state, fact.model) is False,
    )
    work = state.work.after_start(fact.at, fact.prompt_tokens, streamed=fact.streamed)
    return booking, replace(state, work=work, breaker=state.breaker.after_start(fact.request, fact.at))


def with_first_token(state: BackendState, place: Progress, fact: FirstTokenCame) -> BackendState:
    """A streamed request got its first token; a second first token says nothing."""
    booking = place.booking
    if place.company_at_first is not None or not booking.streamed:
        return state
    work = state.work.after_first_token(fact.at, booking.prompt_tokens)
    place.company_at_first = work.running_seconds
    breaker = state.breaker.after_token(place.started_at, fact.at)
    running = work.running + state.outsiders(fact.at)[0]
    forecast, slots = _measured(state, place, fact.at - place.started_at, running)
    forecasts = {**state.forecasts, booking.model: forecast}
    models = with_resident(state.models, booking.model) if booking.cold else state.models
    return replace(state, work=work, breaker=breaker, forecasts=forecasts, inferred_slots=slots, models=models)


def _measured(state: BackendState, place: Progress, seconds: float, running: int) -> tuple[Forecast, float | None]:
    """The forecast and the inferred slots once a first token took `seconds`, while `running` get tokens."""
    booking = place.booking
    forecast, slots = state.forecast(booking.model), state.inferred_slots
    held = slots or state.assumed_slots
    if held is not None and running > held:
        slots = float(running)  # more get tokens than were thought to fit
    if booking.cold:
        return forecast.after_cold_start(seconds, booking.tokens_ahead), slots
    told = told_slots(state)
    if told is not None and booking.company >= told:
        return forecast, slots  # it waited for a slot that we knew to be taken
    late = forecast.trusted and came_late(forecast.first.at(booking.tokens_ahead), seconds)
    if told is None and late and booking.company >= running:
        return forecast, slots_after_wait(slots, running - 1)
    return forecast.after_first_token(booking.tokens_ahead, seconds), slots


def ended(state: BackendState, place: Progress, fact: RequestFinished) -> BackendState:
    """A request ended; health is not judged here."""
    booking = place.booking
    ran = place.company_at_first is not None or not booking.streamed
    work = state.work.after_end(fact.at, fact.outcome, booking.prompt_tokens, streamed=booking.streamed, ran=ran)
    breaker = state.breaker.after_end(fact.request, fact.outcome, place.started_at, fact.at, fact.retry_after_seconds)
    forecasts = state.forecasts
    if fact.outcome in MEASURES_SPEED and ran and booking.streamed:
        forecast = _paced(state.forecast(booking.model), state, place, fact)
        forecasts = {**forecasts, booking.model: forecast}
    return replace(state, work=work, breaker=breaker, forecasts=forecasts)


def _paced(forecast: Forecast, state: BackendState, place: Progress, fact: RequestFinished) -> Forecast:
    """The forecast once the later tokens of an answer have come at their pace."""
    if place.first_at is None or place.company_at_first is None or fact.output_tokens < 2:
        return forecast
    until = fact.at if place.last_at is None else place.last_at
    seconds = until - place.first_at
    if seconds <= 0:
        return forecast
    company = (state.work.running_seconds_at(until) - place.company_at_first) / seconds
    sequences = company + state.outsiders(fact.at)[0]
    return forecast.after_answer(sequences, seconds, fact.output_tokens - 1)
