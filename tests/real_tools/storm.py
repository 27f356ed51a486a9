"""Everything that can happen to a Maek, within half a minute: what dashboards are there to show.

Rules of this file
- Maek is a process, as a user starts it; its backends are simulators, of which one dies and comes back.
- Every step waits until Prometheus has seen what it brought about, and none for luck.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from simulator import Engine, SimSettings, serving
from tests.fakes.processes import Served, maek_serve
from tests.fakes.simulators import set_faults
from tests.fakes.upstreams import free_port
from tests.fakes.waiting import until
from tests.real_tools.prometheus import Prometheus, prometheus

DEADLINE_SECONDS = 60.0
EVERY = "500ms"
"""As often as Prometheus looks: also where the machine is busy it is answered within that."""
SMALL, LARGE = "sim-small-1b", "sim-large-32b"
FLEET: Mapping[str, SimSettings] = {
    "judge": SimSettings(Engine.VLLM),
    "large": SimSettings(Engine.VLLM, preset="demo", slots=2),
    "other": SimSettings(Engine.VLLM, slots=8),
    "plain": SimSettings(Engine.OPENAI),
    "narrow": SimSettings(Engine.VLLM, preset="demo", slots=1),
    "spare": SimSettings(Engine.VLLM, preset="demo", slots=4),
    "drowsy": SimSettings(Engine.OPENAI),
}
"""Beside them `mortal`, which is killed and comes back."""
QUICK = ("other", "plain", "mortal")
"""Those of the reasoner that answer at once; `large` is slow."""
ROLES = {"judge": "classifier", "narrow": "narrow", "spare": "spare", "drowsy": "drowsy"}
"""Of those that are not there for the reasoner."""
ASKED = {"role": "user", "content": "explain the tides"}
MESSAGES = (
    "안녕",
    "양자역학 설명해줘",
    "오늘 일정",
    "그거 해줘",
    "음 그거 있잖아 저번에",
    "hmm, that thing",
    "메일 보내줘",
    "문서 찾아줘",
    "디스크 용량",
)
"""Decided by rules, by the embedded model and by the classifier, for each action."""


@dataclass(slots=True)
class Storm:
    """A Maek and its backends, and what can be done to them."""

    folder: Path
    client: aiohttp.ClientSession
    maek: Served
    prometheus: Prometheus
    sims: Mapping[str, str]
    port: int
    """Of `mortal`."""
    mortal: AsyncExitStack

    async def post(self, path: str, body: Any = None, **headers: str) -> dict[str, str]:
        """Ask, and read the answer to its end; its headers."""
        with suppress(aiohttp.ClientPayloadError):
            async with self.client.post(self.maek.url + path, json=body, headers=headers) as response:
                await response.read()
                return dict(response.headers)
        return {}

    async def say(self, message: str, session: str | None = None) -> Any:
        """One message to `/chat`, answered in one piece."""
        body = {"message": message, **({"session": session} if session else {})}
        async with self.client.post(self.maek.url + "/chat", json=body) as response:
            return await response.json()

    async def ask(self, model: str, *, stream: bool = True, tokens: int = 20) -> dict[str, str]:
        """One completion; the headers of its answer."""
        body = {"model": model, "stream": stream, "max_tokens": tokens, "messages": [ASKED]}
        return await self.post("/v1/chat/completions", body)

    async def leave(self, model: str) -> None:
        """Begin to listen, and hang up at the first token."""
        body = {"model": model, "stream": True, "messages": [ASKED]}
        async with self.client.post(self.maek.url + "/v1/chat/completions", json=body) as response:
            await response.content.readuntil(b"\n\n")

    async def faults(self, name: str, **faults: Mapping[str, Any]) -> None:
        """What is wrong with a backend from now on."""
        await set_faults(self.client, self.sims[name], faults)

    async def seen(self, expr: str, doing: Callable[[], Awaitable[Any]] | None = None) -> None:
        """Return once Prometheus has something for this question; do this meanwhile."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not (await self.prometheus.ask("query", query=expr))["result"]:
                await (asyncio.sleep(0.1) if doing is None else doing())


