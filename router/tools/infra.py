"""The operator's own machines: hosts, services, disks, network, models.

Rules of this file
- Backends are told as the store knows them (`ToolFacts`), never asked again. Besides them only what the operator
  configured is asked, and only to read.
- One machine or service in trouble never hides the others: its line says what is wrong and what to do.
- An unknown name is answered with the known ones.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from router.errors import ToolFailed
from router.language import pick
from router.tools.hosts import words
from router.tools.hosts.containers import Containers
from router.tools.hosts.exporters import Node
from router.tools.hosts.host import Host, backends_of
from router.tools.hosts.looking import Seen, looked_at, nodes_of, there
from router.tools.hosts.remedies import Whom, sentence
from router.tools.hosts.tailnet import Tailnet, read_tailnet, socket_of
from router.tools.hosts.trouble import Trouble
from router.tools.machine import Disk, read_disks, read_interfaces, read_machine
from router.tools.parameters import NoParams, Params, described
from router.tools.reach import CheckService, reach_nothing
from router.tools.spec import BackendSummary, Operation, Tool, ToolCall, ToolResult
from router.tools.threads import OneLook

NAME = "infra"
SEED_HOST = "gpu"
"""The host that is meant where none is named and none is configured."""
DISKS_SECONDS = 5.0
"""A disk that hangs would else take the whole answer with it."""


@dataclass(frozen=True, slots=True)
class InfraSettings:
    """What the operator named. The first host is the one that is meant where none is."""

    hosts: Mapping[str, Host] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    """Service → URL that answers when it is well."""
    tailscale_socket: str | None = None
    """None: where it usually is."""

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
        """One machine, all that can be seen where none is named."""

        host: Annotated[str | None, described(ko="장비 이름, 없으면 전부", en="name; none: all")] = None

    class OfService(Params):
        """One service or backend, all of them where none is named."""

        service: Annotated[str | None, described(ko="서비스 이름, 없으면 전부", en="name; none: all")] = None

    infra = _Infra(settings, check, OneLook(read_disks))
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
    disks: OneLook[tuple[Disk, ...]]

    async def status(self, call: ToolCall, params: Any) -> ToolResult:
        name = params.host
        host = self._host(call, name)
        backends = backends_of(name, self.settings.hosts, call.facts.backends())
        lines = [words.backend_line(call.language, backend) for backend in backends]
        data: dict[str, Any] = {"host": name, "backends": [_told(backend) for backend in backends]}
        seen = await looked_at(host)
        if host.local and not isinstance(seen.node, Node):
            machine = await asyncio.to_thread(read_machine)
            lines.append(words.machine_line(call.language, machine))
            data["machine"] = asdict(machine)
        lines += _seen_lines(call.language, seen)
        data |= _seen_data(seen)
        wrong = _wrong_lines(call.language, name, seen)
        if not lines and not wrong:
            lines.append(_nothing_known(call, name))
        # A sentence on what is wrong names the machine by itself.
        told = [words.listed(name, lines)] if lines else []
        return ToolResult("\n".join((*told, *wrong)), data)

    async def health(self, call: ToolCall, params: Any) -> ToolResult:
        wanted = params.service
        backends = {backend.name: backend for backend in call.facts.backends() if wanted in {None, backend.name}}
        urls = {name: url for name, url in self.settings.services.items() if wanted in {None, name}}
        if wanted is not None and not backends and not urls:
            known = [*self.settings.services, *(backend.name for backend in call.facts.backends())]
            raise _unknown(call, "서비스", "service", wanted, known)
        reached = dict(zip(urls, await asyncio.gather(*map(self.check, urls.values())), strict=True))
        lines = [words.service_line(call.language, name, found) for name, found in reached.items()]
        lines += [
            words.backend_line(call.language, backend) for name, backend in backends.items() if name not in reached
        ]
        data: dict[str, Any] = {name: {"up": backend.up} for name, backend in backends.items()}
        data |= {name: {"up": found.up, "status": found.status} for name, found in reached.items()}
        empty = _say(call, ko="살펴볼 서비스가 없어요.", en="There are no services to look at.")
        return ToolResult("\n".join(lines) or empty, {"services": data})

    async def disk(self, call: ToolCall, params: Any) -> ToolResult:
        name, hosts = params.host, self.settings.hosts
        if name is not None:
            host = self._host(call, name)
            if not host.local and host.node_exporter is None:
                raise ToolFailed(_no_exporter(call, name))
            hosts = {name: host}
        local = name is None or hosts[name].local
        # A local machine is read here; its exporter would tell the same disks once more.
        others = {one: host for one, host in hosts.items() if not host.local}
        disks, nodes = await asyncio.gather(_in_time(self.disks) if local else _no_disks(), nodes_of(others))
        lines = [] if not local else _own_disk_lines(call, disks)
        if local and nodes:
            own = "".join(f" ({one})" for one, host in hosts.items() if host.local)
            lines = [words.listed(_say(call, ko="이 장비", en="this machine") + own, lines)]
        lines += [_disks_told(call, one, node) for one, node in nodes.items()]
        data = {
            "disks": [asdict(disk) for disk in disks or ()],
            "hosts": {one: _disks_data(node) for one, node in nodes.items()},
        }
        return ToolResult("\n".join(lines), data)

    async def network(self, call: ToolCall, _params: Any) -> ToolResult:
        language, backends = call.language, call.facts.backends()
        interfaces, tailnet, hosts = await asyncio.gather(
            asyncio.to_thread(read_interfaces), self._tailnet(), there(self.settings.hosts)
        )
        lines = [
            f"{interface.name}: {words.up_or_down(language, interface.up)} ({', '.join(interface.addresses)})"
            for interface in interfaces
        ]
        if isinstance(tailnet, Trouble):
            lines.append(sentence(language, _say(call, ko="이 장비", en="this machine"), Whom.TAILSCALE, tailnet))
        elif tailnet is not None:
            lines += words.tailnet_lines(language, tailnet, call.now)
        lines += [words.host_line(language, name, is_there) for name, is_there in hosts.items()]
        lines += [f"{backend.name}: {words.up_or_down(language, backend.up)}" for backend in backends]
        empty = _say(call, ko="네트워크 연결이 보이지 않아요.", en="No network connection is to be seen.")
        data = {
            "interfaces": [asdict(interface) for interface in interfaces],
            "tailscale": _tailnet_data(tailnet),
            "hosts": hosts,
            "backends": {backend.name: backend.up for backend in backends},
        }
        return ToolResult("\n".join(lines) or empty, data)

    async def models(self, call: ToolCall, params: Any) -> ToolResult:
        self._host(call, params.host)
        backends = backends_of(params.host, self.settings.hosts, call.facts.backends())
        none = _say(call, ko="확인된 모델이 없어요", en="no models to be seen")
        lines = [f"{backend.name}: {', '.join(backend.models) or none}" for backend in backends] or [none]
        return ToolResult(
            words.listed(params.host, lines),
            {"host": params.host, "models": {b.name: list(b.models) for b in backends}},
        )

    def _host(self, call: ToolCall, name: str) -> Host:
        host = self.settings.hosts.get(name)
        if host is None:
            raise _unknown(call, "장비", "machine", name, self.settings.hosts)
        return host

    async def _tailnet(self) -> Tailnet | Trouble | None:
        socket = socket_of(self.settings.tailscale_socket)
        try:
            return None if socket is None else await read_tailnet(socket)
        except Trouble as trouble:
            return trouble


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


def _no_exporter(call: ToolCall, name: str) -> str:
    option = f"router.tools.infra.hosts.{name}.node_exporter"
    return _say(
        call,
        ko=f"{name}의 디스크는 여기서 볼 수 없어요. 그 장비에 node_exporter를 설치하고 설정 파일의 {option}에 주소를 "
        "적으면 볼 수 있어요.",
        en=f"The disks of {name} cannot be seen from here. Install node_exporter there, and name its address in the "
        f"option {option}.",
    )


def _nothing_known(call: ToolCall, name: str) -> str:
    option = f"router.tools.infra.hosts.{name}"
    return _say(
        call,
        ko=f"아직 확인된 정보가 없어요. 설정 파일의 {option}에 docker나 node_exporter를 적으면 볼 수 있어요.",
        en=f"nothing is known of it yet. docker or node_exporter under {option} would tell.",
    )


async def _in_time(disks: OneLook[tuple[Disk, ...]]) -> tuple[Disk, ...] | None:
    """None: a disk hangs."""
    try:
        async with asyncio.timeout(DISKS_SECONDS):
            return await disks()
    except TimeoutError:
        return None


async def _no_disks() -> tuple[Disk, ...]:
    return ()


def _own_disk_lines(call: ToolCall, disks: tuple[Disk, ...] | None) -> list[str]:
    if disks is None:
        return [
            _say(call, ko="디스크 하나가 답하지 않아요. 연결을 확인해 주세요.", en="A disk does not answer. Check it.")
        ]
    empty = _say(call, ko="읽을 수 있는 디스크가 없어요.", en="No disk can be read.")
    return [words.disk_line(call.language, disk) for disk in disks] or [empty]


def _disks_told(call: ToolCall, name: str, node: Node | Trouble) -> str:
    if isinstance(node, Trouble):
        return sentence(call.language, name, Whom.NODE_EXPORTER, node)
    empty = _say(call, ko="디스크 정보가 없어요.", en="it tells of no disk.")
    return words.listed(name, [words.disk_line(call.language, disk) for disk in node.disks] or [empty])


def _disks_data(node: Node | Trouble) -> dict[str, Any]:
    return _failed(node) if isinstance(node, Trouble) else {"disks": [asdict(disk) for disk in node.disks]}


def _seen_lines(language: str, seen: Seen) -> list[str]:
    lines: list[str] = []
    if isinstance(seen.node, Node):
        lines += words.node_lines(language, seen.node)
    if isinstance(seen.gpus, tuple):
        lines += [words.gpu_line(language, gpu) for gpu in seen.gpus]
    if isinstance(seen.containers, Containers):
        lines += words.container_lines(language, seen.containers)
    return lines


def _wrong_lines(language: str, name: str, seen: Seen) -> list[str]:
    asked = ((Whom.NODE_EXPORTER, seen.node), (Whom.GPU_EXPORTER, seen.gpus), (Whom.DOCKER, seen.containers))
    return [sentence(language, name, whom, found) for whom, found in asked if isinstance(found, Trouble)]


def _seen_data(seen: Seen) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, found in (("node", seen.node), ("gpus", seen.gpus), ("containers", seen.containers)):
        match found:
            case None:
                pass
            case Trouble():
                data[name] = _failed(found)
            case tuple():
                data[name] = [asdict(gpu) for gpu in found]
            case _:
                data[name] = asdict(found)
    return data


def _failed(trouble: Trouble) -> dict[str, Any]:
    return {"failed": str(trouble.why)}


def _told(backend: BackendSummary) -> dict[str, Any]:
    return {key: value for key, value in asdict(backend).items() if key != "address"}


def _tailnet_data(found: Tailnet | Trouble | None) -> dict[str, Any] | None:
    return _failed(found) if isinstance(found, Trouble) else None if found is None else asdict(found)
