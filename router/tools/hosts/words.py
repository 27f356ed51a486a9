"""Machines in sentences, in Korean and English.

Rules of this file
- Pure. One line for one thing; what other machines wrote comes here already plain.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from router.language import pick
from router.tools.hosts.containers import Container, Containers
from router.tools.hosts.exporters import Gpu, Node
from router.tools.hosts.remedies import why
from router.tools.hosts.tailnet import Peer, Tailnet
from router.tools.machine import Disk, Machine, human_bytes
from router.tools.reach import Reached
from router.tools.spec import BackendSummary
from sidecar import Level

SHOWN_CONTAINERS = 30
SHOWN_PEERS = 30
"""Of a text that somebody reads in a chat; data has more."""

_LEVELS_KO = {level.label: level.korean for level in Level}
_STATES_KO = {
    "running": "실행 중",
    "exited": "종료됨",
    "created": "시작 전",
    "configured": "시작 전",
    "paused": "일시 정지",
    "restarting": "다시 시작하는 중",
    "removing": "지우는 중",
    "dead": "죽음",
    "stopped": "멈춤",
}


def up_or_down(language: str, up: bool | None) -> str:
    """Whether something answers."""
    if up is None:
        return pick(language, ko="아직 모름", en="not known yet")
    return pick(language, ko="정상", en="up") if up else pick(language, ko="응답 없음", en="down")


def backend_line(language: str, backend: BackendSummary) -> str:
    """A backend and how busy it is."""
    level = pick(language, ko=_LEVELS_KO.get(backend.level, backend.level), en=backend.level.replace("_", " "))
    load = f", {level}" if backend.up else ""
    simulated = pick(language, ko=" (시뮬레이션)", en=" (simulated)") if backend.simulated else ""
    return f"{backend.name}: {up_or_down(language, backend.up)}{load}{simulated}"


def host_line(language: str, name: str, is_there: bool) -> str:
    """Whether a machine is there."""
    there = pick(language, ko="장비 연결됨", en="machine reachable")
    remedy = pick(language, ko="켜져 있는지 확인해 주세요.", en="Check that it is on and on the network.")
    return f"{name}: {there}" if is_there else f"{name}: {up_or_down(language, False)}. {remedy}"


def service_line(language: str, name: str, found: Reached) -> str:
    """A service, and what to do where it does not answer."""
    took = f" ({found.seconds * 1000:.0f} ms)" if found.up and found.seconds is not None else ""
    status = f" (HTTP {found.status})" if not found.up and found.status is not None else ""
    reason = "" if found.trouble is None else " — {}. {}".format(*why(language, found.trouble))
    return f"{name}: {up_or_down(language, found.up)}{took}{status}{reason}"


def disk_line(language: str, disk: Disk) -> str:
    """A mount and its room."""
    total, free, used = human_bytes(disk.total_bytes), human_bytes(disk.free_bytes), f"{disk.used_ratio:.0%}"
    told = pick(language, ko=f"전체 {total} 중 {free} 남음 ({used} 사용)", en=f"{free} free of {total} ({used} used)")
    return f"{disk.mount}: {told}"


def machine_line(language: str, machine: Machine, hottest_celsius: float | None = None) -> str:
    """Processor, memory and heat."""
    total = human_bytes(machine.memory_total_bytes)
    used = human_bytes(machine.memory_total_bytes - machine.memory_available_bytes)
    cpus, load = machine.cpus, f"{machine.load_1m:.1f}"
    told = pick(
        language,
        ko=f"CPU {cpus}개, 1분 평균 부하 {load}, 메모리 {total} 중 {used} 사용",
        en=f"{cpus} CPUs, load {load}, {used} of {total} memory used",
    )
    if hottest_celsius is None:
        return told
    return told + pick(language, ko=f", 최고 온도 {hottest_celsius:.0f} °C", en=f", up to {hottest_celsius:.0f} °C")


def node_lines(language: str, node: Node) -> list[str]:
    """A machine that a node_exporter told of."""
    lines = [] if node.machine is None else [machine_line(language, node.machine, node.hottest_celsius)]
    return lines + [disk_line(language, disk) for disk in node.disks]


def gpu_line(language: str, gpu: Gpu) -> str:
    """A graphics processor."""
    parts = []
    if gpu.used_ratio is not None:
        parts.append(pick(language, ko=f"사용률 {gpu.used_ratio:.0%}", en=f"{gpu.used_ratio:.0%} busy"))
    if gpu.memory_used_bytes is not None:
        used = human_bytes(gpu.memory_used_bytes)
        total = "" if gpu.memory_total_bytes is None else human_bytes(gpu.memory_total_bytes)
        ko = f"메모리 {total} 중 {used} 사용" if total else f"메모리 {used} 사용"
        parts.append(pick(language, ko=ko, en=f"{used}{f' of {total}' if total else ''} memory used"))
    if gpu.celsius is not None:
        parts.append(f"{gpu.celsius:.0f} °C")
    unknown = pick(language, ko="알려 주는 것이 없어요", en="nothing is told")
    return f"GPU {gpu.name}: {', '.join(parts) or unknown}"


def container_lines(language: str, found: Containers) -> list[str]:
    """How many there are, and those that one wants to hear of first."""
    head = pick(
        language,
        ko=f"컨테이너 {found.total}개 중 {found.running}개 실행 중",
        en=f"{found.running} of {found.total} containers running",
    )
    shown = found.listed[:SHOWN_CONTAINERS]
    return [head, *(_container_line(language, one) for one in shown), *_left_out(language, found.total - len(shown))]


def _container_line(language: str, container: Container) -> str:
    state = pick(language, ko=_STATES_KO.get(container.state, container.state), en=container.state)
    mark = "⚠ " if container.troubled else ""
    told = f" — {container.status}" if container.status and container.status.lower() != container.state else ""
    return f"{mark}{container.name} ({container.image}): {state}{told}"


def tailnet_lines(language: str, found: Tailnet, now: datetime) -> list[str]:
    """The tailnet and its machines."""
    if not found.running:
        remedy = pick(language, ko="`tailscale up`으로 연결할 수 있어요.", en="`tailscale up` connects it.")
        return [
            pick(language, ko="Tailscale: 연결 안 됨", en="Tailscale: not connected") + f" ({found.state}). {remedy}"
        ]
    head = pick(
        language,
        ko=f"Tailscale: 연결됨, 다른 장비 {found.total}대 중 {found.online}대 온라인",
        en=f"Tailscale: connected, {found.online} of {found.total} other machines online",
    )
    shown = found.peers[:SHOWN_PEERS]
    return [head, *(_peer_line(language, peer, now) for peer in shown), *_left_out(language, found.total - len(shown))]


def _peer_line(language: str, peer: Peer, now: datetime) -> str:
    address = f" ({peer.addresses[0]})" if peer.addresses else ""
    if not peer.online:
        seen = (
            ""
            if peer.last_seen is None
            else pick(
                language,
                ko=f", {_ago(language, now - peer.last_seen)} 마지막 접속",
                en=f", last seen {_ago(language, now - peer.last_seen)}",
            )
        )
        return f"{peer.name}{address}: {pick(language, ko='오프라인', en='offline')}{seen}"
    way = ""
    if peer.direct is not None:
        relayed = pick(language, ko=f", {peer.relay} 중계", en=f", relayed by {peer.relay}")
        way = pick(language, ko=", 직접 연결", en=", direct") if peer.direct else relayed
    return f"{peer.name}{address}: {pick(language, ko='온라인', en='online')}{way}"


def _ago(language: str, age: timedelta) -> str:
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 60:
        return pick(language, ko=f"{minutes}분 전", en=f"{minutes} min ago")
    if minutes < 48 * 60:
        return pick(language, ko=f"{minutes // 60}시간 전", en=f"{minutes // 60} h ago")
    return pick(language, ko=f"{minutes // 1440}일 전", en=f"{minutes // 1440} days ago")


def _left_out(language: str, count: int) -> list[str]:
    return [pick(language, ko=f"그 밖에 {count}개", en=f"and {count} more")] if count > 0 else []


def listed(title: str, lines: Iterable[str]) -> str:
    """One line behind the title, several below it."""
    lines = list(lines)
    return f"{title}: {lines[0]}" if len(lines) == 1 else "\n".join((f"{title}:", *lines))
