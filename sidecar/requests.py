"""What our own requests tell of a backend, one step for each thing that happens to one: sent, first token, ended.

Rules of this file
- Pure: a state, what the request met when it was sent, and a fact in; the state after it out.
- Only what is about speed feeds the forecasts. A cold start measures loading, a wait for a slot measures slots, and a
  request that failed measures nothing; but one that others answered sooner would have taken longer still.
- Facts alone are learnt from, and never the cells: so a recording of the facts replays to the same knowledge.
"""

from sidecar.breaker import MEANING_OF, Meaning
from sidecar.facts import FirstTokenCame, Outcome, RequestFinished, RequestStarted
from sidecar.labels import OTHER
from sidecar.memory import NOTHING_REMEMBERED, Memory, plain
from sidecar.predict import TOKENS_OF_WAITING, Forecast, came_late, slots_after_wait
from sidecar.progress import Booking, Progress
from sidecar.residency import is_resident, with_resident
from sidecar.slots import likely_slots, sharing, sure_slots, told_slots
from sidecar.state import READING_COUNTS_SECONDS, BackendState, Failure, Outside
from sidecar.turnover import Turnover
from sidecar.work import Work

LONGEST_LOAD_SECONDS = 300.0
"""What a timeout may teach of a load: a server that never loads would teach ever longer ones."""
MEASURES_SPEED = frozenset({Outcome.OK, Outcome.OVERLONG, Outcome.CLIENT_GONE})


def outside_of(
    state: BackendState,
    at: float,
    active_jobs: int | None,
    waiting: int,
    counts_seconds: float = READING_COUNTS_SECONDS,
) -> Outside | None:
    """Who else is there, by a reading just made; None where the backend does not say how much it works on."""
    if active_jobs is None:
        return None
    others = max(0, active_jobs - state.work.in_flight)
    theirs_waiting = min(others, waiting)
    return Outside(at, others - theirs_waiting, theirs_waiting, counts_seconds)


def started(
    state: BackendState, fact: RequestStarted, cached_tokens: int = 0, told_as: str = OTHER
) -> tuple[Booking, BackendState]:
    """A request was sent, of whose prompt so many tokens may be in the cache: what it met, and the state with it.
    `told_as`: its model, as metrics name it."""
    running, waiting = state.outsiders(fact.at)
    cached = min(cached_tokens, fact.prompt_tokens)
    prompt_tokens = fact.prompt_tokens - round(cached * state.forecast(fact.model).cache_hits_ratio)
    memory = state.memory
    cold = is_resident(state, fact.model, fact.at) is False
    loading = cold and plain(fact.model) in memory.loading_since
    booking = Booking(
        fact.model,
        fact.role,
        prompt_tokens,
        cached,
        fact.streamed,
        tokens_ahead=state.work.due_tokens + TOKENS_OF_WAITING * waiting + prompt_tokens,
        running=state.work.running + running,
        company=sharing(state, fact.model).in_flight + running + waiting,
        cold=cold,
        loading=loading,
        running_seconds=state.work.running_seconds_at(fact.at),
        predicted_seconds=fact.predicted_seconds,
        told_as=told_as,
    )
    work = state.work.after_start(fact.at, prompt_tokens, streamed=fact.streamed, model=plain(fact.model))
    breaker = state.breaker.after_start(fact.request, fact.at)
    if cold and not loading:
        memory = memory.after_load_began(fact.at, fact.model)
    after = state.changed(
        work=work,
        breaker=breaker,
        last_model=fact.model,
        last_role=fact.role,
        memory=memory,
        turnover=state.turnover.after_start(fact.at, full=_is_full(state, fact.at)),
    )
    return booking, after


def _is_full(state: BackendState, at: float) -> bool:
    """Whether it has as many as it is sure to take at once; never known where each model has its own slots."""
    sure = None if state.slots_per_model else sure_slots(state, at)
    return sure is not None and state.work.in_flight + sum(state.outsiders(at)) >= sure


def _turnover(state: BackendState, fact: RequestFinished, *, ran: bool) -> Turnover:
    if not ran or fact.outcome not in MEASURES_SPEED:
        return state.turnover
    ours = state.work.in_flight
    share = ours / (ours + sum(state.outsiders(fact.at)))
    return state.turnover.after_end(fact.at, full=_is_full(state, fact.at), share=share)


