"""Backends with streams, the cells beside them, and what one more request would meet there."""

from dataclasses import replace
from typing import Any

from sidecar.facts import BackendSpec, RequestStarted
from sidecar.health import Health, Verdict
from sidecar.outlook import (
    Outlook,
    outlook_on,
)
from sidecar.predict import NO_FORECAST, TRUSTED_SAMPLES, Forecast
from sidecar.progress import Progress, Pulse, Rhythm
from sidecar.requests import started
from sidecar.state import BackendState, Snapshot
from sidecar.work import Work
from tests.states import NOW

MINI = BackendSpec("mini", "http://10.0.0.1:8080")
MODEL, ROLE = "gemma4", "reasoner"


def known(samples: int = TRUSTED_SAMPLES) -> Forecast:
    """A machine on which all goes as one would guess."""
    forecast = NO_FORECAST
    for _ in range(samples):
        forecast = forecast.after_first_token(1000, NO_FORECAST.first.at(1000))
    return forecast


def backend(work: Work = Work(), *, slots: int | None = None, **more: Any) -> BackendState:  # noqa: B008 - frozen
    plain: dict[str, Any] = {"health": Health(Verdict.UP), "work": work, "forecasts": {MODEL: known()}}
    return BackendState(replace(MINI, slots=slots), **{**plain, **more})


def streams(running: int, due: tuple[int, ...] = (), since: float | None = NOW) -> Work:
    """So many that get tokens, and prompts whose first token is due."""
    here = running + len(due)
    return Work(
        started=here,
        in_flight=here,
        awaited=len(due),
        due_tokens=sum(due),
        running=running,
        silent_since=since if here else None,
        streams=here,
    )


def pulse(
    state: BackendState, rhythm: Rhythm | None = None, tokens: tuple[int, ...] = (), *, streamed: bool = True
) -> Pulse:
    """Cells of requests that have got so far."""
    beating = Pulse()
    for number, so_far in enumerate(tokens):
        sent = RequestStarted(NOW - 9, "mini", str(number), MODEL, ROLE, 10, streamed)
        place = Progress(NOW - 9, beating, started(state, sent)[0])
        place.first_at = NOW - 5 if streamed else None
        beating.places[str(number)] = place
        place.tokens = so_far
    beating.recall(replace(rhythm or Rhythm(), so_far={str(place): many for place, many in enumerate(tokens)}))
    return beating


def seen(state: BackendState, beating: Pulse | None = None, *, now: float = NOW) -> Snapshot:
    return Snapshot(now, {"mini": state}, 0, 1, {} if beating is None else {"mini": beating})


def on(state: BackendState, beating: Pulse | None = None, *, now: float = NOW) -> Outlook:
    return outlook_on(state, MODEL, ROLE, seen(state, beating, now=now))
