"""One backend asked everything once, with every answer kept: what `maek probe` shows.

Rules of this file
- The same questions and the same readers as the monitor's; nothing is stored.
- Each group of questions is asked whatever became of the others; within a group, what follows one that was not heard
  is not asked.
- One look has to do for a verdict: where the monitor waits for a third failure, this one says down at the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from sidecar.engines import detect
from sidecar.engines.engine import NOTHING_READ, Answer, Answers, Ask, Engine, Model, ModelKind, Reading, Unreadable
from sidecar.facts import BackendSpec, ProbeOutcome
from sidecar.health import EVIDENCE_OF_PROBE, Health
from sidecar.probe import MOST_ROUNDS, UNHEARD, Probed, Prober, engine_for, judged
from sidecar.store import AUTO
from sidecar.verdict_log import word_for

TIMEOUT_SECONDS = 5.0
"""For one question. Somebody waits before a terminal."""
INFERENCE_TIMEOUT_SECONDS = 30.0
"""For one token: the model may have to be loaded."""

IDENTITY = "identity"
LIVENESS = "liveness"
MODELS = "models"
STATISTICS = "statistics"
READING = "reading"


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
    engine: Engine
    """As what it was asked: what the configuration says, else what it was recognised as, else any OpenAI-compatible."""
    identity: detect.Identity | None = None
    """What it was recognised as; None if nothing was."""
    outcome: ProbeOutcome = ProbeOutcome.REFUSED
    health: Health = Health()  # noqa: RUF009 - frozen
    models: tuple[Model, ...] | None = None
    """None: the list could not be read."""
    reading: Reading | None = NOTHING_READ
    """None: what was answered could not be read."""
    inference_ms: float | None = None
    """Negative: it was tried and failed. None: not asked for."""
    steps: list[Step] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """In a word: up, loading, sleeping, suspended or down."""
        return word_for(self.health).lower()


async def examine(prober: Prober, spec: BackendSpec, *, inference: bool = False) -> Examination:
    """Ask everything; with `inference` also for one token."""
    found = Examination(spec, engine_for(None if spec.engine == AUTO else spec.engine, spec))
    # Also where the operator has said which it is: a wrong word is what this is for.
    found.identity = detect.identify(await _asked(prober, found, IDENTITY, detect.QUESTIONS))
    if spec.engine == AUTO and found.identity is not None:
        found.engine = engine_for(found.identity.engine, spec)
    await _examine_health(prober, found)
    await _examine_models(prober, found)
    await _examine_load(prober, found)
    if inference and (model := _model_to_try(found)) is not None:
        found.inference_ms = await prober.inference_ms(spec, model, INFERENCE_TIMEOUT_SECONDS)
    return found


async def _examine_health(prober: Prober, found: Examination) -> None:
    engine = found.engine
    alive = judged(await prober.ask(found.spec, engine.liveness, TIMEOUT_SECONDS), engine.read_liveness)
    found.steps.append(Step(LIVENESS, engine.liveness, alive))
    found.outcome = alive.outcome
    if engine.condition is not None and alive.outcome is ProbeOutcome.OK:
        further = judged(await prober.ask(found.spec, engine.condition, TIMEOUT_SECONDS), engine.read_condition)
        found.steps.append(Step(LIVENESS, engine.condition, further))
        found.outcome = alive.outcome if further.answer is None else further.outcome
    found.health = Health().after(EVIDENCE_OF_PROBE[found.outcome], failures_to_down=1)


async def _examine_models(prober: Prober, found: Examination) -> None:
    asks = found.engine.models
    answers = await _asked(prober, found, MODELS, asks)
    try:
        models = found.engine.read_models(answers)
    except Unreadable as error:
        found.steps.append(_unreadable(asks[0], error))
        return
    # Whoever was put to sleep keeps its list of models, and none of them in memory.
    found.models = tuple(replace(one, loaded=False) for one in models) if found.health.suspended else models


async def _examine_load(prober: Prober, found: Examination) -> None:
    answers: Answers = ()
    asked: tuple[Ask, ...] = ()
    for _ in range(MOST_ROUNDS):
        more = found.engine.asks(answers)
        answers += await _asked(prober, found, STATISTICS, more)
        asked += more
    try:
        found.reading = found.engine.read_stats(answers)
    except Unreadable as error:
        found.reading = None
        found.steps.append(_unreadable(asked[-1], error))


async def _asked(prober: Prober, found: Examination, purpose: str, asks: Sequence[Ask]) -> Answers:
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
    return Step(READING, ask, Probed(ProbeOutcome.BAD_BODY, 0.0, str(error)))


def _model_to_try(found: Examination) -> str | None:
    """The model that it is configured for, else the first listed that writes text; None if it has none."""
    configured = (model for model in found.spec.models.values() if model != AUTO)
    listed = (model.name for model in found.models or () if model.kind is ModelKind.CHAT)
    return next(chain(configured, listed), None)