def with_first_token(state: BackendState, place: Progress, fact: FirstTokenCame) -> BackendState:
    """A streamed request got its first token; a second first token says nothing."""
    booking = place.booking
    if place.company_at_first is not None or not booking.streamed:
        return state
    work = state.work.after_first_token(fact.at, booking.prompt_tokens, plain(booking.model))
    place.first_at = fact.at
    place.company_at_first = work.running_seconds
    place.prompts_at_first = work.prompts_through
    if place.moved:
        return state.changed(work=work)
    breaker = state.breaker.after_token(place.started_at, fact.at)
    here = sharing(state.changed(work=work), booking.model)
    running = here.running + state.outsiders(fact.at)[0]
    seconds = fact.at - place.started_at
    forecast, slots = _measured(state, place, fact.at, running, here.streaming)
    forecasts = {**state.forecasts, booking.model: forecast}
    models = with_resident(state.models, booking.model) if booking.cold else state.models
    return state.changed(
        work=work,
        breaker=breaker,
        forecasts=forecasts,
        inferred_slots=slots,
        models=models,
        memory=_kept(state.memory, fact.at, booking.model),
        first_tokens=state.first_tokens.after(fact.at, seconds, booking.predicted_seconds),
    )


def _kept(memory: Memory, at: float, model: str) -> Memory:
    return memory if memory is NOTHING_REMEMBERED else memory.after_answer(at, model)


def _measured(
    state: BackendState, place: Progress, at: float, running: int, streaming: int
) -> tuple[Forecast, float | None]:
    """The forecast and the inferred slots once a first token came `at` this moment.

    `running` may get tokens by now, `streaming` of them are seen to: who is not streamed may wait for a slot itself.
    """
    booking, seconds = place.booking, at - place.started_at
    forecast, slots = state.forecast(booking.model), state.inferred_slots
    held = slots or state.assumed_slots
    if held is not None and streaming > held:
        slots = float(streaming)  # more are seen to get tokens than were thought to fit
    if booking.cold:
        if booking.loading:
            return forecast, slots  # it waited for what somebody else had begun to load
        return forecast.after_cold_start(seconds, booking.tokens_ahead), slots
    sure = sure_slots(state, at)
    if sure is not None and booking.company >= sure:
        return forecast, slots  # it waited for a slot that we knew to be taken
    late = forecast.trusted and came_late(forecast.ttft(booking.tokens_ahead, booking.running), seconds)
    if told_slots(state) is None and late and booking.company >= running:
        return forecast, slots_after_wait(slots, running - 1)
    forecast = forecast.after_cache(booking.tokens_ahead, booking.cached_tokens, seconds, booking.running)
    return forecast.after_first_token(booking.tokens_ahead, seconds, booking.running), slots


def ended(state: BackendState, place: Progress, fact: RequestFinished) -> BackendState:
    """A request ended; health is not judged here."""
    booking = place.booking
    ran = place.company_at_first is not None or not booking.streamed
    work = _with_end(state.work, booking, fact, ran=ran)
    if place.moved:
        return state.changed(work=work)
    outcome = _as_said(state, place, fact)
    breaker = state.breaker.after_end(
        fact.request, outcome, place.started_at, fact.at, fact.retry_after_seconds, begun=place.first_at is not None
    )
    forecasts, models = state.forecasts, state.models
    if fact.outcome in MEASURES_SPEED and ran and booking.streamed:
        forecast = _paced(state.forecast(booking.model), state, place, fact)
        forecasts = {**forecasts, booking.model: forecast}
    elif fact.outcome is Outcome.OK and not booking.streamed:
        forecasts = {**forecasts, booking.model: _timed(state, place, fact)}
        models = with_resident(models, booking.model) if booking.cold else models
    elif outcome is Outcome.CLIENT_GONE and fact.outcome is Outcome.TIMEOUT and not booking.loading:
        seconds = min(fact.at - place.started_at, LONGEST_LOAD_SECONDS)
        forecast = state.forecast(booking.model).after_cold_start(seconds, booking.tokens_ahead)
        forecasts = {**forecasts, booking.model: forecast}  # it takes at least as long as that
    elif outcome is Outcome.SILENT and not ran:
        forecasts = {**forecasts, booking.model: _outrun(state, place, fact.at - place.started_at)}
    failed = MEANING_OF[outcome] in (Meaning.FAILURE, Meaning.FULL)
    return state.changed(
        work=work,
        breaker=breaker,
        forecasts=forecasts,
        models=models,
        memory=_after_end(state.memory, place, fact),
        turnover=_turnover(state, fact, ran=ran),
        last_failure=Failure(fact.at, fact.outcome) if failed else state.last_failure,
    )


