"""One backend asked everything once, with every answer kept: what `maek probe` shows.

Rules of this file
- The same questions and the same readers as the monitor's; nothing is stored.
- Each group of questions is asked whatever became of the others; within a group, what follows one that was not heard
  is not asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from sidecar.engines import detect
from sidecar.engines.engine import NOTHING_READ, Answer, Ask, Engine, Model, ModelKind, Reading, Unreadable
from sidecar.facts import BackendSpec, ProbeOutcome
from sidecar.probe import MOST_ROUNDS, UNHEARD, Probed, Prober, engine_for
from sidecar.store import AUTO

TIMEOUT_SECONDS = 5.0
"""For one question. Somebody waits before a terminal."""
INFERENCE_TIMEOUT_SECONDS = 30.0
"""For one token: the model may have to be loaded."""


@dataclass(frozen=True, slots=True)
class Step:
    """One question, why it was asked, and what came back."""

    purpose: str
    ask: Ask
    probed: Probed


@dataclass(slots=True)
class Examination:
    """Everything that one look at a backend found."""

    spec: BackendSpec
    engine: str | None = None
    version: str | None = None
    up: bool = False
    models: tuple[Model, ...] = ()
    reading: Reading = NOTHING_READ
    inference_ms: float | None = None
    """Negative: it was tried and failed. None: not asked for."""
    steps: list[Step] = field(default_factory=list)


async def examine(prober: Prober, spec: BackendSpec, *, inference: bool = False) -> Examination:
    """Ask everything; with `inference` also for one token."""
    found = Examination(spec, engine=None if spec.engine == AUTO else spec.engine)
    if found.engine is None:
        identity = detect.identify(await _asked(prober, found, "identity", detect.QUESTIONS))
        if identity is not None:
            found.engine, found.version = identity.engine, identity.version
    engine = engine_for(found.engine, spec)
    alive = await prober.liveness(spec, engine, TIMEOUT_SECONDS)
    found.steps.append(Step("liveness", engine.liveness, alive))
    found.up = alive.outcome is ProbeOutcome.OK
    await _examine_models(prober, found, engine)
    await _examine_load(prober, found, engine)
    if inference and (model := _model_to_try(found)) is not None:
        found.inference_ms = await prober.inference_ms(spec, model, INFERENCE_TIMEOUT_SECONDS)
    return found


async def _examine_models(prober: Prober, found: Examination, engine: Engine) -> None:
    answers = await _asked(prober, found, "models", engine.models)
    try:
        found.models = engine.read_models(answers)
    except Unreadable as error:
        found.steps.append(_unreadable(engine.models[0], error))


async def _examine_load(prober: Prober, found: Examination, engine: Engine) -> None:
    answers = await _asked(prober, found, "statistics", engine.stats)
    for _ in range(MOST_ROUNDS - 1):
        answers += await _asked(prober, found, "statistics", engine.more_stats(answers))
    try:
        found.reading = engine.read_stats(answers)
    except Unreadable as error:
        found.steps.append(_unreadable(engine.stats[0], error))


async def _asked(prober: Prober, found: Examination, purpose: str, asks: Sequence[Ask]) -> tuple[Answer | None, ...]:
    """The answers in the order of the questions; None where none came."""
    answers: list[Answer | None] = []
    for ask in asks:
        probed = await prober.ask(found.spec, ask, TIMEOUT_SECONDS)
        found.steps.append(Step(purpose, ask, probed))
        if probed.outcome in UNHEARD:
            break
        answers.append(probed.answer)
    return (*answers, *[None] * (len(asks) - len(answers)))


def _unreadable(ask: Ask, error: Unreadable) -> Step:
    return Step("reading", ask, Probed(ProbeOutcome.BAD_BODY, 0.0, str(error)))


def _model_to_try(found: Examination) -> str | None:
    """The model that it is configured for, else the first listed that writes text; None if it has none."""
    configured = (model for model in found.spec.models.values() if model != AUTO)
    listed = (model.name for model in found.models if model.kind is ModelKind.CHAT)
    return next(chain(configured, listed), None)
