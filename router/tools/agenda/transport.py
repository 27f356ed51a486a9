"""HTTP for the library `caldav`: every request of an account, in the thread that asks.

Rules of this file
- It stands where the library has its session of another HTTP client: how long an answer takes, how large it is, where
  it leads and who may be trusted is decided here alone.
- One deadline holds for everything that a transport does; with it the thread ends.
- The password goes to the configured server and to its siblings over TLS (iCloud spreads accounts over those), never
  to where a redirect or an answer points otherwise. What may have written is never sent twice.
- What comes out is an answer, or `AccountFailed`. Nothing of an answer goes into the log.
"""

import asyncio
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from router.tools.agenda.account_words import AccountFailed, Trouble

MOST_BYTES = 8 * 1024 * 1024
"""Of one answer, unpacked: some ten thousand entries."""
MOST_REDIRECTS = 3
CONNECT_SECONDS = 5.0
_PIECE_BYTES = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_BUSY = (429, 503)
_READING = ("GET", "PROPFIND", "REPORT", "OPTIONS", "HEAD")


@dataclass(frozen=True, slots=True)
class Login:
    """An account of a server, as the operator configured it."""

    name: str
    """By which messages name it."""
    url: str
    username: str
    password: str = field(repr=False)
    calendars: tuple[str, ...] = ()
    """Those that are read, by name or address; none: all."""
    write: str | None = None
    """The one that new entries go to; None: the only one there is."""
    ca_file: str | None = None
    """Certificates that are trusted instead of the system's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the library reads of an answer."""

    status_code: int
    reason: str
    headers: Mapping[str, str]
    content: bytes
    url: str


class Transport:
    """Asks one server until `deadline` (seconds of the monotonic clock). A context manager, of one thread."""

    def __init__(self, login: Login, deadline: float) -> None:
        self._login = login
        self._deadline = deadline
        self._runner = asyncio.Runner()
        self._session: aiohttp.ClientSession | None = None
        self._basic: dict[str, str] = {}
        self._digest: tuple[aiohttp.DigestAuthMiddleware, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._session is not None:
                self._runner.run(self._session.close())
        finally:
            self._runner.close()

    def request(
        self,
        method: str,
        url: str,
        data: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        **_library: Any,
    ) -> Answer:
        """The answer, as the library asks for it: authentication, timeouts and certificates are not its affair."""
        answer = self.ask(method, url, data, headers)
        if answer.status_code == 403:
            raise self._failed(Trouble.FORBIDDEN)
        return answer

    def ask(
        self, method: str, url: str, data: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer, whatever a server says of success; not what it says of passwords, of being busy, of bugs."""
        body = data.encode() if isinstance(data, str) else data
        return self._runner.run(self._within_time(method, url, body or None, dict(headers or {})))

    def still(self) -> None:
        """Raises AccountFailed when the time is over: what is done between two questions takes time too."""
        if time.monotonic() >= self._deadline:
            raise self._failed(Trouble.TIMED_OUT)

    def close(self) -> None:
        """For the library; the transport ends with its block."""

    async def _within_time(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                return await self._tried(method, url, body, headers)
        except TimeoutError as error:
            raise self._failed(Trouble.TIMED_OUT) from error
        except aiohttp.ClientSSLError as error:
            raise self._failed(Trouble.UNTRUSTED) from error
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError, ValueError) as error:
            raise self._failed(Trouble.NO_CALDAV) from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._failed(Trouble.UNREACHABLE) from error

    async def _tried(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        try:
            return await self._answered(method, url, body, headers)
        except aiohttp.ClientSSLError:
            raise
        except aiohttp.ClientConnectionError:
            if method not in _READING:
                raise
            return await self._answered(method, url, body, headers)

    async def _answered(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._proven(method, url, body, headers)
            if answer.status_code not in _REDIRECTS:
                return self._usable(answer)
            if method not in _READING:
                raise self._failed(Trouble.ELSEWHERE)
            url = urljoin(url, answer.headers.get("Location", ""))
        raise self._failed(Trouble.ELSEWHERE)

    async def _proven(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        answer = await self._exchanged(method, url, body, headers)
        if answer.status_code == 401 and not (self._basic or self._digest):
            # Nothing was done yet: the same again, with what the server asks for.
            self._prove(answer.headers.get("WWW-Authenticate", ""))
            answer = await self._exchanged(method, url, body, headers)
        return answer

    def _prove(self, challenge: str) -> None:
        login = self._login
        if "digest" in challenge.lower():
            self._digest = (aiohttp.DigestAuthMiddleware(login.username, login.password),)
        else:
            proof = b64encode(f"{login.username}:{login.password}".encode()).decode()
            self._basic = {"Authorization": f"Basic {proof}"}

    async def _exchanged(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        if not _within(url, self._login.url):
            raise self._failed(Trouble.ELSEWHERE)
        session = self._opened()
        async with session.request(
            method,
            URL(url, encoded=True),
            data=body,
            headers=headers | self._basic,
            middlewares=self._digest,
            allow_redirects=False,
        ) as response:
            content = bytearray()
            async for piece in response.content.iter_chunked(_PIECE_BYTES):
                content += piece
                if len(content) > MOST_BYTES:
                    raise self._failed(Trouble.TOO_LARGE)
            return Answer(response.status, response.reason or "", response.headers, bytes(content), url)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            trusted = self._trusted()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=trusted),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            )
            # Else aiohttp would itself send a PUT again, over a fresh connection, where a used one breaks.
            self._session._retry_connection = False  # noqa: SLF001 - no other way; a test counts
        return self._session

    def _trusted(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._login.ca_file)
        except OSError as error:
            raise self._failed(Trouble.UNTRUSTED) from error

    def _usable(self, answer: Answer) -> Answer:
        status = answer.status_code
        if status == 401:
            raise self._failed(Trouble.PASSWORD_REFUSED)
        if status in _BUSY:
            raise self._failed(Trouble.BUSY)
        if status >= 500:
            raise self._failed(Trouble.SERVER_FAILED, str(status))
        return answer

    def _failed(self, trouble: Trouble, detail: str = "") -> AccountFailed:
        return AccountFailed(trouble, self._login.name, detail)


def _within(url: str, configured: str) -> bool:
    """Whether the password may go there: the same place, the same host by TLS, or by TLS a sibling of its domain."""
    there, home = urlsplit(url), urlsplit(configured)
    if (there.scheme, there.netloc) == (home.scheme, home.netloc):
        return True
    if there.scheme != "https" or not there.hostname or not home.hostname or "@" in there.netloc:
        return False
    if there.hostname == home.hostname:
        return True
    _, _, domain = home.hostname.partition(".")
    return home.scheme == "https" and "." in domain and there.hostname.endswith(f".{domain}")
