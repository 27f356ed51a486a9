"""Hedges at large: many at once, each close, and against the simulator, which knows who holds a slot."""

import asyncio
import random

from aiohttp import ClientSession

from router.balance.budget import Terms
from router.balance.pools import Candidate
from sidecar import Outcome
from simulator import SimSettings, serving
from tests.fakes.simulators import set_faults, sim_state
from tests.fakes.sinks import Kept
from tests.fakes.upstreams import DONE, LAST_CHUNK, OK_STREAM, ROLE, STOP, Heard, Script, chunked, token, upstream
from tests.router.fleets import Fleet, fleet

SOON = 0.05
"""As soon as that somebody else is asked, where three times the predicted seconds are not more."""


def first_of_equals() -> float:
    """Chance, for tests that want to know who is asked first."""
    return 0.0


class Tape(Kept):
    """A client that notes which server wrote."""

    @property
    def servers(self) -> set[str]:
        """Their names."""
        return {name for name in ("first", "second") if name.encode() in self.bytes}


async def test_however_close_the_race_every_client_gets_one_whole_answer() -> None:
    chance = random.Random(3)

    def server(name: str) -> Script:
        async def script(heard: Heard) -> None:
            await heard.send(OK_STREAM, chunked(ROLE))
            # The longest of all is one that whoever is asked besides wins on any machine.
            await asyncio.sleep(chance.choice([0.02, 0.02, 0.02, 0.02, chance.uniform(0.1, 1.2), 1.5]))
            for _ in range(3):
                await heard.send(chunked(token(name)))
                await asyncio.sleep(chance.choice([0, 0.01]))
            await heard.send(chunked(STOP, DONE), LAST_CHUNK)

        return script

    async def client(number: int, both: Fleet) -> Tape:
        tape = Tape()
        await asyncio.sleep(number * 0.02)
        await both.send(tape, hedge_seconds=SOON)
        return tape

    async with upstream(server("first")) as one, upstream(server("second")) as other:
        async with fleet(one.url, other.url, hedges=Terms(1.0, 1.0, 1000.0), keepalive_seconds=0.01) as both:
            tapes = await asyncio.gather(*(client(number, both) for number in range(150)))
            assert both.in_flight() == 0
            finished = both.finished()
    (name,) = {len(tape.servers) for tape in tapes}
    assert name == 1
    for tape in tapes:
        (said,) = tape.servers
        assert tape.bytes == ROLE + token(said) * 3 + STOP + DONE
        assert len(tape.openings) == 1
    assert set(finished) <= {Outcome.OK, Outcome.CLIENT_GONE, Outcome.SILENT}
    assert finished[Outcome.OK] == 150
    assert len(both.counts.hedges) == finished[Outcome.CLIENT_GONE] + finished.get(Outcome.SILENT, 0)
    assert set(both.counts.hedges) == {"won", "lost"}


async def test_the_slot_of_whoever_is_cut_off_is_free_again() -> None:
    one_slot = SimSettings(slots=1)
    async with serving(one_slot) as late, serving(one_slot) as other, ClientSession() as client:
        await set_faults(client, late, {"stall": {}})
        async with fleet(late, other, rng=first_of_equals) as both:
            both.pool = tuple(Candidate(one.backend, "sim-large-32b") for one in both.pool)
            sink = Kept()
            body = {"messages": [{"role": "user", "content": "hi"}]}
            await both.send(sink, body=body, hedge_seconds=SOON)
            assert both.counts.hedges == ["won"]
        await set_faults(client, late, {})
        async with asyncio.timeout(10):
            while (state := await sim_state(client, late))["running"]:  # noqa: ASYNC110 - told over HTTP only
                await asyncio.sleep(0.01)
    assert state["totals"]["cancelled"] == 1
    assert b"[DONE]" in sink.bytes