def written(folder: Path, urls: Mapping[str, str], log_level: str = "info") -> None:
    """The configuration: looked at often, one narrow role, and turns for all who reason, whoever is quicker."""
    backends = [
        {
            "name": name,
            "url": url,
            "slots": FLEET[name].slots if name in FLEET else None,
            "models": {ROLES.get(name, "reasoner"): SMALL if name == "judge" else LARGE},
        }
        for name, url in urls.items()
    ]
    sidecar = {
        "discover": False, "interval_seconds": 0.2, "retry_interval_seconds": 0.1, "stats_interval_seconds": 0.1,
        "backends": backends,
    }  # fmt: skip
    roles = {"reasoner": {"policy": "round_robin"}, "narrow": {"queue": {"most": 2}}, "spare": {}, "drowsy": {}}
    router = {"listen": "127.0.0.1:0", "log_level": log_level, "roles": roles}
    (folder / "config.yaml").write_bytes(orjson.dumps({"sidecar": sidecar, "router": router}))  # JSON is YAML


@asynccontextmanager
async def calm(folder: Path, rules: Path) -> AsyncIterator[Storm]:
    """All of it, before anything happens, and a Prometheus that looks on and goes through these rules."""
    async with AsyncExitStack() as stack:
        sims = {name: await stack.enter_async_context(serving(settings)) for name, settings in FLEET.items()}
        port = free_port()
        mortal = await stack.enter_async_context(AsyncExitStack())
        sims["mortal"] = await mortal.enter_async_context(serving(SimSettings(Engine.VLLM), "127.0.0.1", port))
        written(folder, sims)
        served = await stack.enter_async_context(maek_serve(folder, ["-c", "config.yaml"]))
        target = served.url.removeprefix("http://")
        looking = await stack.enter_async_context(prometheus(folder, target, rules=rules, every=EVERY))
        client = await stack.enter_async_context(aiohttp.ClientSession())
        storm = Storm(folder, client, served, looking, sims, port, mortal)
        await storm.seen("up == 1")
        yield storm


async def rage(storm: Storm) -> None:
    """Everything, one after the other; and all the while one of them is drowsy."""
    async with asyncio.TaskGroup() as beside:
        beside.create_task(_drowsy(storm))
        await _usual(storm, jobs=1)
        await _crowded(storm)
        await _undecided(storm)
        await _failing(storm)
        await _late(storm)
        await _stuck(storm)
        await _dying(storm)
        await _reloading(storm)
        await _usual(storm, jobs=2)


async def _drowsy(storm: Storm) -> None:
    """One whose probes become slow, once it is known what is usual there: it is asked for one token."""
    await storm.seen('maek_probes_total{backend="drowsy"} >= 8')
    await storm.faults("drowsy", slow_health={"delay_seconds": 1.5})
    await storm.seen("maek_backend_inference_latency_seconds > 0")


async def _usual(storm: Storm, jobs: int) -> None:
    """What people do: chats, a draft and its yes, a job, completions of every kind, names that nobody knows."""
    for message in MESSAGES:
        await storm.say(message)
    await storm.say("내일 3시 회의", "drafting")
    await storm.say("응", "drafting")
    await storm.post("/jobs", {"message": "양자역학 설명해줘"})
    await storm.seen(f'maek_jobs{{state="done"}} >= {jobs}')
    await _all(storm.ask(model, stream=stream) for model in ("reasoner", "auto") for stream in (True, False) * 3)
    await _all(storm.ask(f"made-up-{number}") for number in range(3))
    await storm.leave("reasoner")


