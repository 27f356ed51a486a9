"""Every look, all at once, each with a deadline; and what was found.

Rules of this file
- A look that fails itself, or takes too long, is a finding and spoils no other.
- First everything but the chats, then the chats: they need to know who is there.
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

import aiohttp
import orjson

from router.config import Config
from router.doctor import chats, machine, tools
from router.doctor.backends import Seen, judged, seen, skews
from router.doctor.doors import names, tls_doors
from router.doctor.finding import Area, Finding, broken, doubtful, well
from router.terminal.remote import KEY_VARIABLE
from router.terminal.words import Word
from sidecar import USUAL_PORTS, BackendSpec, Prober, SecretUnusable, discover, probing_session

LOOK_SECONDS = 25.0
"""For one look: a backend that answers nothing takes four questions of five seconds."""
MAEK_SECONDS = 3.0

Look = Callable[[], Awaitable[Iterable[Finding]]]
Progress = Callable[[int, int, Sequence[str]], None]
"""Told how many looks are done, of how many, and whose are not."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says."""

    url: str
    """Where a Maek may run."""
    chat: bool = True
    chat_seconds: float = 60.0
    look_seconds: float = LOOK_SECONDS
    ports: Iterable[int] = USUAL_PORTS
    """Of this machine, where servers are looked for if the configuration says so."""


@dataclass(slots=True)
class Running:
    """What a running Maek says of itself. Everything is empty where none runs, or it wants a key."""

    answers: bool = False
    key_wanted: bool = False
    most_files: int | None = None
    mcp: Mapping[str, str | None] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


async def examined(config: Config, wanted: Wanted, progress: Progress) -> list[Finding]:
    """Everything that there is to say."""
    async with probing_session() as session:
        running = await _running(session, wanted.url)
        specs, found = _specs(config)
        found += [_told_of(running, wanted.url)]
        if config.sidecar.discover:
            specs += await discover(
                Prober(session, monotonic), [*wanted.ports], [one.url for one in specs], [one.name for one in specs]
            )
        seen_ones: list[Seen] = []
        looks: dict[str, Look] = {f"backend {spec.name}": partial(_backend, session, spec, seen_ones) for spec in specs}
        looks |= _of_machine(config, specs, running)
        looks.update(tools.checks(config, session, running.mcp))
        found += await _all(looks, wanted.look_seconds, progress)
        found += skews(seen_ones)
        if not config.sidecar.backends and not specs:
            found.append(_no_backend(config))
        if wanted.chat and (specs or running.answers):
            found += await _all(_chats(config, session, wanted, running, seen_ones), wanted.chat_seconds + 1, progress)
    return found


def _specs(config: Config) -> tuple[list[BackendSpec], list[Finding]]:
    specs, found = [], []
    for backend in config.sidecar.backends:
        try:
            specs.append(backend.spec())
        except SecretUnusable as error:
            said = Word(f"키를 읽을 수 없습니다: {error.found}", f"its key cannot be read: {error.found}")
            advice = Word("api_key가 가리키는 곳을 확인하십시오.", "Look at what its api_key refers to.")
            found.append(broken(Area.BACKENDS, backend.name, said, advice))
    return specs, found


async def _running(session: aiohttp.ClientSession, url: str) -> Running:
    key = os.environ.get(KEY_VARIABLE)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    told = Running(headers=headers)
    timeout = aiohttp.ClientTimeout(total=MAEK_SECONDS)
    try:
        async with session.get(f"{url}/tools", headers=headers, timeout=timeout) as response:
            told.key_wanted = response.status == 401
            rows = orjson.loads(await response.read())["tools"] if response.status == 200 else None
        if rows is None:
            return told
        told.mcp = {row["name"]: row["trouble"] for row in rows if row["foreign"]}
        async with session.get(f"{url}/metrics", headers=headers, timeout=timeout) as response:
            files = re.search(r"^process_max_fds (\S+)$", await response.text(), re.MULTILINE)
        told.most_files = int(float(files.group(1))) if files else None
        told.answers = True
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, LookupError, TypeError):
        # Nobody there, or somebody else: then the servers are asked directly.
        return Running(headers=headers, key_wanted=told.key_wanted)
    return told


