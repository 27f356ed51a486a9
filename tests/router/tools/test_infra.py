import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.errors import ToolFailed
from router.tools.call import call
from router.tools.hosts.doors import TcpDoor, UnixDoor
from router.tools.hosts.exporters import Node
from router.tools.hosts.host import Host
from router.tools.hosts.looking import nodes_of
from router.tools.hosts.trouble import Trouble, Why
from router.tools.infra import InfraSettings, build
from router.tools.reach import CheckService, Reached, reach_nothing
from router.tools.spec import ToolCall, ToolResult
from tests.router.tools.given import DOWN, MLX, NEW, SIM, ctx
from tests.router.tools.hosts.given import answer, saying

SETTINGS = InfraSettings(
    hosts={"gpu": Host(("mlx", "sim")), "home": Host((), local=True), "nas": Host()},
    services={"document-server": "http://documents/health", "mlx": "http://mlx/health"},
)

NODE_PAGE = b"""
node_cpu_seconds_total{cpu="0",mode="idle"} 1
node_filesystem_avail_bytes{device="/dev/a",fstype="ext4",mountpoint="/data"} 4
node_filesystem_size_bytes{device="/dev/a",fstype="ext4",mountpoint="/data"} 10
node_load1 0.5
node_memory_MemAvailable_bytes 40
node_memory_MemTotal_bytes 100
"""


async def run(
    operation: str,
    context: ToolCall,
    params: Mapping[str, Any] | None = None,
    settings: InfraSettings = SETTINGS,
    check: CheckService = reach_nothing,
) -> ToolResult:
    return await call({"infra": build(settings, check)}, "infra", operation, params or {}, context)


async def answering(url: str) -> Reached:
    return Reached(True, 200, 0.0123) if "documents" in url else Reached(False, 503, 0.5)


async def test_status_tells_the_backends_of_the_host_and_no_others() -> None:
    result = await run("status", ctx(MLX, SIM, DOWN))
    assert result.text == "gpu:\nmlx: 정상, 바쁨\nsim: 정상, 매우 바쁨 (시뮬레이션)"
    assert [backend["name"] for backend in result.data["backends"]] == ["mlx", "sim"]


async def test_status_of_a_single_backend_is_one_line_in_english() -> None:
    assert (await run("status", ctx(SIM, language="en"))).text == "gpu: sim: up, very busy (simulated)"


async def test_a_host_named_as_a_backend_is_that_backend_too() -> None:
    settings = InfraSettings(hosts={"old": Host()})
    assert (await run("status", ctx(DOWN), settings=settings)).text == "old: old: 응답 없음"


async def test_status_of_the_machine_maek_runs_on_tells_its_load_and_memory() -> None:
    result = await run("status", ctx(language="en"), {"host": "home"})
    assert "CPUs, load" in result.text
    assert result.data["machine"]["cpus"] >= 1
    assert 0 < result.data["machine"]["memory_available_bytes"] <= result.data["machine"]["memory_total_bytes"]


async def test_status_of_a_host_of_which_nothing_is_known_says_so() -> None:
    text = (await run("status", ctx(MLX), {"host": "nas"})).text
    assert text.startswith(
        "nas: 아직 확인된 정보가 없어요. 설정 파일의 router.tools.infra.hosts.nas에 docker나 node_exporter"
    )


@pytest.mark.parametrize("operation", ["status", "models", "disk"])
async def test_an_unknown_host_is_answered_with_the_known_ones(operation: str) -> None:
    with pytest.raises(ToolFailed, match="gpu, home, nas"):
        await run(operation, ctx(), {"host": "moon"})


async def test_without_any_host_configured_the_way_to_name_one_is_told() -> None:
    with pytest.raises(ToolFailed, match=r"config\.yaml"):
        await run("status", ctx(language="en"), settings=InfraSettings())


async def test_health_without_a_name_tells_all_services_and_backends_each_once() -> None:
    result = await run("health", ctx(MLX, DOWN, NEW), check=answering)
    assert result.text.splitlines() == [
        "document-server: 정상 (12 ms)",
        "mlx: 응답 없음 (HTTP 503)",
        "old: 응답 없음",
        "new: 아직 모름",
    ]
    assert result.data["services"]["document-server"] == {"up": True, "status": 200}
    assert result.data["services"]["old"] == {"up": False}


