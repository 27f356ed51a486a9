"""Radicale, a CalDAV server, as its own process on loopback, and what the tests put into it as another client would."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from router.tools.agenda.transport import Login
from tests.fakes.waiting import until
from tests.real.servers import free_port, spawned

PASSWORD = "open-sesame"
CALENDAR = """<?xml version="1.0"?><D:mkcol xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop>
<D:resourcetype><D:collection/><C:calendar/></D:resourcetype><D:displayname>{name}</D:displayname>
</D:prop></D:set></D:mkcol>"""


@dataclass(frozen=True, slots=True)
class Radicale:
    """A running server with the users ada and bob, who have no calendars yet."""

    url: str

    def login(self, user: str = "ada", url: str | None = None, **more: object) -> Login:
        """The account of a user, there or behind another address."""
        return Login(user, url or self.url, user, PASSWORD, **more)  # type: ignore[arg-type]

    async def has_calendar(self, name: str, path: str, user: str = "ada") -> None:
        """Make a calendar."""
        await self._asked("MKCOL", f"/{user}/{path}/", user, CALENDAR.format(name=name), 201)

    async def has(self, path: str, *events: str, user: str = "ada", name: str = "one") -> None:
        """Put an object with these events into a calendar; each is its lines."""
        await self._asked("PUT", f"/{user}/{path}/{name}.ics", user, calendar_of(events), 201)

    async def objects(self, path: str, user: str = "ada") -> list[str]:
        """The addresses of what is in a calendar."""
        asks = '<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>'
        answer = await self._asked("PROPFIND", f"/{user}/{path}/", user, asks, 207)
        return [part.split("</href>")[0] for part in answer.split("<href>")[1:] if ".ics</href>" in part]

    async def content(self, address: str, user: str = "ada") -> str:
        """An object."""
        return await self._asked("GET", address, user, "", 200)

    async def changed(self, address: str, content: str, user: str = "ada") -> None:
        """Overwrite an object, as its owner does in another program."""
        await self._asked("PUT", address, user, content, 204)

    async def loses(self, path: str, user: str = "ada") -> None:
        """A calendar is there no more."""
        await self._asked("DELETE", f"/{user}/{path}/", user, "", 200)

    async def _asked(self, method: str, path: str, user: str, body: str, wanted: int) -> str:
        auth = aiohttp.encode_basic_auth(user, PASSWORD)
        headers = {"Authorization": auth, "Depth": "1", "Content-Type": "text/calendar; charset=utf-8"}
        async with aiohttp.ClientSession(headers=headers) as client:
            async with client.request(method, self.url + path, data=body.encode()) as response:
                assert response.status == wanted, await response.text()
                return await response.text()


def calendar_of(events: Sequence[str]) -> str:
    """An iCalendar object."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//somebody//else//EN"]
    for number, event in enumerate(events):
        named = [] if "UID:" in event else [f"UID:event-{number}"]
        stamp = "DTSTAMP:20260101T000000Z"
        lines += ["BEGIN:VEVENT", *named, stamp, *event.strip().split("\n"), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


@asynccontextmanager
async def radicale(folder: Path) -> AsyncIterator[Radicale]:
    """A fresh server with its files under `folder`."""
    port = free_port()
    (folder / "users").write_text(f"ada:{PASSWORD}\nbob:{PASSWORD}\n")
    config = folder / "radicale.conf"
    config.write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n"
        f"[auth]\ntype = htpasswd\nhtpasswd_filename = {folder}/users\nhtpasswd_encryption = plain\ndelay = 0\n"
        f"[storage]\nfilesystem_folder = {folder}/collections\n"
    )
    log = folder / "radicale.log"
    process = await spawned((sys.executable, "-m", "radicale", "--config", str(config)), {}, log)
    try:
        await until(lambda: process.returncode is not None or b"server ready" in log.read_bytes(), 45.0)
        assert process.returncode is None, log.read_text()
        yield Radicale(f"http://127.0.0.1:{port}")
    finally:
        if process.returncode is None:
            process.kill()
        await asyncio.wait_for(process.wait(), 30.0)
