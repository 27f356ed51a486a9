"""Many clients at once, and clients that leave."""

import asyncio

import pytest

from simulator import Profile, SimSettings

CHAT = "/v1/chat/completions"
STEADY = Profile(0.005, 0.0, 0.0, 0.0, 512, 64, 10_000)


def question(tokens, stream=True):
    return {"stream": stream, "messages": [{"role": "user", "content": f"hi [[tokens={tokens}]]"}]}


async def test_two_hundred_streams_over_64_slots_each_get_every_token(start):
    sim = await start(SimSettings(profile=STEADY))

    async def one():
        async with sim.session.post(sim.url + CHAT, json=question(40)) as response:
            return await response.text()

    texts = await asyncio.gather(*(one() for _ in range(200)))
    assert all(text.count('"delta":{"content"') == 40 for text in texts)
    assert all(text.endswith("data: [DONE]\n\n") for text in texts)
    state = await sim.state()
    assert (state["running"], state["waiting"]) == (0, 0)
    assert (state["totals"]["finished"], state["totals"]["output_tokens"]) == (200, 8000)


@pytest.mark.parametrize("stream", [True, False])
async def test_who_hangs_up_frees_the_slot_for_the_next(start, stream):
    sim = await start(SimSettings(profile=STEADY, slots=1))

    async def ask(tokens):
        async with sim.session.post(sim.url + CHAT, json=question(tokens, stream)) as response:
            return await response.text()

    leaving = asyncio.create_task(ask(100_000))
    await sim.until(lambda state: state["running"] == 1)
    waiting = asyncio.create_task(ask(3))
    await sim.until(lambda state: state["waiting"] == 1)
    leaving.cancel()
    assert await waiting
    state = await sim.until(lambda state: state["running"] == 0)
    assert (state["totals"]["cancelled"], state["totals"]["finished"]) == (1, 1)
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_who_hangs_up_while_nothing_is_made_is_noticed_too(start):
    sim = await start(SimSettings(profile=STEADY))
    await sim.put_faults({"stall": {}})
    leaving = asyncio.create_task(sim.post(CHAT, question(10)))
    await sim.until(lambda state: state["waiting"] == 1)
    leaving.cancel()
    await sim.until(lambda state: state["waiting"] == 0 and state["totals"]["cancelled"] == 1)
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_requests_are_counted_by_route_and_strangers_as_other(start):
    sim = await start(SimSettings())
    await sim.get("/v1/models")
    await sim.get("/secret/path")
    await sim.post(CHAT, question(1))
    assert (await sim.state())["requests_seen"] == {"GET /v1/models": 1, "other": 1, f"POST {CHAT}": 1}
