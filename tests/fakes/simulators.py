"""The simulator's control path, for tests."""

from collections.abc import Mapping
from typing import Any

import aiohttp


async def sim_state(client: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    """What the simulator knows of itself."""
    async with client.get(url + "/sim/state") as response:
        state: dict[str, Any] = await response.json()
        return state


async def set_faults(client: aiohttp.ClientSession, url: str, faults: Mapping[str, Mapping[str, Any]]) -> None:
    """Exactly these faults hold from now on: `{"cut": {"after_tokens": 3}}`."""
    async with client.put(url + "/sim/faults", json=faults) as response:
        assert response.status == 200, await response.text()
