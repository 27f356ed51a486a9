"""Maek with a server that others published."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from router.config_tools.mcp import Confirm, McpServerConfig
from router.errors import ToolFailed
from tests.real_tools import mcp_time
from tests.router.mcp.given import serving

pytestmark = pytest.mark.real


async def test_its_tools_are_listed_called_and_its_errors_told(tmp_path: Path) -> None:
    time = McpServerConfig(command=str(mcp_time.executable()), args=("--local-timezone", "Asia/Seoul"))
    async with serving(tmp_path, {"time": time}) as running:
        await running.is_up("time")
        offered = [*running.tool("time").operations]
        now = await running.call("get_current_time", name="time", timezone="Asia/Tokyo")
        converted = await running.call(
            "convert_time", name="time", source_timezone="Asia/Seoul", target_timezone="Europe/Berlin", time="16:30"
        )
        with pytest.raises(ToolFailed, match=r"could not do it: .*Mars"):
            await running.call("get_current_time", name="time", timezone="Mars/Olympus")
        with pytest.raises(ToolFailed, match="'timezone' is missing"):
            await running.call("get_current_time", name="time")
    assert offered == ["get_current_time", "convert_time"]
    said = datetime.fromisoformat(now.data["structured"]["datetime"])
    assert said.utcoffset() == datetime.now(tz=ZoneInfo("Asia/Tokyo")).utcoffset()
    assert abs((datetime.now(tz=UTC) - said).total_seconds()) < 120
    assert "T16:30:00+09:00" in converted.text


async def test_where_the_operator_doubts_it_it_waits_for_a_yes(tmp_path: Path) -> None:
    time = McpServerConfig(command=str(mcp_time.executable()), confirm=Confirm.ALWAYS)
    async with serving(tmp_path, {"time": time}) as running:
        await running.is_up("time")
        drafted = await running.call("get_current_time", name="time", timezone="UTC")
        done = await running.call("create_confirmed", drafted.draft, name="time")
    assert drafted.text == 'Run time.get_current_time: {"timezone":"UTC"}\nShall I run it?'
    assert done.data["structured"]["timezone"] == "UTC"
