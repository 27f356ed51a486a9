"""A Maek with one trouble for each of its backends, all at once, watched by a real Prometheus with hurried rules.

Rules of this file
- Every backend has a role of its own name, so that the trouble of one is nobody else's.
- A trouble is a fault of the simulator, or what an operator does; a remedy is what the runbook says.
- Both Maeks are processes, as a user starts them.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from router.prometheus.chosen import Chosen
from router.prometheus.files import write
from simulator import Engine, SimSettings, serving
from tests.fakes.processes import Served, maek_serve
from tests.fakes.simulators import set_faults
from tests.fakes.upstreams import free_port
from tests.real_tools import prometheus as prometheus_tool
from tests.real_tools.prometheus import Prometheus, configure

FASTER = 45
"""What has to hold for a quarter of an hour holds for twenty seconds."""
EVERY = "1500ms"
START_SECONDS = 90.0
CHOSEN = Chosen("https://wiki.example/maek/runbooks", first_token_seconds=0.25, faster=FASTER)
LARGE = "sim-large-32b"
MANY = tuple(f"model-{number:03}" for number in range(110))
STREAM = {"model": LARGE, "stream": True, "messages": [{"role": "user", "content": "explain tides at great length"}]}
FLEET: Mapping[str, SimSettings] = {
    "well": SimSettings(),
    "judge": SimSettings(),
    "spare": SimSettings(),
    "flappy": SimSettings(),
    "crowded": SimSettings(Engine.VLLM, slots=4),
    "stuck": SimSettings(Engine.VLLM, preset="demo", slots=4),
    "broken": SimSettings(),
    "slow": SimSettings(preset="demo", slots=64),
    "unseen": SimSettings(),
    "unsaid": SimSettings(),
    "many": SimSettings(models=MANY),
}
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "judge": {"garbage": {}},
    "flappy": {"flap": {"up_seconds": 3.5, "down_seconds": 3.5}},
    "crowded": {"lying_status": {"active_jobs": 5000}},
    "stuck": {"stall": {}, "lying_status": {"active_jobs": 0}},
    "broken": {"error_500": {}},
    "slow": {"slow": {"factor": 30}},
    "unseen": {"slow_health": {"delay_seconds": 50.0}},
}
GONE, MUTE = "gone", "mute"
"""A backend that nobody has started, and one that is started anew without its metrics."""
TELLS, TELLS_NOTHING = SimSettings(Engine.VLLM), SimSettings(Engine.OPENAI)
METRICS = {"engine": "openai", "metrics_path": "/metrics", "metrics": {"running": "vllm:num_requests_running"}}


@dataclass(slots=True)
class Rehearsal:
    """Everything that runs."""

    folder: Path
    prometheus: Prometheus
    client: aiohttp.ClientSession
    maek: Served
    frail: Served
    """A second Maek, which is itself in trouble."""
    sims: Mapping[str, str]
    stack: AsyncExitStack
    mute: AsyncExitStack
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def post(self, path: str, body: Any = None) -> int:
        """The status of a request to the first Maek, whose answer is read to its end."""
        with suppress(aiohttp.ClientPayloadError):
            async with self.client.post(self.maek.url + path, json=body) as response:
                await response.read()
                return response.status
        return 0

    def always(self, name: str, doing: Any) -> None:
        """Let something go on until it is remedied."""
        self.tasks[name] = asyncio.create_task(doing)

    async def end(self, name: str) -> None:
        """It goes on no more."""
        task = self.tasks.pop(name)
        task.cancel()
        await asyncio.wait([task])


def config(port: int, backends: Mapping[str, str]) -> dict[str, Any]:
    """Of a Maek that looks at its backends ten times a second."""
    roles: dict[str, Any] = {name: {} for name in backends if name not in ("well", "judge")}
    roles["crowded"] = {"queue": {"most": 1}}
    roles["stuck"] = {"token_timeout_seconds": 600}
    told = []
    for name, url in backends.items():
        role = {"well": "reasoner", "judge": "classifier"}.get(name, name)
        more = METRICS if name == MUTE else {}
        told.append({"name": name, "url": url, "models": {role: MANY[0] if name == "many" else LARGE}, **more})
    sidecar = {
        "discover": False, "interval_seconds": 0.5, "retry_interval_seconds": 0.3, "stats_interval_seconds": 2,
        "liveness_timeout_seconds": 60, "failures_to_down": 1,
        "inference_probe": "never", "backends": told,
    }  # fmt: skip
    router = {
        "listen": f"127.0.0.1:{port}", "sessions": {"store": "memory"}, "roles": roles,
        "decide": {"rules": "off", "model": "off"},
    }  # fmt: skip
    return {"sidecar": sidecar, "router": router}


@asynccontextmanager
async def rehearsal(folder: Path) -> AsyncIterator[Rehearsal]:
    """All of it, before any trouble."""
    async with AsyncExitStack() as stack:
        sims = {name: await stack.enter_async_context(serving(settings)) for name, settings in FLEET.items()}
        mute = await stack.enter_async_context(AsyncExitStack())
        sims[MUTE] = await mute.enter_async_context(serving(TELLS))
        backends = {**sims, GONE: f"http://127.0.0.1:{free_port()}"}
        served = [
            await stack.enter_async_context(started(folder / name, free_port(), urls))
            for name, urls in (("maek", backends), ("frail", {"well": sims["well"]}))
        ]
        write(folder / "rules", CHOSEN)
        target, *others = (one.url.removeprefix("http://") for one in served)
        watching = prometheus_tool.prometheus(folder, target, others=others, rules=folder / "rules", every=EVERY)
        prometheus = await stack.enter_async_context(watching)
        client = await stack.enter_async_context(aiohttp.ClientSession())
        there = Rehearsal(folder, prometheus, client, *served, sims=backends, stack=stack, mute=mute)
        try:
            yield there
        finally:
            for name in list(there.tasks):
                await there.end(name)


@asynccontextmanager
async def started(folder: Path, port: int, backends: Mapping[str, str]) -> AsyncIterator[Served]:
    """A `maek serve` of its own folder."""
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_bytes(orjson.dumps(config(port, backends)))  # JSON is YAML
    async with maek_serve(folder, ["-c", "config.yaml"]) as served:
        yield served


async def until_watched(there: Rehearsal) -> None:
    """Prometheus knows what there is to lose, and has nothing to complain of but what nobody has started."""
    told = 'count(maek_backend_active_jobs{backend="mute"}) + count(maek_backend_load{backend="unsaid"})'
    async with asyncio.timeout(START_SECONDS):
        while True:
            known = (await there.prometheus.ask("query", query=told))["result"]
            if known and "MaekRouterDown" not in {
                one["labels"]["alertname"] for one in await there.prometheus.alerts()
            }:
                return
            await asyncio.sleep(0.2)


async def make_trouble(there: Rehearsal) -> None:
    """All of it at once."""
    for _ in range(3):
        there.stack.push_async_exit(await _begun(there, "stuck"))
    for name, faults in FAULTS.items():
        await set_faults(there.client, there.sims[name], faults)
    await restart_mute(there, TELLS_NOTHING)
    there.always("crowded", _crowding(there))
    there.always("broken", _asking(there, {**STREAM, "model": "broken"}))
    there.always("slow", _waiting_for_first_tokens(there))
    there.always("judge", _asking(there, {"message": "안녕"}, "/decide"))
    there.always("many", _asking_all(there, MANY))
    there.always("frail", _stalling(there.frail))
    assert await there.post("/backends/spare/drain") == 200
    configure(there.folder, targets_of(there), there.folder / "rules", EVERY, dropped="maek_backend_load;unsaid")
    await there.prometheus.reload()
    config_file(there).write_text("router: {listen: nowhere}", "utf-8")


async def remedy(there: Rehearsal) -> None:
    """What the runbooks say, all at once; whoever asked goes on asking, and is answered."""
    for name in FAULTS:
        await set_faults(there.client, there.sims[name], {})
    for name in ("crowded", "slow", "many", "frail"):
        await there.end(name)
    assert await there.post("/backends/spare/undrain") == 200
    await restart_mute(there, TELLS)
    await there.stack.enter_async_context(serving(SimSettings(), port=port_of(there.sims[GONE])))
    configure(there.folder, targets_of(there), there.folder / "rules", EVERY)
    await there.prometheus.reload()
    config_file(there).write_bytes(orjson.dumps(config(port_of(there.frail.url), {"well": there.sims["well"]})))


async def restart_mute(there: Rehearsal, settings: SimSettings) -> None:
    """The same server at the same place, with other flags."""
    await there.mute.aclose()
    await there.mute.enter_async_context(serving(settings, port=port_of(there.sims[MUTE])))


async def switch_off(there: Rehearsal) -> None:
    """End the second Maek."""
    there.frail.process.terminate()
    await there.frail.process.wait()


async def switch_on(there: Rehearsal) -> None:
    """Start it again, where it was."""
    again = started(there.folder / "frail", port_of(there.frail.url), {"well": there.sims["well"]})
    there.frail = await there.stack.enter_async_context(again)


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def targets_of(there: Rehearsal) -> list[str]:
    return [one.url.removeprefix("http://") for one in (there.maek, there.frail)]


def config_file(there: Rehearsal) -> Path:
    """That of the second Maek."""
    return there.folder / "frail" / "config.yaml"


async def _begun(there: Rehearsal, role: str) -> Any:
    """A stream that has begun, and that nobody ends."""
    request = there.client.post(there.maek.url + "/v1/chat/completions", json={**STREAM, "model": role})
    response = await request.__aenter__()
    await response.content.readuntil(b"\n\n")
    return request.__aexit__


async def _asking(there: Rehearsal, body: Any, path: str = "/v1/chat/completions") -> None:
    while True:
        await there.post(path, body)
        await asyncio.sleep(0.3)


async def _crowding(there: Rehearsal) -> None:
    """More than there is room for."""
    await asyncio.gather(*(_asking(there, {**STREAM, "model": "crowded"}) for _ in range(4)))


async def _asking_all(there: Rehearsal, models: Sequence[str]) -> None:
    """One model after the other, again and again."""
    while True:
        for model in models:
            await there.post("/v1/chat/completions", {**STREAM, "model": model, "stream": False})
            await asyncio.sleep(0.1)


async def _waiting_for_first_tokens(there: Rehearsal) -> None:
    """Whoever has got it leaves."""

    async def one() -> None:
        while True:
            async with there.client.post(
                there.maek.url + "/v1/chat/completions", json={**STREAM, "model": "slow"}
            ) as response:
                await response.content.readuntil(b"content")
            await asyncio.sleep(0.1)

    await asyncio.gather(*(one() for _ in range(4)))


async def _stalling(served: Served) -> None:
    """A process that gets no time, again and again: as on a machine that swaps."""
    try:
        while True:
            served.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(0.5)
            served.process.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.5)
    finally:
        served.process.send_signal(signal.SIGCONT)
