"""One backend asked everything once, with every answer kept: what `maek probe` shows.

Rules of this file
- The same questions and the same readers as the monitor's; nothing is stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sidecar.engines import detect
from sidecar.engines.engine import NOTHING_READ, Ask, Model, Reading, Unreadable
from sidecar.facts import BackendSpec, ProbeOutcome
from sidecar.probe import Probed, Prober, engine_for
from sidecar.store import AUTO

TIMEOUT_SECONDS = 5.0


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
        answers = await _asked(prober, found, "identity", detect.QUESTIONS)
        identity = detect.identify(tuple(probed.answer for probed in answers))
        if identity is not None:
            found.engine, found.version = identity.engine, identity.version
    engine = engine_for(found.engine)
    alive = await prober.liveness(spec, engine, TIMEOUT_SECONDS)
    found.steps.append(Step("liveness", engine.liveness, alive))
    found.up = alive.outcome is ProbeOutcome.OK
    models = await _asked(prober, found, "models", engine.models)
    stats = await _asked(prober, found, "statistics", engine.stats)
    try:
        found.models = engine.read_models(tuple(probed.answer for probed in models))
        found.reading = engine.read_stats(tuple(probed.answer for probed in stats))
    except Unreadable as error:
        found.steps.append(Step("reading", engine.liveness, Probed(ProbeOutcome.BAD_BODY, 0.0, str(error))))
    if inference and found.models:
        found.inference_ms = await prober.inference_ms(spec, found.models[0].name, TIMEOUT_SECONDS)
    return found


async def _asked(prober: Prober, found: Examination, purpose: str, asks: Sequence[Ask]) -> list[Probed]:
    answers = [await prober.ask(found.spec, ask, TIMEOUT_SECONDS) for ask in asks]
    found.steps += [Step(purpose, ask, probed) for ask, probed in zip(asks, answers, strict=True)]
    return answers