def _told_of(running: Running, url: str) -> Finding:
    if running.answers:
        return well(Area.MACHINE, "maek", Word(f"{url}에서 실행 중입니다", f"runs at {url}"))
    if running.key_wanted:
        said = Word(f"{url}의 Maek이 키를 요구합니다", f"what runs at {url} wants a key")
        advice = Word(
            f"환경 변수 {KEY_VARIABLE}에 키를 넣으십시오. 지금은 서버들에 직접 물었습니다.",
            f"Put one into the environment variable {KEY_VARIABLE}; the servers were asked directly.",
        )
        return doubtful(Area.MACHINE, "maek", said, advice)
    said = Word(
        f"{url}에서 실행 중이 아닙니다: 서버들에 직접 묻습니다", f"none runs at {url}: the servers are asked directly"
    )
    return well(Area.MACHINE, "maek", said)


async def _backend(session: aiohttp.ClientSession, spec: BackendSpec, seen_ones: list[Seen]) -> list[Finding]:
    look = await seen(session, spec)
    seen_ones.append(look)
    return [*judged(look)]


def _of_machine(config: Config, specs: Sequence[BackendSpec], running: Running) -> dict[str, Look]:
    async def here() -> list[Finding]:
        limit = machine.files(config.router.limits.streams, running.most_files)
        folder, recorder = config.router.data_folder(), config.router.recorder.bytes
        return [limit, *await asyncio.to_thread(lambda: [*machine.folder(folder, recorder)])]

    urls = [spec.url for spec in specs]
    looks: dict[str, Look] = {"machine": here}
    looks |= {f"name {host}": partial(machine.named, host) for host in names(config, urls)}
    return looks | {
        f"certificate {host}:{port}": partial(machine.certificate, host, port, ca_file)
        for (host, port), ca_file in sorted(tls_doors(config, urls).items())
    }


def _chats(
    config: Config, session: aiohttp.ClientSession, wanted: Wanted, running: Running, seen_ones: Sequence[Seen]
) -> dict[str, Look]:
    seconds = wanted.chat_seconds
    if running.answers:
        return {
            f"chat {role}": partial(chats.through_maek, config, session, wanted.url, role, running.headers, seconds)
            for role in config.router.roles
        }
    return {
        f"chat {role}": partial(chats.directly, config, session, seen_ones, role, seconds)
        for role in config.router.roles
    }


def _no_backend(config: Config) -> Finding:
    said = Word("백엔드가 없습니다", "there is no backend")
    if config.sidecar.discover:
        said = Word(
            "이 컴퓨터에서 LLM 서버를 찾지 못했습니다: 내장 시뮬레이터가 답합니다",
            "no LLM server was found on this machine: the built-in simulator answers",
        )
    advice = Word("LLM 서버를 켜거나 config.yaml의 sidecar.backends에 적으십시오.",
                  "Start an LLM server, or name yours under sidecar.backends in config.yaml.")  # fmt: skip
    return (doubtful if config.sidecar.discover else broken)(Area.BACKENDS, "", said, advice)


async def _all(looks: Mapping[str, Look], seconds: float, progress: Progress) -> list[Finding]:
    """What all of them found, in their order."""
    waiting = dict.fromkeys(looks)
    progress(0, len(looks), [*looks])

    async def one(name: str, look: Look) -> list[Finding]:
        try:
            async with asyncio.timeout(seconds):
                return [*await look()]
        except TimeoutError:
            return [_unfinished(name, f"{seconds:g} s")]
        except Exception as error:  # a look that fails is told like any other trouble, and spoils no other
            return [_unfinished(name, type(error).__name__)]
        finally:
            del waiting[name]
            progress(len(looks) - len(waiting), len(looks), [*waiting])

    found = await asyncio.gather(*(one(name, look) for name, look in looks.items()))
    return [finding for findings in found for finding in findings]


def _unfinished(name: str, why: str) -> Finding:
    kind, _, subject = name.partition(" ")
    area = {"backend": Area.BACKENDS, "chat": Area.CHAT, "name": Area.NAMES, "certificate": Area.TLS}.get(kind)
    said = Word(f"확인이 끝나지 않았습니다({why})", f"could not be looked at to the end ({why})")
    advice = Word("서버가 답하는지 보고 다시 실행하십시오.", "See whether that server answers, then run this again.")
    if kind == "machine":
        return broken(Area.MACHINE, "", said, advice)
    return broken(area or Area.TOOLS, subject if area else name, said, advice)
