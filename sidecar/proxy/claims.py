"""Which pages on the proxy's port are Maek's: those that the backend does not have.

Rules of this file
- Nothing of the backend's is hidden. vLLM's own `/metrics` stays vLLM's; Ollama has none, so there it is Maek's.
- The backend is asked, once each time it comes up and once each time it turns out to be other software; not at every
  request, for a backend that hangs must not take Maek's pages with it.
- Only GET and HEAD. Whatever else is sent to such a path goes to the backend.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

from sidecar.engines.body import json_object
from sidecar.engines.engine import Answer, Ask, Unreadable
from sidecar.facts import BackendSpec, EngineIdentified, Fact, HealthProbed, ProbeOutcome
from sidecar.pages import PATHS
from sidecar.probe import Prober
from sidecar.store import Store

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 2.0
NOT_THERE = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.GONE}
)
"""llama.cpp says 501 where a page was not switched on."""


class Claims:
    """What one backend answers of the paths that Maek would answer."""

    def __init__(self, store: Store, prober: Prober, spec: BackendSpec) -> None:
        self.theirs: frozenset[str] = frozenset()
        """Paths that the backend has itself."""
        self._store = store
        self._prober = prober
        self._spec = spec
        self._due = asyncio.Event()
        self._well = False

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keeps `theirs` true for as long as the context lasts."""
        forget = self._store.witness(self._see)
        task = asyncio.create_task(self._keep(), name="ask for pages")
        try:
            yield
        finally:
            forget()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _see(self, fact: Fact) -> None:
        match fact:
            case HealthProbed():
                well = fact.outcome is ProbeOutcome.OK
                if well and not self._well:
                    self._due.set()
                self._well = well
            case EngineIdentified():
                self._due.set()
            case _:
                pass

    async def _keep(self) -> None:
        while await self._due.wait():
            self._due.clear()
            asks = [Ask(path) for path in PATHS]
            answers = await self._prober.answers(self._spec, tuple(asks), TIMEOUT_SECONDS)
            found = theirs(dict(zip(PATHS, answers, strict=True)), self.theirs)
            if found != self.theirs:
                self.theirs = found
                log.info("pages backend=%s answers_itself=%s", self._spec.name, ",".join(sorted(found)) or "none")


def theirs(answers: Mapping[str, Answer | None], known: frozenset[str]) -> frozenset[str]:
    """The paths that the backend has, by what it answered there; what it did not answer stays as it was `known`."""
    return frozenset(path for path, answer in answers.items() if _has(answer, known=path in known))


def _has(answer: Answer | None, *, known: bool) -> bool:
    if answer is None:
        return known
    if answer.status in NOT_THERE:
        return False
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return known
    try:
        # LM Studio says with 200 that there is no such page.
        return "error" not in json_object(answer)
    except Unreadable:
        return True
