"""Loads in the background: when somebody is asked to get ready, how often that is looked at, and how it ends."""

import asyncio
from collections.abc import Sequence

from router.balance.pools import Candidate
from router.prewarming import Prewarmer
from sidecar import BackendAdded, BackendSpec, Snapshot, Store
from sidecar.engines.engine import Model
from sidecar.facts import HealthProbed, ModelsListed, ProbeOutcome

POOL = tuple(Candidate(name, "gemma4") for name in ("mini", "nas"))
COLD = (Model("gemma4", loaded=False),)


class House:
    """A store with two cold backends, and loads that take until they are let go."""

    def __init__(self, models: Sequence[Model] = COLD) -> None:
        self.store = Store()
        self.looks = 0
        self.loads: list[tuple[str, str]] = []
        self.ended = asyncio.Event()
        self.cancelled = 0
        for name, _ in POOL:
            self.store.apply(BackendAdded(0.0, BackendSpec(name, f"http://{name}:1")))
            self.store.apply(HealthProbed(0.0, name, ProbeOutcome.OK, 1.0))
            self.store.apply(ModelsListed(0.0, name, tuple(models)))
        self.prewarmer = Prewarmer(self.snapshot, self.load)

    def snapshot(self) -> Snapshot:
        self.looks += 1
        return self.store.snapshot(asyncio.get_running_loop().time())

    async def load(self, backend: str, model: str) -> None:
        self.loads.append((backend, model))
        try:
            await self.ended.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def demand(self, times: int) -> None:
        for _ in range(times):
            self.prewarmer.demanded("reasoner", POOL)
        await asyncio.sleep(0)


async def test_one_or_two_requests_load_nothing_and_the_third_does() -> None:
    house = House()
    await house.demand(2)
    assert (house.loads, house.looks) == ([], 0)
    await house.demand(1)
    assert house.loads == [("mini", "gemma4")]
    await house.prewarmer.close()


async def test_a_busy_role_is_not_looked_at_with_every_request() -> None:
    house = House([Model("gemma4", loaded=True)])
    await house.demand(500)
    assert (house.loads, house.looks) == ([], 1)


async def test_switched_off_nothing_is_loaded() -> None:
    house = House()
    house.prewarmer.on = False
    await house.demand(9)
    assert house.loads == []


async def test_no_load_outlives_the_router() -> None:
    house = House()
    await house.demand(3)
    await house.prewarmer.close()
    assert (len(house.loads), house.cancelled) == (1, 1)
