from collections.abc import Mapping
from typing import Any

import pytest

from router.errors import ToolFailed
from router.tools.call import call
from router.tools.infra import Host, InfraSettings, build
from router.tools.reach import CheckService, Reached, reach_nothing
from router.tools.spec import ToolCall, ToolResult
from tests.router.tools.given import DOWN, MLX, NEW, SIM, ctx

SETTINGS = InfraSettings(
    hosts={"gpu": Host(("mlx", "sim")), "home": Host((), local=True), "nas": Host()},
    services={"document-server": "http://documents/health", "mlx": "http://mlx/health"},
)


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