async def test_health_of_one_service_asks_only_that_one() -> None:
    asked: list[str] = []

    async def check(url: str) -> Reached:
        asked.append(url)
        return Reached(up=True)

    result = await run("health", ctx(MLX), {"service": "document-server"}, check=check)
    assert (result.text, asked) == ("document-server: 정상", ["http://documents/health"])


async def test_health_of_a_backend_is_what_the_store_knows() -> None:
    assert (await run("health", ctx(DOWN), {"service": "old"})).text == "old: 응답 없음"


async def test_an_unknown_service_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ToolFailed, match="document-server, mlx, old"):
        await run("health", ctx(DOWN, MLX), {"service": "moon"})


async def test_with_nothing_to_look_at_health_says_so() -> None:
    result = await run("health", ctx(language="en"), settings=InfraSettings())
    assert result.text == "There are no services to look at."


@pytest.mark.parametrize("params", [{}, {"host": "home"}])
async def test_disk_tells_the_mounts_of_the_machine_maek_runs_on(params: dict[str, str]) -> None:
    result = await run("disk", ctx(language="en"), params)
    assert "free of" in result.text
    assert any(disk["mount"] == "/" for disk in result.data["disks"])
    assert all(0 <= disk["used_ratio"] <= 1 for disk in result.data["disks"])


async def test_the_disks_of_another_machine_cannot_be_seen() -> None:
    with pytest.raises(ToolFailed, match="여기서 볼 수 없어요"):
        await run("disk", ctx(), {"host": "nas"})


async def test_disk_without_a_name_tells_every_machine_that_can_be_seen_and_what_is_wrong_with_the_others() -> None:
    async with saying(answer(NODE_PAGE)) as exporter, saying(b"", hangs=False) as broken:
        hosts = {
            "home": Host(local=True, node_exporter=exporter.url),
            "gpu": Host(node_exporter=exporter.url),
            "nas": Host(node_exporter=broken.url),
            "mini": Host(),
        }
        result = await run("disk", ctx(), settings=InfraSettings(hosts))
        one = await run("disk", ctx(), {"host": "gpu"}, settings=InfraSettings(hosts))
    assert result.text.startswith("이 장비 (home):")
    assert result.text.endswith(
        "gpu: /data: 전체 10 B 중 4 B 남음 (60% 사용)\n"
        "nas의 node_exporter: 연결이 중간에 끊겼어요. 잠시 뒤에 다시 시도해 주세요."
    )
    assert result.data["hosts"]["nas"] == {"failed": "cut"}
    assert list(result.data["hosts"]) == ["gpu", "nas"]
    assert one.text == "gpu: /data: 전체 10 B 중 4 B 남음 (60% 사용)"
    assert one.data["disks"] == []


async def test_status_tells_the_machine_its_gpus_and_containers_and_what_is_wrong_last() -> None:
    containers = b'[{"Names": ["/ollama"], "Image": "ollama/ollama", "State": "running", "Status": "Up 2 hours"}]'
    gpus = b'DCGM_FI_DEV_GPU_UTIL{gpu="0",modelName="A100"} 87\n'
    async with saying(answer(NODE_PAGE)) as node, saying(answer(gpus)) as gpu, saying(answer(containers)) as docker:
        door = TcpDoor("127.0.0.1", docker.port)
        host = Host(("mlx",), docker=door, node_exporter=node.url, gpu_exporter=gpu.url)
        well = await run("status", ctx(MLX), settings=InfraSettings({"gpu": host}))
        ill = await run(
            "status", ctx(MLX), settings=InfraSettings({"gpu": replace(host, docker=UnixDoor("/nowhere/docker.sock"))})
        )
    assert well.text.splitlines() == [
        "gpu:",
        "mlx: 정상, 바쁨",
        "CPU 1개, 1분 평균 부하 0.5, 메모리 100 B 중 60 B 사용",
        "/data: 전체 10 B 중 4 B 남음 (60% 사용)",
        "GPU 0 A100: 사용률 87%",
        "컨테이너 1개 중 1개 실행 중",
        "ollama (ollama/ollama): 실행 중 — Up 2 hours",
    ]
    assert well.data["containers"]["running"] == 1
    assert well.data["gpus"][0]["used_ratio"] == 0.87
    assert well.data["node"]["machine"]["cpus"] == 1
    assert "address" not in well.data["backends"][0]
    assert ill.text.splitlines()[:2] == ["gpu:", "mlx: 정상, 바쁨"]
    assert (await run("status", ctx(), settings=InfraSettings({"gpu": Host(docker=UnixDoor("/nowhere"))}))).text == (
        "gpu의 Docker: 소켓 파일이 없어요. 켜져 있는지, 설정의 경로가 맞는지 확인해 주세요."
    )
    assert ill.text.splitlines()[-1] == (
        "gpu의 Docker: 소켓 파일이 없어요. 켜져 있는지, 설정의 경로가 맞는지 확인해 주세요."
    )
    assert ill.data["containers"] == {"failed": "no_socket"}


