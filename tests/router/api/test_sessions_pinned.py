"""Whose conversation a request of OpenAI's dialect continues: three ways to say it, seen by where `pin` sends it."""

from collections.abc import AsyncIterator, Mapping
from hashlib import blake2b
from typing import Any

import pytest

from router.api.context import LONGEST_SESSION
from router.balance.policies import pin
from router.demands import demand_of
from simulator import SimSettings
from tests.fakes.routers import Maek, maek_with_simulators
from tests.router.balance.scenes import able, scene

NAMES = [f"session-{number}" for number in range(8)]
SIMS = ("sim0", "sim1", "sim2")
PATHS: Mapping[str, Mapping[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "양자역학 설명해줘"}], "max_tokens": 2},
    "/v1/completions": {"prompt": "양자역학", "max_tokens": 2},
}


@pytest.fixture
async def router() -> AsyncIterator[Maek]:
    roles = {"reasoner": {"policy": "pin"}}
    async with maek_with_simulators(SimSettings(), SimSettings(), SimSettings(), roles=roles) as (running, _):
        yield running


def home(session: str) -> str:
    """Where `pin` has a session live."""
    costs = pin(scene(*map(able, SIMS), demand=demand_of({}, "reasoner", session=session)))
    return SIMS[costs.index(min(costs))]


async def backend_of(
    router: Maek, path: str, headers: Mapping[str, str], model: str = "reasoner", **fields: Any
) -> str:
    body = {"model": model, **PATHS[path], **fields}
    async with router.client.post(router.url + path, json=body, headers=headers) as response:
        assert response.status == 200, await response.text()
        return response.headers["x-maek-backend"]


@pytest.mark.parametrize("path", PATHS)
async def test_the_header_then_the_key_of_the_cache_then_the_user_say_whose_it_is(router: Maek, path: str) -> None:
    assert len({home(name) for name in NAMES}) == 3
    for name in NAMES:
        other = next(other for other in NAMES if home(other) != home(name))
        header = {"x-maek-session": name}
        assert await backend_of(router, path, header) == home(name)
        assert await backend_of(router, path, header, prompt_cache_key=other, user=other) == home(name)
        assert await backend_of(router, path, {}, prompt_cache_key=name, user=other) == home(name)
        assert await backend_of(router, path, {}, user=name) == home(name)


async def test_auto_pins_as_well(router: Maek) -> None:
    for name in NAMES:
        found = await backend_of(router, "/v1/chat/completions", {"x-maek-session": name}, model="auto")
        assert found == home(name)


async def test_what_names_nobody_is_passed_over(router: Maek) -> None:
    for name in NAMES:
        fields = {"prompt_cache_key": 7, "user": name}
        assert await backend_of(router, "/v1/completions", {"x-maek-session": ""}, **fields) == home(name)


async def test_a_long_name_is_kept_as_its_hash(router: Maek) -> None:
    for name in NAMES:
        long = name.ljust(LONGEST_SESSION, "x")
        assert await backend_of(router, "/v1/completions", {}, user=long) == home(long)
        longer = long + "x"
        kept = blake2b(longer.encode(), digest_size=16).hexdigest()
        assert await backend_of(router, "/v1/completions", {}, user=longer) == home(kept)
