"""`maek serve` itself, asked by clients that send when their requests are due.

Rules of this file
- The configuration names the backends and nothing that Maek would not find out or have by default, but for a limit on
  tokens: the traffic says how long answers are.
- What Maek did inside is counted by its own `/metrics` and by what the simulators were asked, never guessed.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bench.balance.agent import CLIENT_PATIENCE_SECONDS, FailureKind
from bench.balance.fleets import Fleet
from bench.balance.live.pace import Clock, arrivals
from bench.balance.live.processes import Ended
from bench.balance.live.prompts import MODEL, body_of
from bench.balance.live.streams import Ending, chat
from bench.balance.live.world import WrongLength
from bench.balance.workload import Demand, Traffic
from bench.balance.world import Outcome, Record, Run

ROLE = "reasoner"
_READY_SECONDS = 30.0
_SHED_CODES = frozenset({"queue_full", "queue_timeout", "overloaded"})


def written_config(fleet: Fleet, urls: Sequence[str], folder: Path) -> Path:
    """A configuration for these backends, in a file."""
    backends = [
        {"name": host.name, "url": url, "engine": host.engine.value, "models": {ROLE: MODEL}}
        for host, url in zip(fleet, urls, strict=True)
    ]
    document = {
        "sidecar": {"discover": False, "backends": backends},
        "router": {"listen": "127.0.0.1:0", "roles": {ROLE: {"max_tokens": None}}},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    return path


async def wait_until_ready(session: aiohttp.ClientSession, url: str) -> None:
    """Return once Maek holds every backend to be up and knows its model. Raises Ended."""
    try:
        async with asyncio.timeout(_READY_SECONDS):
            while not all(map(_is_known, (await _json(session, url + "/backends"))["backends"])):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise Ended(f"`maek serve` did not find all of its backends within {_READY_SECONDS:.0f} s") from None


def _is_known(backend: Mapping[str, Any]) -> bool:
    return backend["verdict"] == "up" and MODEL in backend["models"]


async def _json(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as response:
        return await response.json()


class Clients:
    """The clients of one run. `chats` keeps no connections."""

    def __init__(
        self,
        fleet: Fleet,
        url: str,
        traffic: Traffic,
        clock: Clock,
        chats: aiohttp.ClientSession,
        *,
        patience_seconds: float = CLIENT_PATIENCE_SECONDS,
    ) -> None:
        self.late_seconds: list[float] = []
        self._numbers = {host.name: number for number, host in enumerate(fleet)}
        self._url = url
        self._traffic = traffic
        self._bodies = [body_of(demand, ROLE) for demand in traffic]
        self._clock = clock
        self._chats = chats
        self._patience_seconds = patience_seconds

    async def run(self) -> tuple[Record, ...]:
        """Let all traffic pass, until every request has ended."""
        async with asyncio.TaskGroup() as group:
            visits = [
                group.create_task(self._visit(demand))
                async for demand in arrivals(self._traffic, self._clock, self.late_seconds)
            ]
        return tuple(visit.result() for visit in visits)

    async def _visit(self, demand: Demand) -> Record:
        due, first_at, tokens = demand.request.at, None, 0
        leaves_at = asyncio.get_running_loop().time() + due + self._patience_seconds - self._clock.now
        ending = None
        try:
            async with asyncio.timeout_at(leaves_at) as patience:

                def hear(count: int) -> None:
                    nonlocal first_at, tokens
                    tokens += count
                    if first_at is None:
                        first_at = self._clock.now
                        patience.reschedule(None)

                ending = await chat(self._chats, self._url, self._bodies[demand.request.id], hear)
        except TimeoutError:
            pass  # the client left: there is no ending
        outcome = outcome_of(ending)
        if outcome is Outcome.FINISHED and tokens != demand.output_tokens:
            raise WrongLength(f"Maek passed {tokens} tokens on, not {demand.output_tokens}.")
        return Record(
            due,
            demand.prompt_tokens,
            demand.output_tokens,
            outcome,
            None if first_at is None else first_at - due,
            self._clock.now - due,
            self._numbers.get(ending.backend) if ending and ending.backend else None,
        )


def outcome_of(ending: Ending | None) -> Outcome:
    """How a request ended for its client; None: the client had left before."""
    if ending is None:
        return Outcome.TIMEOUT
    if ending.failure is None:
        return Outcome.FINISHED
    if ending.failure.kind is FailureKind.CUT:
        return Outcome.CUT
    return Outcome.SHED if ending.code in _SHED_CODES else Outcome.ERROR


async def run_with_counts(
    clients: Clients, session: aiohttp.ClientSession, url: str, backend_urls: Sequence[str]
) -> Run:
    """The run of `clients`, with what Maek did meanwhile. How long its decisions took is not known from outside."""
    asked = await _questions(session, backend_urls)
    records = await clients.run()
    async with session.get(url + "/metrics") as response:
        counts = totals(await response.text())
    polls = await _questions(session, backend_urls) - asked
    hedges, retries = counts.get("maek_hedges_total", 0), counts.get("maek_retries_total", 0)
    return Run(records, polls, 0, hedges, retries, 0.0)


def totals(page: str) -> dict[str, int]:
    """The sum of each counter of a page of Prometheus metrics."""
    found: dict[str, int] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name.endswith("_total"):
                found[sample.name] = found.get(sample.name, 0) + int(sample.value)
    return found


async def _questions(session: aiohttp.ClientSession, urls: Sequence[str]) -> int:
    """How often backends were asked how they are."""
    states = await asyncio.gather(*(_json(session, url + "/sim/state") for url in urls))
    return sum(count for state in states for path, count in state["requests_seen"].items() if path.startswith("GET "))
