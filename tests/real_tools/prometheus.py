"""A real Prometheus on loopback, with a folder of its own, that scrapes five times a second.

Rules of this file
- What it found is asked for as anybody would: over its HTTP API.

Needed: `apt-get install prometheus`. Without it tests are skipped, but on CI they fail: there it is wanted.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from tests.fakes.upstreams import free_port
from tests.real_tools import promtool

START_SECONDS = 30.0
SCRAPE_INTERVAL = "200ms"
COMPUTED_EVERY = "1s"
"""The rules: all of them take a while on a machine that is busy."""


class Prometheus:
    """A client for the one that runs."""

    def __init__(self, url: str, client: aiohttp.ClientSession) -> None:
        self.url = url
        self._client = client

    async def is_ready(self) -> bool:
        try:
            async with self._client.get(self.url + "/-/ready") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def ask(self, path: str, **query: str) -> Any:
        """The data of an answer."""
        async with self._client.get(f"{self.url}/api/v1/{path}", params=query) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return answer["data"]

    async def at(self, expr: str, moment: float) -> dict[str, str]:
        """The value for every backend at one moment, in seconds since the epoch, as Prometheus writes it."""
        data = await self.ask("query", query=expr, time=f"{moment:.3f}")
        return {one["metric"]["backend"]: one["value"][1] for one in data["result"]}

    async def alerts(self) -> list[dict[str, Any]]:
        """Those that fire now, with their labels and annotations."""
        found: list[dict[str, Any]] = (await self.ask("alerts"))["alerts"]
        return [alert for alert in found if alert["state"] == "firing"]

    async def reload(self) -> None:
        """Read the configuration anew."""
        async with self._client.post(self.url + "/-/reload") as response:
            assert response.status == 200, await response.text()

    async def moments(self, selector: str) -> list[float]:
        """When a series was scraped in the last five minutes."""
        data = await self.ask("query", query=f"{selector}[5m]")
        return sorted({moment for one in data["result"] for moment, _ in one["values"]})


def configure(
    folder: Path, targets: Sequence[str], rules: Path | None = None, every: str = SCRAPE_INTERVAL, dropped: str = ""
) -> None:
    """Write its configuration: scrape these hosts and ports as the job `maek`, compute the rules below a folder, and
    drop the series of which `name;backend` is this regular expression."""
    job: dict[str, Any] = {"job_name": "maek", "static_configs": [{"targets": targets}]}
    if dropped:
        job["metric_relabel_configs"] = [{"source_labels": ["__name__", "backend"], "regex": dropped, "action": "drop"}]
    often = {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": COMPUTED_EVERY}
    config = {"global": often, "scrape_configs": [job], "rule_files": [str(rules / "*.yaml")] if rules else []}
    (folder / "prometheus.yml").write_bytes(orjson.dumps(config))  # JSON is YAML


@asynccontextmanager
async def prometheus(
    folder: Path,
    target: str,
    *options: str,
    others: Sequence[str] = (),
    rules: Path | None = None,
    every: str = SCRAPE_INTERVAL,
) -> AsyncIterator[Prometheus]:
    """One that scrapes `target`, a host and a port, and others."""
    configure(folder, [target, *others], rules, every)
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            promtool.program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}", "--web.enable-lifecycle", *options,
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as client:
            running = Prometheus(f"http://{address}", client)
            async with asyncio.timeout(START_SECONDS):
                while not await running.is_ready():
                    assert process.returncode is None, (folder / "prometheus.log").read_text("utf-8")
                    await asyncio.sleep(0.05)
            yield running
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
