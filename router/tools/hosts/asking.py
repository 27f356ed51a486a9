"""One question over HTTP to one machine.

Rules of this file
- The one place that asks, and it can only GET. No redirects, no cookies, no proxies of the environment, no compression
  (a small answer could swell), a limit of bytes and one deadline over everything.
- Raises `Trouble` and nothing else.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

import aiohttp

from router.tools.hosts.trouble import Trouble, Why, trouble_of


async def asked(
    url: str,
    connector: aiohttp.BaseConnector,
    *,
    most_bytes: int,
    seconds: float,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """The body of a 200 answer, whole. The connector is closed afterwards."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=timeout,
                trust_env=False,
                auto_decompress=False,
            ) as session,
            session.get(
                url, allow_redirects=False, headers={"Accept-Encoding": "identity", **(headers or {})}
            ) as response,
        ):
            if response.status != HTTPStatus.OK:
                raise Trouble(Why.STATUS, str(response.status))
            if "Content-Encoding" in response.headers:
                raise Trouble(Why.UNREADABLE)
            return await _whole(response.content, most_bytes)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise trouble_of(error) from error


async def _whole(stream: aiohttp.StreamReader, most_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in stream.iter_any():
        body += chunk
        if len(body) > most_bytes:
            raise Trouble(Why.HUGE)
    return bytes(body)


async def knocked(host: str, port: int, seconds: float) -> bool:
    """Whether a machine is there: it takes a connection at that port, or refuses one. Nothing is said."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return True
    except (OSError, UnicodeError):  # the latter of a name that no name in DNS can be
        return False
    writer.transport.abort()
    return True