async def _crowded(storm: Storm) -> None:
    """More than a narrow role has room for: some wait, some are turned away. All the others get their share."""

    async def crowding() -> None:
        await _all(storm.ask("narrow", tokens=60) for _ in range(6))

    await _all(storm.ask("reasoner", tokens=120) for _ in range(12))
    await storm.seen("increase(maek_rejected_total[1m]) > 0", doing=crowding)


async def _failing(storm: Storm) -> None:
    """Servers that answer with errors, so that requests are sent elsewhere; and then all of them cut their answers."""
    for name in QUICK:
        await storm.faults(name, error_500={})
    await storm.seen("increase(maek_retries_total[1m]) > 0", doing=partial(storm.ask, "reasoner"))
    for name in (*QUICK, "large"):
        await storm.faults(name, cut={"after_tokens": 2})
    await storm.seen('increase(maek_requests_total{outcome="truncated"}[1m]) > 0', doing=partial(storm.ask, "reasoner"))
    for name in (*QUICK, "large"):
        await storm.faults(name)


async def _late(storm: Storm) -> None:
    """Servers that say nothing for a while: a second one is asked beside them."""

    async def stalling() -> None:
        name = (await storm.ask("reasoner")).get("x-maek-backend", "")
        if name in QUICK:
            await storm.faults(name, stall={"seconds": 4})
        await _all(storm.ask("reasoner") for _ in range(2))

    await storm.seen("increase(maek_hedges_total[1m]) > 0", doing=stalling)
    for name in QUICK:
        await storm.faults(name)


async def _stuck(storm: Storm) -> None:
    """A server that ceases to write in the middle of an answer, and goes on after a while."""
    body = {"model": "spare", "stream": True, "max_tokens": 200, "messages": [ASKED]}
    async with storm.client.post(storm.maek.url + "/v1/chat/completions", json=body) as response:
        for _ in range(20):
            await response.content.readuntil(b"\n\n")
        await storm.faults("spare", stall={})
        await storm.seen('maek_backend_load_signal{backend="spare", signal="silence"} > 0')
        await storm.faults("spare")
        await response.read()


async def _dying(storm: Storm) -> None:
    """One is killed and comes back, one is taken out."""
    await storm.mortal.aclose()
    await storm.seen('maek_backend_state{backend="mortal", state="down"} == 1')
    await _all(storm.ask("reasoner") for _ in range(4))
    await storm.mortal.enter_async_context(serving(SimSettings(Engine.VLLM), "127.0.0.1", storm.port))
    await storm.seen('maek_backend_state{backend="mortal", state="ready"} == 1')
    await storm.post("/backends/spare/drain")
    await storm.seen('maek_backend_state{backend="spare", state="draining"} == 1')
    await storm.ask("spare")


async def _undecided(storm: Storm) -> None:
    """The classifier talks nonsense for a while: what it was to decide is left to the default."""

    async def asking() -> None:
        for message in MESSAGES:
            await storm.say(message)

    await storm.faults("judge", garbage={})
    await storm.seen('increase(maek_decide_fallbacks_total{stage="llm"}[1m]) > 0', doing=asking)
    await storm.faults("judge")


async def _reloading(storm: Storm) -> None:
    """The file is changed, is broken for a while, and is right again."""
    written(storm.folder, storm.sims, "debug")
    await _told_again(storm, "config taken up")
    (storm.folder / "config.yaml").write_text("router: {listen: nowhere}", "utf-8")
    await _told_again(storm, "config rejected")
    await storm.seen("count_over_time((maek_config_last_reload_success == 0)[5s:500ms]) >= 4")
    written(storm.folder, storm.sims)
    await _told_again(storm, "config taken up")


async def _told_again(storm: Storm, told: str) -> None:
    before = len(storm.maek.log())
    storm.maek.process.send_signal(signal.SIGHUP)
    await until(partial(_logged, storm, before, told), DEADLINE_SECONDS)


def _logged(storm: Storm, since: int, told: str) -> bool:
    return told in storm.maek.log()[since:]


async def _all(asked: Iterable[Any]) -> None:
    await asyncio.gather(*asked)
