"""Whether a URL answers.

Rules of this file
- One GET, no redirects, a short deadline; any answer under 500 means that somebody is there (a 401 is alive).
- The answer's body is not read: it is nobody's business here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from router.tools.hosts.trouble import Trouble, trouble_of

DEFAULT_TIMEOUT_SECONDS = 3.0
"""A service in the same house answers in milliseconds; three seconds are a service in trouble."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What one look at a URL found. `status` is None where nothing answered."""

    up: bool
    status: int | None = None
    seconds: float | None = None
    trouble: Trouble | None = None
    """Why nothing answered, where that is known."""


CheckService = Callable[[str], Awaitable[Reached]]
"""URL → what was found. Never raises for a server's fault."""


async def reach_nothing(_url: str) -> Reached:
    """Where no client was lent: nothing can be reached."""
    return Reached(up=False)


def http_checker(
    session: Callable[[], aiohttp.ClientSession], timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
) -> CheckService:
    """A checker over the sessions that `session` returns; it does not close them."""

    async def check(url: str) -> Reached:
        clock = asyncio.get_running_loop().time
        begun = clock()
        timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        try:
            async with session().get(url, timeout=timeout, allow_redirects=False) as response:
                up = response.status < HTTPStatus.INTERNAL_SERVER_ERROR
                return Reached(up, response.status, clock() - begun)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Reached(up=False, trouble=trouble_of(error))

    return check
