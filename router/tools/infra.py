"""The operator's own machines: hosts, services, disks, network, models.

Rules of this file
- Backends are told as the store knows them (`ToolFacts`), never asked again. Only configured services are asked, by
  `CheckService`.
- Of the machines, only the one that Maek runs on can be looked into; of the others it tells what their backends say.
- An unknown name is answered with the known ones.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from router.errors import ToolFailed
from router.language import pick
from router.tools.machine import Disk, Machine, human_bytes, read_disks, read_interfaces, read_machine
from router.tools.parameters import NoParams, Params, described
from router.tools.reach import CheckService, Reached, reach_nothing
from router.tools.spec import BackendSummary, Operation, Tool, ToolCall, ToolResult
from sidecar import Level

NAME = "infra"
SEED_HOST = "gpu"
"""The host that is meant where none is named and none is configured."""

_LEVELS_KO = {level.label: level.korean for level in Level}


@dataclass(frozen=True, slots=True)
class Host:
    """A machine: the backends on it, and whether Maek itself runs there.

    A local one that names no backends has all that no other machine has.
    """

    backends: tuple[str, ...] = ()
    local: bool = False


@dataclass(frozen=True, slots=True)
class InfraSettings:
    """What the operator named. The first host is the one that is meant where none is."""

    hosts: Mapping[str, Host] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    """Service → URL that answers when it is well."""

    @property
    def default_host(self) -> str:
        """The host of a request that names none."""
        return next(iter(self.hosts), SEED_HOST)


def build(settings: InfraSettings, check: CheckService = reach_nothing) -> Tool:
    """The tool over these machines."""
    default_host = settings.default_host

    class OnHost(Params):
        """One machine, the first configured one where none is named."""

        host: Annotated[str, described(ko="장비 이름", en="name of the machine")] = default_host

    class OnMachine(Params):
        """One machine, the one that Maek runs on where none is named."""

        host: Annotated[str | None, described(ko="장비 이름, 없으면 Maek이 도는 장비", en="name; none: Maek's own")] = (
            None
        )

    class OfService(Params):
        """One service or backend, all of them where none is named."""

        service: Annotated[str | None, described(ko="서비스 이름, 없으면 전부", en="name; none: all")] = None

    infra = _Infra(settings, check)
    operations = (
        Operation("status", "장비 상태", "state of a machine", OnHost, infra.status),
        Operation("health", "서비스가 살아 있는지", "whether services are alive", OfService, infra.health),
        Operation("disk", "디스크 용량", "disk space", OnMachine, infra.disk),
        Operation("network", "네트워크 상태", "state of the network", NoParams, infra.network),
        Operation("models", "장비에 있는 모델", "models on a machine", OnHost, infra.models),
    )
    return Tool(NAME, "서버와 서비스", "servers and services", {operation.name: operation for operation in operations})


@dataclass(frozen=True, slots=True)
class _Infra:
    settings: InfraSettings
    check: CheckService

    async def status(self, call: ToolCall, params: Any) -> ToolResult:
        host = self._host(call, params.host)
        backends = self._backends_of(call, params.host, host)
        lines = [_backend_line(call.language, backend) for backend in backends]
        data: dict[str, Any] = {"host": params.host, "backends": [asdict(backend) for backend in backends]}
        if host.local:
            machine = await asyncio.to_thread(read_machine)
            lines.append(_machine_line(call.language, machine))
            data["machine"] = asdict(machine)
        if not lines:
            lines.append(_say(call, ko="아직 확인된 정보가 없어요.", en="nothing is known of it yet."))
        return ToolResult(_listed(params.host, lines), data)

    async def health(self, call: ToolCall, params: Any) -> ToolResult:
        wanted = params.service
        backends = {backend.name: backend for backend in call.facts.backends() if wanted in {None, backend.name}}
        urls = {name: url for name, url in self.settings.services.items() if wanted in {None, name}}
        if wanted is not None and not backends and not urls:
            known = [*self.settings.services, *(backend.name for backend in call.facts.backends())]
            raise _unknown(call, "서비스", "service", wanted, known)
        reached = dict(zip(urls, await asyncio.gather(*map(self.check, urls.values())), strict=True))
        lines = [_service_line(call.language, name, found) for name, found in reached.items()]
        lines += [_backend_line(call.language, backend) for name, backend in backends.items() if name not in reached]
        data: dict[str, Any] = {name: {"up": backend.up} for name, backend in backends.items()}
        data |= {name: {"up": found.up, "status": found.status} for name, found in reached.items()}
        empty = _say(call, ko="살펴볼 서비스가 없어요.", en="There are no services to look at.")
        return ToolResult("\n".join(lines) or empty, {"services": data})

    async def disk(self, call: ToolCall, params: Any) -> ToolResult:
        name = params.host
        if name is not None and not self._host(call, name).local:
            raise ToolFailed(
                _say(
                    call,
                    ko=f"{name}의 디스크는 여기서 볼 수 없어요. Maek이 도는 장비의 디스크만 볼 수 있어요.",
                    en=f"The disks of {name} cannot be seen from here, only those of the machine that Maek runs on.",
                )
            )
        disks = await asyncio.to_thread(read_disks)
        lines = [_disk_line(call.language, disk) for disk in disks]
        empty = _say(call, ko="읽을 수 있는 디스크가 없어요.", en="No disk can be read.")
        return ToolResult("\n".join(lines) or empty, {"disks": [asdict(disk) for disk in disks]})

    async def network(self, call: ToolCall, _params: Any) -> ToolResult:
        interfaces = await asyncio.to_thread(read_interfaces)
        backends = call.facts.backends()
        lines = [
            f"{interface.name}: {_up(call.language, interface.up)} ({', '.join(interface.addresses)})"
            for interface in interfaces
        ]
        lines += [f"{backend.name}: {_up(call.language, backend.up)}" for backend in backends]
        empty = _say(call, ko="네트워크 연결이 보이지 않아요.", en="No network connection is to be seen.")
        data = {
            "interfaces": [asdict(interface) for interface in interfaces],
            "backends": {backend.name: backend.up for backend in backends},
        }
        return ToolResult("\n".join(lines) or empty, data)

    async def models(self, call: ToolCall, params: Any) -> ToolResult:
        backends = self._backends_of(call, params.host, self._host(call, params.host))
        none = _say(call, ko="확인된 모델이 없어요", en="no models to be seen")
        lines = [f"{backend.name}: {', '.join(backend.models) or none}" for backend in backends] or [none]
        return ToolResult(
            _listed(params.host, lines), {"host": params.host, "models": {b.name: list(b.models) for b in backends}}
        )

    def _host(self, call: ToolCall, name: str) -> Host:
        host = self.settings.hosts.get(name)
        if host is None:
            raise _unknown(call, "장비", "machine", name, self.settings.hosts)
        return host

    def _backends_of(self, call: ToolCall, name: str, host: Host) -> tuple[BackendSummary, ...]:
        known = call.facts.backends()
        if host.local and not host.backends:
            elsewhere = {backend for other in self.settings.hosts.values() for backend in other.backends}
            return tuple(backend for backend in known if backend.name not in elsewhere)
        names = {name, *host.backends}
        return tuple(backend for backend in known if backend.name in names)


def _say(call: ToolCall, *, ko: str, en: str) -> str:
    return pick(call.language, ko=ko, en=en)


def _unknown(call: ToolCall, kind_ko: str, kind_en: str, name: str, known: Iterable[str]) -> ToolFailed:
    names = ", ".join(dict.fromkeys(known))
    return ToolFailed(
        _say(
            call,
            ko=f"'{name}'(이)라는 {kind_ko}는 등록되어 있지 않아요. "
            + (f"등록된 이름: {names}" if names else "설정 파일에 먼저 적어 주세요."),
            en=f"There is no {kind_en} called '{name}'. "
            + (f"Known: {names}." if names else "Name it in config.yaml first."),
        )
    )


def _up(language: str, up: bool | None) -> str:
    if up is None:
        return pick(language, ko="아직 모름", en="not known yet")
    return pick(language, ko="정상", en="up") if up else pick(language, ko="응답 없음", en="down")


def _backend_line(language: str, backend: BackendSummary) -> str:
    level = pick(language, ko=_LEVELS_KO.get(backend.level, backend.level), en=backend.level.replace("_", " "))
    load = f", {level}" if backend.up else ""
    simulated = pick(language, ko=" (시뮬레이션)", en=" (simulated)") if backend.simulated else ""
    return f"{backend.name}: {_up(language, backend.up)}{load}{simulated}"


def _service_line(language: str, name: str, found: Reached) -> str:
    took = f" ({found.seconds * 1000:.0f} ms)" if found.up and found.seconds is not None else ""
    status = f" (HTTP {found.status})" if not found.up and found.status is not None else ""
    return f"{name}: {_up(language, found.up)}{took}{status}"


def _disk_line(language: str, disk: Disk) -> str:
    total, free, used = human_bytes(disk.total_bytes), human_bytes(disk.free_bytes), f"{disk.used_ratio:.0%}"
    told = pick(language, ko=f"전체 {total} 중 {free} 남음 ({used} 사용)", en=f"{free} free of {total} ({used} used)")
    return f"{disk.mount}: {told}"


def _machine_line(language: str, machine: Machine) -> str:
    total = human_bytes(machine.memory_total_bytes)
    used = human_bytes(machine.memory_total_bytes - machine.memory_available_bytes)
    cpus, load = machine.cpus, f"{machine.load_1m:.1f}"
    return pick(
        language,
        ko=f"CPU {cpus}개, 1분 평균 부하 {load}, 메모리 {total} 중 {used} 사용",
        en=f"{cpus} CPUs, load {load}, {used} of {total} memory used",
    )


def _listed(title: str, lines: list[str]) -> str:
    return f"{title}: {lines[0]}" if len(lines) == 1 else "\n".join((f"{title}:", *lines))