async def test_the_machine_maek_runs_on_is_read_directly_where_its_exporter_fails() -> None:
    settings = InfraSettings({"home": Host(local=True, node_exporter="http://127.0.0.1:1/metrics")})
    lines = (await run("status", ctx(language="en"), settings=settings)).text.splitlines()
    assert "CPUs, load" in lines[0]
    assert lines[1].startswith("node_exporter of home: the connection was refused. ")


async def test_a_machine_that_hangs_is_given_up_and_the_others_are_told() -> None:
    async with saying(answer(NODE_PAGE)) as exporter, saying(b"", hangs=True) as hanging:
        hosts = {"hanging": Host(node_exporter=hanging.url), "well": Host(node_exporter=exporter.url)}
        found = await nodes_of(hosts, seconds=0.5)
    assert isinstance(found["hanging"], Trouble)
    assert found["hanging"].why is Why.SLOW
    assert isinstance(found["well"], Node)


async def test_network_tells_the_tailnet_and_which_machines_are_there(tmp_path: Path) -> None:
    status = b'{"BackendState": "Running", "Peer": {"k": {"HostName": "nas", "Online": false}}}'
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        async with saying(answer(status), socket=tmp_path / "ts.sock") as tailscaled, saying(b"") as listening:
            hosts = {
                "there": Host(docker=TcpDoor("127.0.0.1", listening.port)),
                "refusing": Host(docker=TcpDoor("127.0.0.1", port)),
                "gone": Host(address="no-such-host.invalid"),
                "odd": Host(address="a" * 64),
                "here": Host(local=True),
            }
            result = await run("network", ctx(), settings=InfraSettings(hosts, {}, tailscaled.path))
    assert result.text.splitlines()[-6:] == [
        "Tailscale: 연결됨, 다른 장비 1대 중 0대 온라인",
        "nas: 오프라인",
        "there: 장비 연결됨",
        "refusing: 장비 연결됨",
        "gone: 응답 없음. 켜져 있는지 확인해 주세요.",
        "odd: 응답 없음. 켜져 있는지 확인해 주세요.",
    ]
    assert result.data["hosts"] == {"there": True, "refusing": True, "gone": False, "odd": False}
    assert result.data["tailscale"]["total"] == 1


async def test_a_tailscale_that_fails_hides_nothing(tmp_path: Path) -> None:
    settings = InfraSettings({}, {}, str(tmp_path / "none.sock"))
    result = await run("network", ctx(MLX), settings=settings)
    assert result.text.splitlines()[-2:] == [
        "이 장비의 Tailscale: 소켓 파일이 없어요. 켜져 있는지, 설정의 경로가 맞는지 확인해 주세요.",
        "mlx: 정상",
    ]
    assert result.data["tailscale"] == {"failed": "no_socket"}


async def test_network_tells_which_backends_answer() -> None:
    result = await run("network", ctx(MLX, DOWN, language="en"))
    assert result.text.endswith("mlx: up\nold: down")
    assert result.data["backends"] == {"mlx": True, "old": False}


async def test_models_tells_what_each_backend_of_the_host_offers() -> None:
    result = await run("models", ctx(MLX, SIM, DOWN))
    assert result.text == "gpu:\nmlx: gemma4\nsim: a, b"
    assert result.data == {"host": "gpu", "models": {"mlx": ["gemma4"], "sim": ["a", "b"]}}


async def test_a_host_without_models_says_so() -> None:
    assert (await run("models", ctx(language="en"), {"host": "nas"})).text == "nas: no models to be seen"
    assert (
        await run("models", ctx(DOWN), settings=InfraSettings({"old": Host()}))
    ).text == "old: old: 확인된 모델이 없어요"
