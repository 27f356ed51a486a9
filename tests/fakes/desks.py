"""Somebody who gives jobs to a whole Maek, over real sockets, with a simulator behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from router.sse import Decoder, Event
from simulator import SimSettings, serving
from tests.fakes.routers import Maek, config_for, maek

QUESTION = {"message": "양자역학 설명해줘"}
ROLES = {"classifier": "sim-small-1b", "reasoner": "sim-large-32b"}


async def until_so(holds: Callable[[], Awaitable[Any]], deadline_seconds: float = 10.0) -> Any:
    """What `holds` gives, once that is true of it."""
    async with asyncio.timeout(deadline_seconds):
        while not (found := await holds()):  # noqa: ASYNC110 - what is asked over HTTP has no event to wait on
            await asyncio.sleep(0.01)
    return found


class Desk:
    """Somebody who gives jobs to a Maek."""

    def __init__(self, router: Maek, sim: str, headers: Mapping[str, str] | None = None) -> None:
        self.router = router
        self.sim = sim
        self.headers = dict(headers or {})

    async def post(self, body: Mapping[str, Any], **headers: str) -> tuple[int, Any, Mapping[str, str]]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = self.router.url + "/jobs"
        async with self.router.client.post(url, json=body, headers=self.headers | named) as response:
            return response.status, await response.json(), response.headers.copy()

    async def ask(self, method: str, path: str) -> tuple[int, Any]:
        async with self.router.client.request(method, self.router.url + path, headers=self.headers) as response:
            return response.status, await response.json() if response.status != 204 else None

    async def accepted(self, body: Mapping[str, Any] = QUESTION) -> str:
        status, job, headers = await self.post(body)
        assert status == 202, job
        assert headers["location"] == f"/jobs/{job['id']}"
        return str(job["id"])

    async def job(self, job_id: str) -> Any:
        return (await self.ask("GET", f"/jobs/{job_id}"))[1]

    async def events(self, job_id: str, after: int | None = None, most: int | None = None) -> list[Event]:
        """What a job tells until it has ended, or the first so many."""
        headers = self.headers | ({} if after is None else {"last-event-id": str(after)})
        found: list[Event] = []
        decoder = Decoder()
        url = f"{self.router.url}/jobs/{job_id}/events"
        async with self.router.client.get(url, headers=headers) as response:
            assert response.status == 200
            async for chunk in response.content.iter_any():
                found += decoder.feed(chunk)
                if most is not None and len(found) >= most:
                    return found[:most]
        return found

    async def ended(self, job_id: str) -> Any:
        await self.events(job_id)
        return await self.job(job_id)

    async def becomes(self, job_id: str, true: Callable[[Any], object]) -> Any:
        """The job, once that is true of it."""

        async def look() -> Any:
            job = await self.job(job_id)
            return job if true(job) else None

        return await until_so(look)

    async def done_or_nothing(self, job_id: str) -> Any:
        """The job if it is done; None otherwise, also where nobody can tell."""
        status, job = await self.ask("GET", f"/jobs/{job_id}")
        return job if status == 200 and job["state"] == "done" else None

    async def has_state(self, job_id: str, state: str) -> Any:
        return await self.becomes(job_id, lambda job: job["state"] == state)

    async def fault(self, faults: Mapping[str, Any]) -> None:
        async with self.router.client.put(self.sim + "/sim/faults", json=faults) as response:
            assert response.status == 200

    async def generating(self) -> int:
        async with self.router.client.get(self.sim + "/sim/state") as response:
            return int((await response.json())["running"])

    async def idle(self) -> bool:
        return await self.generating() == 0

    async def metric(self, line: str) -> bool:
        async with self.router.client.get(self.router.url + "/metrics", headers=self.headers) as response:
            return line in (await response.text()).splitlines()


@asynccontextmanager
async def desk(folder: Path, *, sim: str | None = None, **router: Any) -> AsyncIterator[Desk]:
    """A Maek that keeps its data in `folder`, before a simulator."""
    async with serving(SimSettings(preset="instant")) as own:
        url = sim or own
        backends = [{"name": "sim", "url": url, "models": ROLES}]
        async with maek(config_for(backends, data_dir=str(folder), **router)) as running:
            yield Desk(running, url)


def told(events: list[Event], name: str) -> list[Any]:
    return [orjson.loads(event.data) for event in events if event.name == name]
