"""How the backend is reached: one new connection at a time.

Rules of this file
- Every way in which there is no connection is a refusal with its own sentence.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from sidecar.proxy import refusals
from sidecar.proxy.refusals import Refused
from sidecar.proxy.wire import Wire

CONNECT_SECONDS = 10.0
"""A server on this machine takes a connection in a millisecond; one that has not in this time has no place left."""

Addresses = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host and port, in the order in which they are to be tried; at least one."""


class Upstream:
    """The backend's address. `url`: scheme, host and port."""

    def __init__(self, url: str, connect_seconds: float = CONNECT_SECONDS, addresses: Addresses | None = None) -> None:
        self.url = url
        self._addresses = addresses or system_addresses
        self.connect_seconds = connect_seconds
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self.host_field = parts.netloc.encode("idna" if not parts.netloc.isascii() else "ascii") if self._tls else None
        """What its `Host` has to be. Behind TLS the name in the certificate; else whatever the client wrote, since a
        server that lets in only names it knows shall go on doing so."""

    async def connect(self) -> Wire:
        """A new connection. Raises `Refused`."""
        try:
            async with asyncio.timeout(self.connect_seconds):
                return await self._connect()
        except TimeoutError:
            raise Refused(refusals.connect_timeout(self.url, self.connect_seconds)) from None
        except ssl.SSLCertVerificationError as error:
            raise Refused(refusals.unreachable(self.url, "its certificate is not trusted here")) from error
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:
                raise Refused(refusals.refused(self.url)) from error
            raise Refused(refusals.unreachable(self.url, _reason(error))) from error

    async def _connect(self) -> Wire:
        *others, last = await self._addresses(self._host, self._port)
        # One after the other, and the last one's error counts: `localhost` is ::1 too, where few servers listen.
        for address in others:
            with suppress(OSError):
                return await self._connect_to(address)
        return await self._connect_to(last)

    async def _connect_to(self, address: str) -> Wire:
        loop = asyncio.get_running_loop()
        name = self._host if self._tls else None
        _, wire = await loop.create_connection(Wire, address, self._port, ssl=self._tls, server_hostname=name)
        return wire


async def system_addresses(host: str, port: int) -> Sequence[str]:
    """Everything that a name stands for on this machine, the preferred first. Raises OSError if it is not known."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    return os.strerror(error.errno) if error.errno else type(error).__name__
