"""`maek top` as it runs: asks, draws, and hears keys, until somebody has had enough.

Rules of this file
- One loop: whatever happens (an answer, a key, another size, a second that passed) sets `changed`, and the loop draws.
- A server that is gone is shown and asked again; what was seen last stays.
"""

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from router.language import Language, pick
from router.terminal.fleet import Fleet, Memory, Sighting
from router.terminal.frame import Scene, frame, room
from router.terminal.remote import Remote, Unanswered
from router.terminal.screen import Screen
from router.terminal.view import Key, View, pressed, shown

METRICS_SECONDS = 5.0
"""Metrics cost the server more than the rest; what is read of them may be a little older."""
_QUEUED = re.compile(r"^maek_queue_depth(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
_ERRORS = re.compile(r'^maek_errors_total\{(?![^}]*fault="caller")[^}]*\} (\S+)$', re.MULTILINE)
"""Whatever went wrong and was not the caller's own fault."""


class Watch:
    """Asks one Maek, and remembers."""

    def __init__(self, maek: Remote, clock: Callable[[], float]) -> None:
        self._maek = maek
        self._clock = clock
        self._memory = Memory()
        self._metrics_at: float | None = None
        self._queued: int | None = None
        self._errors: float | None = None

    async def look(self) -> Fleet:
        """Ask once. Raises Unanswered."""
        answer = await self._maek.get("/backends")
        status = await self._maek.get("/status")
        if not isinstance(answer, dict) or not isinstance(answer.get("backends"), list) or not isinstance(status, dict):
            raise Unanswered(self._maek.not_maek())
        await self._read_metrics()
        sighting = Sighting(
            self._clock(),
            answer["backends"],
            "roles" in answer,
            status.get("active_jobs"),
            status.get("total_requests"),
            self._queued,
            self._errors,
        )
        return self._memory.see(sighting)

    async def _read_metrics(self) -> None:
        now = self._clock()
        if self._metrics_at is not None and now - self._metrics_at < METRICS_SECONDS:
            return
        self._metrics_at = now
        text = await self._maek.text("/metrics")
        waiting = [float(value) for value in _QUEUED.findall(text)]
        self._queued = int(sum(waiting)) if waiting else None
        self._errors = sum(map(float, _ERRORS.findall(text))) if "maek_errors_total" in text else None


class Live:
    """The running view."""

    def __init__(self, watch: Watch, screen: Screen, url: str, language: Language, interval_seconds: float) -> None:
        self._watch = watch
        self._screen = screen
        self._url = url
        self._interval_seconds = interval_seconds
        self._view = View(language)
        self._fleet: Fleet | None = None
        self._trouble: str | None = None
        self._failing_since: float | None = None
        self._over = False
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Until somebody quits."""
        loop = asyncio.get_running_loop()
        asking = asyncio.create_task(self._ask(), name="ask")
        with contextlib.ExitStack() as stack:
            stack.callback(asking.cancel)
            stack.enter_context(self._screen.taken())
            if sys.stdin.isatty():
                loop.add_reader(sys.stdin.fileno(), self._hear)
                stack.callback(loop.remove_reader, sys.stdin.fileno())
            for number, react in self._reactions():
                loop.add_signal_handler(number, react)
                stack.callback(loop.remove_signal_handler, number)
            while not self._over:
                self._changed.clear()
                self._draw()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 1.0)  # the clock moves on

    def _reactions(self) -> list[tuple[signal.Signals, Callable[[], None]]]:
        ending = [(number, self._quit) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
        return [*ending, (signal.SIGWINCH, self._changed.set), (signal.SIGTSTP, self._suspend)]

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                fleet = await self._watch.look()
            except Unanswered as problem:
                self._failing_since = self._failing_since if self._failing_since is not None else started
                self._trouble = str(problem)
            else:
                self._trouble, self._failing_since = None, None
                if not self._view.paused:
                    self._fleet = fleet
            self._changed.set()
            await asyncio.sleep(max(0.0, self._interval_seconds - (loop.time() - started)))

    def _hear(self) -> None:
        for key in self._screen.typed():
            if key is Key.QUIT:
                self._quit()
            elif self._fleet is not None:
                self._view = pressed(self._view, key, self._fleet, room(self._screen.size[1]))
            elif key is Key.LANGUAGE:
                self._view = replace(self._view, language=_other(self._view.language))
        self._changed.set()

    def _suspend(self) -> None:
        self._screen.suspend()
        self._changed.set()

    def _quit(self) -> None:
        self._over = True
        self._changed.set()

    def _draw(self) -> None:
        columns, lines = self._screen.size
        if self._fleet is not None:
            self._view = shown(self._view, self._fleet, room(lines))
        scene = Scene(self._url, f"{datetime.now().astimezone():%H:%M:%S}", self._told_trouble())
        self._screen.draw(frame(self._fleet, self._view, scene, columns, lines))

    def _told_trouble(self) -> str | None:
        if self._trouble is None or self._failing_since is None:
            return None
        seconds = asyncio.get_running_loop().time() - self._failing_since
        return pick(
            self._view.language,
            ko=f"{seconds:.0f}초째 응답 없음, 다시 시도하는 중: {self._trouble}",
            en=f"no answer for {seconds:.0f} s, asking again: {self._trouble}",
        )


def _other(language: Language) -> Language:
    return Language.EN if language is Language.KO else Language.KO
