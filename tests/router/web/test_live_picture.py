"""The picture of the fleet that all listeners of the status page share."""

import asyncio
from dataclasses import replace

from router.fleet import Fleet
from router.web.glimpses import backend_glimpse, look_at, roles_glimpse
from router.web.live import FRESH_SECONDS, Live
from sidecar import BackendSpec, BackendState, Snapshot, backends_json
from sidecar.health import Health, Verdict
from sidecar.load import DEFAULT_RULES
from tests.fakes.waiting import until

MANY = 100


class Changing:
    """A fleet that changes, and its clock."""

    def __init__(self, count: int) -> None:
        self.now = 10.0
        self.states = {}
        for place in range(count):
            spec = BackendSpec(f"b{place}", f"http://10.0.0.{place}", models={"reasoner": "m"})
            self.states[spec.name] = BackendState(spec, health=Health(Verdict.UP), health_ms=9.0, health_at=9.5)
        self.fleet = Fleet(self.snapshot, ("reasoner",), DEFAULT_RULES, lambda _at, _backend: None)

    def snapshot(self) -> Snapshot:
        return Snapshot(self.now, dict(self.states), 0, 1)

    def break_down(self) -> None:
        self.states = {name: replace(one, health=Health(Verdict.DOWN)) for name, one in self.states.items()}


def live() -> Live:
    return Live(lambda: 0)


async def test_it_shows_what_backends_tells_of_the_same_moment() -> None:
    changing = Changing(MANY)
    told = changing.snapshot()
    painting = asyncio.ensure_future(live().picture(changing.fleet))
    await asyncio.sleep(0)
    while not painting.done():
        changing.break_down()
        await asyncio.sleep(0)
    picture = await painting
    expected = [backend_glimpse(one) for one in backends_json(told, DEFAULT_RULES)]
    assert list(picture.backends.values()) == expected
    assert picture.backends["b7"]["state"] == "ready"
    assert picture.roles == roles_glimpse(changing.fleet, told)
    assert len(picture.roles["reasoner"]) == MANY


async def test_others_have_their_turn_while_it_is_painted() -> None:
    painting, turns = asyncio.ensure_future(live().picture(Changing(MANY).fleet)), 0
    while not painting.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1


async def test_all_listeners_get_the_same_one_while_it_is_fresh() -> None:
    changing, board = Changing(3), live()
    first, second = await asyncio.gather(board.picture(changing.fleet), board.picture(changing.fleet))
    assert first is second
    changing.now += FRESH_SECONDS / 2
    assert await board.picture(changing.fleet) is first
    changing.now += FRESH_SECONDS
    changing.break_down()
    assert (await board.picture(changing.fleet)).backends["b0"]["state"] == "down"
    other = Changing(1)
    assert list((await board.picture(other.fleet)).backends) == ["b0"]


async def test_a_listener_that_leaves_does_not_spoil_it_for_the_others() -> None:
    changing, board = Changing(MANY), live()
    gone, stays = (asyncio.ensure_future(board.picture(changing.fleet)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert len((await stays).backends) == MANY


async def test_the_history_is_what_look_at_says_of_every_backend() -> None:
    changing, board = Changing(MANY), live()
    task = asyncio.create_task(board.remember(lambda: changing.fleet))
    await until(lambda: board.history.looks)
    task.cancel()
    looks = map(look_at, backends_json(changing.snapshot(), DEFAULT_RULES))
    assert {look.name: look.level for look in looks} == {
        name: line["level"][-1] for name, line in board.history.as_json().items()
    }