def _with_end(work: Work, booking: Booking, fact: RequestFinished, *, ran: bool) -> Work:
    return work.after_end(
        fact.at,
        fact.outcome,
        booking.prompt_tokens,
        streamed=booking.streamed,
        ran=ran,
        model=plain(booking.model),
        told_as=booking.told_as,
    )


def _outrun(state: BackendState, place: Progress, seconds: float) -> Forecast:
    """The forecast once a first token had not come in time: it takes at least so long."""
    booking, forecast = place.booking, state.forecast(place.booking.model)
    sure = sure_slots(state, place.started_at)
    expected = sure is not None and booking.company >= sure
    if expected or booking.cold or seconds <= forecast.ttft(booking.tokens_ahead, booking.running):
        return forecast
    return forecast.after_first_token(booking.tokens_ahead, seconds, booking.running)


def _as_said(state: BackendState, place: Progress, fact: RequestFinished) -> Outcome:
    """What an end says of the backend. One that loads for longer than we have patience with it has not failed."""
    booking = place.booking
    if fact.outcome is not Outcome.TIMEOUT or not booking.cold or place.company_at_first is not None:
        return fact.outcome
    # Whoever could not even be reached was not waited for so long.
    loads = fact.at - place.started_at >= (0.0 if booking.loading else state.forecast(booking.model).cold_seconds)
    return Outcome.CLIENT_GONE if loads else fact.outcome


def _after_end(memory: Memory, place: Progress, fact: RequestFinished) -> Memory:
    """What is in memory after a request: what has answered; what was loaded for it alone, nobody knows any more."""
    booking = place.booking
    if memory is NOTHING_REMEMBERED or fact.outcome is Outcome.REJECTED:
        return memory
    if fact.outcome is Outcome.OK or place.company_at_first is not None:
        return memory.after_answer(fact.at, booking.model)
    return memory.after_load_ended(booking.model) if booking.cold and not booking.loading else memory


def _paced(forecast: Forecast, state: BackendState, place: Progress, fact: RequestFinished) -> Forecast:
    """The forecast once the later tokens of an answer have come at their pace."""
    if place.first_at is None or place.company_at_first is None or fact.output_tokens < 2:
        return forecast
    until = fact.at if fact.last_token_at is None else fact.last_token_at
    seconds = until - place.first_at
    if seconds <= 0:
        return forecast
    company = (state.work.running_seconds_at(until) - place.company_at_first) / seconds
    sequences = company + state.outsiders(fact.at)[0]
    prompt_tokens = state.work.prompts_through - place.prompts_at_first
    return forecast.after_answer(sequences, seconds, fact.output_tokens - 1, prompt_tokens)


def _timed(state: BackendState, place: Progress, fact: RequestFinished) -> Forecast:
    """The forecast once an answer that was not streamed is there: only the whole of it was timed."""
    booking = place.booking
    forecast = state.forecast(booking.model)
    until = fact.at if fact.last_token_at is None else fact.last_token_at
    seconds = until - place.started_at
    if fact.output_tokens < 1 or seconds <= 0 or booking.company >= likely_slots(state, fact.at):
        return forecast
    company = (state.work.running_seconds_at(until) - booking.running_seconds) / seconds
    sequences = company + state.outsiders(fact.at)[0]
    if not booking.cold:
        return forecast.after_whole(booking.tokens_ahead, sequences, seconds, fact.output_tokens)
    if booking.loading:
        return forecast
    later_seconds = forecast.later_seconds(sequences, fact.output_tokens - 1)
    return forecast.after_cold_start(seconds - later_seconds, booking.tokens_ahead)
