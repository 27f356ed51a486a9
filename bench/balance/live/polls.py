"""Questions to backends that cost no tokens, asked and read as the sidecar does.

Rules of this file
- An engine that tells its load is asked for that and nothing else; of another, which models are in memory.
- Connections are kept: some routers ask twenty times a second, and the bench is not to be what is measured.
"""

import asyncio
from collections.abc import Callable

import aiohttp

from bench.balance.agent import POLL_TIMEOUT_SECONDS, Engine, Offer, Reading
from bench.balance.live.prompts import MODEL
from sidecar import BackendSpec
from sidecar.engines import ENGINES, Answers, Model, Unreadable
from sidecar.engines.engine import Reading as EngineReading
from sidecar.probe import Prober

_LOADING_SECONDS = 120.0
"""A model may take as long to load."""


class Polls:
    """Asks the backends of a run; backends are numbers, as everywhere."""

    def __init__(
        self,
        offers: tuple[Offer, ...],
        urls: tuple[str, ...],
        session: aiohttp.ClientSession,
        now: Callable[[], float],
    ) -> None:
        self._engines = [ENGINES[offer.engine] for offer in offers]
        self._specs = [BackendSpec(offer.name, url, offer.engine) for offer, url in zip(offers, urls, strict=True)]
        self._prober = Prober(session, now)
        self._now = now

    async def reading(self, number: int) -> Reading | None:
        """What a backend says of itself; None without a good answer."""
        asked_at = self._now()
        answers = await self._answers(number)
        if any(answer is None for answer in answers):
            return None
        try:
            load, is_resident = self._read(number, answers)
        except Unreadable:
            return None
        now = self._now()
        return Reading(now, now - asked_at, is_resident, load.running, load.waiting, load.kv_usage_ratio)

    async def load(self, number: int) -> None:
        """Have the model loaded, where a question does that."""
        ask = self._engines[number].load(Model(MODEL))
        if ask is not None:
            await self._prober.ask(self._specs[number], ask, _LOADING_SECONDS)

    async def _answers(self, number: int) -> Answers:
        engine, spec = self._engines[number], self._specs[number]
        asks = engine.asks() or engine.models
        probed = [self._prober.ask(spec, ask, POLL_TIMEOUT_SECONDS) for ask in asks]
        return tuple(one.answer for one in await asyncio.gather(*probed))

    def _read(self, number: int, answers: Answers) -> tuple[EngineReading, bool]:
        engine = self._engines[number]
        if engine.name == Engine.VLLM:
            # It has its model in memory for as long as it lives.
            return engine.read_stats(answers), True
        return EngineReading(), any(model.loaded for model in engine.read_models(answers) if model.name == MODEL)
