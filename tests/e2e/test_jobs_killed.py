"""`maek serve` is killed with SIGKILL again and again while it works on jobs: every accepted one is done, once."""

import asyncio
import os
import random
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.sse import COMMENT_KEEPALIVE
from simulator import SimSettings, serving
from simulator.faults import Slow
from tests.fakes.processes import Served, maek_command, maek_serve
from tests.fakes.waiting import until

KILLS = int(os.environ.get("MAEK_TEST_KILLS", "3"))
"""More for a long look: each takes a start of Maek."""
CONFIG = """\
sidecar:
  discover: false
  retry_interval_seconds: 0.2
  backends: [{{name: sim, url: '{url}', models: {{classifier: sim-small-1b, reasoner: sim-large-32b}}}}]
router:
  listen: 127.0.0.1:0
  jobs: {{concurrency: 3, attempts: 100, retry_seconds: 0.1, most_retry_seconds: 0.5}}
"""


class Caller:
    """Gives a job to whoever serves, and gives it again by the same name when it has no answer."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client
        self.accepted: dict[str, str] = {}
        """Name → id, of every job that was answered with 202."""

    async def give(self, url: str, name: str, body: Mapping[str, Any]) -> None:
        """One try."""
        if name in self.accepted:
            return
        try:
            async with self._client.post(url + "/jobs", json=body, headers={"Idempotency-Key": name}) as response:
                assert response.status == 202, await response.text()
                self.accepted[name] = (await response.json())["id"]
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
            return

    async def job(self, url: str, name: str) -> Any:
        """As the one that serves has it."""
        async with self._client.get(f"{url}/jobs/{self.accepted[name]}") as response:
            assert response.status == 200, f"{name} was accepted and is lost"
            return await response.json()

    async def ended(self, url: str, names: Sequence[str]) -> Mapping[str, Any]:
        """All of them, once they have ended."""
        jobs: dict[str, Any] = {}
        async with asyncio.timeout(60):
            while len(jobs) < len(names):
                for name in set(names) - set(jobs):
                    job = await self.job(url, name)
                    if job["state"] not in ("queued", "running"):
                        jobs[name] = job
                await asyncio.sleep(0.05)
        return jobs


async def kill(served: Served) -> None:
    served.process.send_signal(signal.SIGKILL)
    await served.process.wait()


@pytest.mark.timeout(120 + 30 * KILLS)
async def test_killed_again_and_again_no_accepted_job_is_lost_and_no_entry_is_written_twice(tmp_path: Path) -> None:
    dice = random.Random(7)
    questions = {f"q{number}": {"message": f"양자역학 설명해줘 {number}"} for number in range(6)}
    drafts = {
        f"d{number}": {"message": f"내일 {number}시 회의 잡아줘", "session": f"s{number}"} for number in range(1, 5)
    }
    async with serving(SimSettings(preset="demo", faults=(Slow(factor=2),))) as sim, aiohttp.ClientSession() as client:
        (tmp_path / "config.yaml").write_text(CONFIG.format(url=sim))
        caller = Caller(client)
        async with maek_serve(tmp_path, ["-c", "config.yaml"]) as served:
            for name, body in drafts.items():
                await caller.give(served.url, name, body)
            await caller.ended(served.url, list(drafts))
            await kill(served)
        confirmed = {f"c{number}": {"message": "응", "session": f"s{number}"} for number in range(1, 5)}
        everything = questions | confirmed
        for _ in range(KILLS):
            async with maek_serve(tmp_path, ["-c", "config.yaml"]) as served:
                dying = asyncio.create_task(asyncio.sleep(dice.uniform(0.0, 0.6)))
                await asyncio.gather(*(caller.give(served.url, name, body) for name, body in everything.items()))
                await dying
                await kill(served)
        async with maek_serve(tmp_path, ["-c", "config.yaml"]) as served:
            for name, body in everything.items():
                await caller.give(served.url, name, body)
            jobs = await caller.ended(served.url, list(everything))
            exit_code, listed, _ = await maek_command("jobs", "--url", served.url, "--state", "done", cwd=tmp_path)
    told = {name: (job["state"], job["error"], job["result"] and job["result"]["text"]) for name, job in jobs.items()}
    assert {state for state, _, _ in told.values()} == {"done"}, told
    assert all("등록했어요" in told[name][2] for name in confirmed), told
    (calendar,) = (tmp_path / "data" / "calendar").glob("*.ics")
    assert calendar.read_text().count("BEGIN:VEVENT") == len(confirmed)
    assert exit_code == 0
    assert all(caller.accepted[name] in listed for name in everything)


async def test_a_job_that_ran_when_maek_was_killed_runs_again_and_says_so(tmp_path: Path) -> None:
    async with serving(SimSettings(preset="demo", faults=(Slow(factor=20),))) as sim, aiohttp.ClientSession() as client:
        (tmp_path / "config.yaml").write_text(CONFIG.format(url=sim))
        caller = Caller(client)
        async with maek_serve(tmp_path, ["-c", "config.yaml"]) as served:
            await caller.give(served.url, "q", {"message": "양자역학 설명해줘"})
            events = await client.get(f"{served.url}/jobs/{caller.accepted['q']}/events")
            before = b""
            while b"event: token" not in before:
                before += await events.content.readany()
            await kill(served)
            events.close()
        async with client.delete(sim + "/sim/faults"):
            pass
        async with maek_serve(tmp_path, ["-c", "config.yaml"]) as served:
            job = (await caller.ended(served.url, ["q"]))["q"]
            async with client.get(f"{served.url}/jobs/{job['id']}/events") as response:
                after = await response.read()
    assert (job["state"], job["attempts"]) == ("done", 2)
    told = before[: before.rindex(b"\n\n") + 2].removeprefix(COMMENT_KEEPALIVE)
    assert after.startswith(told), "what was told stays told"
    assert after.count(b'"state":"running"') == 2
    await until(lambda: served.process.returncode == 0)
