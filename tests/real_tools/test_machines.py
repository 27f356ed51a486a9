"""`infra` against servers that others wrote: Podman's Docker API, node_exporter and sshd."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from router.tools.call import call
from router.tools.hosts.containers import Containers
from router.tools.hosts.docker import read_containers
from router.tools.hosts.doors import Certificates, Door, SshDoor, TcpDoor, UnixDoor
from router.tools.hosts.host import Host
from router.tools.hosts.looking import read_node
from router.tools.hosts.trouble import Trouble, Why
from router.tools.infra import InfraSettings, build
from tests.real_tools import machines
from tests.router.tools.given import ctx

pytestmark = pytest.mark.real


@pytest.fixture
def place() -> Iterator[Path]:
    with machines.folder() as place:
        yield place


@pytest_asyncio.fixture
async def podman(place: Path) -> AsyncIterator[machines.Podman]:
    async with machines.podman(place) as service:
        yield service


async def trouble(door: Door) -> Trouble:
    with pytest.raises(Trouble) as caught:
        await read_containers(door)
    return caught.value


def told(found: Containers) -> list[tuple[str, str, int | None]]:
    return [(one.name, one.state, one.exit_code) for one in found.listed]


EVERYTHING = [("broken", "exited", 3), ("ollama", "running", None), ("later", "created", None)]


async def test_a_socket_tells_the_containers_and_those_in_trouble_first(podman: machines.Podman) -> None:
    found = await read_containers(UnixDoor(str(podman.socket)))
    assert told(found) == EVERYTHING
    assert (found.total, found.running) == (3, 1)
    assert found.listed[0].status.startswith("Exited (3)")
    assert all(one.image == machines.IMAGE for one in found.listed)


async def test_a_port_tells_the_same(podman: machines.Podman) -> None:
    async with machines.relay(podman.socket, None) as port:
        assert told(await read_containers(TcpDoor("127.0.0.1", port))) == EVERYTHING


async def test_certificates_open_a_port_that_demands_them_and_no_others_do(
    place: Path, podman: machines.Podman
) -> None:
    ours, strangers = await machines.certificates(place, "ours"), await machines.certificates(place, "strangers")
    async with machines.relay(podman.socket, ours) as port:
        door = TcpDoor("127.0.0.1", port, ours)
        assert told(await read_containers(door)) == EVERYTHING
        of_a_stranger = Certificates(ours.ca, strangers.cert, strangers.key)
        assert (await trouble(replace(door, certificates=of_a_stranger))).why in {Why.UNTRUSTED, Why.CUT}
        to_a_stranger = Certificates(strangers.ca, ours.cert, ours.key)
        assert (await trouble(replace(door, certificates=to_a_stranger))).why is Why.UNTRUSTED
        assert (await trouble(TcpDoor("localhost", port, ours))).why is Why.UNTRUSTED
        assert (await trouble(TcpDoor("127.0.0.1", port))).why in {Why.CUT, Why.UNREADABLE}
        mixed = Certificates(ours.ca, ours.cert, strangers.key)
        assert (await trouble(replace(door, certificates=mixed))).why is Why.FILES


async def test_ssh_tells_the_same_and_leaves_no_process_behind(
    place: Path, podman: machines.Podman, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with machines.sshd(place, podman) as far:
        monkeypatch.setenv("PATH", str(far.bin), prepend=":")
        assert told(await read_containers(SshDoor("127.0.0.1", far.port, "root"))) == EVERYTHING
        assert [child.name() for child in psutil.Process().children() if child.name() == "ssh"] == []


async def test_ssh_that_is_not_let_in_says_why_and_asks_nobody(
    place: Path, podman: machines.Podman, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with machines.sshd(place, podman) as far:
        monkeypatch.setenv("PATH", str(far.bin), prepend=":")
        door = SshDoor("127.0.0.1", far.port, "root")
        far.authorized_keys.write_text("")
        refused = await trouble(door)
        assert (refused.why, "Permission denied" in refused.detail) == (Why.SSH, True)
        far.known_hosts.write_text("")
        unknown = await trouble(door)
        assert (unknown.why, unknown.detail) == (Why.SSH, "Host key verification failed.")
    gone = await trouble(door)
    assert (gone.why, "Connection refused" in gone.detail) == (Why.SSH, True)


async def test_a_node_exporter_tells_of_this_machine_what_this_machine_tells(place: Path) -> None:
    async with machines.node_exporter(place) as url:
        node = await read_node(url)
    assert node.machine is not None
    assert node.machine.cpus == psutil.cpu_count()
    assert node.machine.memory_total_bytes == psutil.virtual_memory().total
    assert {disk.mount: disk.total_bytes for disk in node.disks}["/"] == psutil.disk_usage("/").total


async def test_a_broken_machine_does_not_hide_the_others(place: Path, podman: machines.Podman) -> None:
    async with machines.node_exporter(place) as url:
        hosts = {
            "gpu": Host(docker=UnixDoor(str(podman.socket)), node_exporter=url),
            "nas": Host(node_exporter="http://127.0.0.1:1/metrics"),
        }
        tool = {"infra": build(InfraSettings(hosts))}
        status = await call(tool, "infra", "status", {"host": "gpu"}, ctx())
        disks = await call(tool, "infra", "disk", {}, ctx())
    lines = status.text.splitlines()
    assert lines[0] == "gpu:"
    assert lines[1].startswith("CPU ")
    assert "컨테이너 3개 중 1개 실행 중" in lines
    assert any(line.startswith(f"⚠ broken ({machines.IMAGE}): 종료됨 — Exited (3)") for line in lines)
    assert any(line.startswith("gpu: /: 전체 ") or line == "gpu:" for line in disks.text.splitlines())
    assert "nas의 node_exporter: 연결이 거절됐어요. 켜져 있는지, 포트가 맞는지 확인해 주세요." in disks.text


async def test_looking_changes_nothing(podman: machines.Podman) -> None:
    before = await _standing(podman)
    await read_containers(UnixDoor(str(podman.socket)))
    assert await _standing(podman) == before


async def _standing(podman: machines.Podman) -> list[list[str]]:
    """Every container with its state, without for how long it has been in it."""
    told = await podman("ps", "-a", "--format={{.ID}} {{.State}}")
    return [line.split()[:2] for line in told.splitlines()]
