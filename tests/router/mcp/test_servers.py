"""Servers of others as real child processes: how they come, what they may do, and that they go."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from router.config_tools.mcp import Confirm, McpConfig
from router.errors import ToolFailed
from router.mcp import child, keeper
from router.tools.describe import describe
from tests.fakes.waiting import until
from tests.router.mcp.given import STARTED_SECONDS, fake, serving

NEVER = Confirm.NEVER


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A child of a dead child waits to be reaped by init; where there is none it stays a zombie.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


async def test_its_tools_are_offered_beside_ours_and_called(tmp_path: Path) -> None:
    async with serving(tmp_path, {"fake": fake()}) as running:
        assert (running.tool().operations, running.tool().trouble) == ({}, keeper.STARTING)
        await running.is_up()
        said = await running.call("echo", word="hello")
        prompt = describe(running.servers.tools(), "en")
    assert said.text == "The server fake answers:\nhello"
    assert said.data["outside"] is True
    assert "  - mcp_fake.echo(word): “Says it again” [word: “string”]" in prompt
    assert running.told == [("fake", None), ("fake", True)]


async def test_parameters_are_checked_before_the_call_by_its_own_schema(tmp_path: Path) -> None:
    async with serving(tmp_path, {"fake": fake()}) as running:
        await running.is_up()
        with pytest.raises(ToolFailed, match="'word' is missing"):
            await running.call("echo")
        with pytest.raises(ToolFailed, match=r"'word' does not fit .* is too long"):
            await running.call("echo", word="x" * 21)
        with pytest.raises(ToolFailed, match=r"'word' does not fit .5 is not of type 'string'"):
            await running.call("echo", word=5)
        with pytest.raises(ToolFailed, match="'other' is not known here"):
            await running.call("echo", word="x", other=1)


async def test_only_what_is_allowed_is_offered(tmp_path: Path) -> None:
    async with serving(tmp_path, {"fake": fake(allow=("ech?", "p*"))}) as running:
        await running.is_up()
        assert [*running.tool().operations] == ["echo", "pid", "picture"]


async def test_it_gets_nothing_of_our_environment_but_what_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAEK_KEY", "sesame")
    monkeypatch.setenv("FAKE_TOKEN", "its own")
    async with serving(tmp_path, {"fake": fake(env={"TOKEN": "env:FAKE_TOKEN"})}) as running:
        await running.is_up()
        said = (await running.call("env")).text
    assert '"TOKEN": "its own"' in said
    assert "sesame" not in said


async def test_what_it_answers_is_bounded_and_pictures_and_files_are_named(tmp_path: Path) -> None:
    async with serving(tmp_path, {"fake": fake()}) as running:
        await running.is_up()
        said = await running.call("picture")
        with pytest.raises(ToolFailed, match="The server fake could not do it: no way"):
            await running.call("refuse")
    assert said.text == (
        "The server fake answers:\nseen[2J\n[image image/png, 3 B]\n[a file: file:///etc/passwd]\ninside\n[file mem://2]"
    )
    assert said.data["structured"] == {"n": 1}


async def test_one_that_dies_is_started_again_and_its_tools_stay_known_meanwhile(tmp_path: Path) -> None:
    async with serving(tmp_path, {"fake": fake()}) as running:
        await running.is_up()
        first = (await running.call("pid")).text
        with pytest.raises(ToolFailed, match="gave no answer"):
            await running.call("die")
        await running.is_down()
        assert "echo" in running.tool().operations
        await running.is_up()
        second = (await running.call("pid")).text
    assert first != second
    assert running.told == [("fake", None), ("fake", True), ("fake", False), ("fake", True)]


async def test_one_that_is_killed_between_two_calls_is_noticed(tmp_path: Path) -> None:
    async with serving(tmp_path, {"fake": fake()}) as running:
        await running.is_up()
        os.kill(int((await running.call("pid")).text.split()[-1]), signal.SIGKILL)
        await until(lambda: running.told[-1] == ("fake", False))
        # A call that comes meanwhile waits for the new one for a moment.
        assert (await running.call("echo", word="again")).text.endswith("again")


async def test_one_that_hangs_costs_its_deadline_and_is_told_to_stop(tmp_path: Path) -> None:
    note = tmp_path / "note"
    async with serving(tmp_path, {"fake": fake(f"file={note}", timeout_seconds=0.5)}) as running:
        await running.is_up()
        # It reads the notice when it has slept; what it is sent is what counts here.
        with pytest.raises(ToolFailed, match=r"did not answer within 0\.5 seconds"):
            await running.call("slow")


async def test_one_that_never_shakes_hands_delays_nobody_and_goes_with_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "PATIENCE_SECONDS", 0.1)
    note = tmp_path / "note"
    async with serving(tmp_path, {"mute": fake("mute", "child", f"file={note}"), "fake": fake()}) as running:
        await running.is_up()
        await until(lambda: note.exists() and note.read_text().endswith("\n"), STARTED_SECONDS)
        pids = [int(pid) for pid in note.read_text().split()]
        assert running.tool("mute").trouble == keeper.STARTING
        assert running.tool("mute").operations == {}
        assert all(map(is_alive, pids))
    await until(lambda: not any(map(is_alive, pids)))


async def test_a_stubborn_one_and_its_children_are_gone_when_we_are(tmp_path: Path) -> None:
    note = tmp_path / "note"
    async with serving(tmp_path, {"fake": fake("stubborn", "child", f"file={note}")}) as running:
        await running.is_up()
        pids = [int(pid) for pid in note.read_text().split()]
    await until(lambda: not any(map(is_alive, pids)))


async def test_a_line_without_end_ends_the_connection_and_not_us(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, {"fake": fake()}) as running:
        await running.is_up()
        with pytest.raises(ToolFailed, match="gave no answer"):
            await running.call("endless")
        await running.is_down()
        await running.is_up()
    assert f"longest_line_bytes={child.MAX_LINE_BYTES}" in caplog.text


async def test_what_it_complains_of_reaches_the_log_bounded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "router.mcp")
    async with serving(tmp_path, {"fake": fake("complains")}) as running:
        await running.is_up()
    lines = [record.getMessage() for record in caplog.records if "mcp server says server" in record.getMessage()]
    assert len(lines) == child.MAX_LOGGED_LINES
    assert max(map(len, lines)) < child.MAX_LOGGED_CHARACTERS + 100


async def test_an_answer_that_breaks_the_protocol_is_a_plain_failure(tmp_path: Path) -> None:
    async with serving(tmp_path, {"fake": fake()}) as running:
        await running.is_up()
        with pytest.raises(ToolFailed, match="gave no answer"):
            await running.call("nonsense")
        assert (await running.call("echo", word="still")).text.endswith("still")


async def test_schemas_that_lie_cost_their_tool_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, {"fake": fake("lies")}) as running:
        await running.is_up()
        prompt = describe(running.servers.tools(), "en")
        offered = [*running.tool().operations]
    assert offered[-2:] == ["hostile", "create_confirmed"]
    assert not {"trap", "doubling", "broken", "elsewhere", "strange"} & {*offered}
    assert caplog.text.count("mcp tool left out") == 8
    assert max(map(len, prompt.splitlines())) < 600
    assert "<|im_start|>" not in prompt
    assert "</message>" not in prompt
    assert prompt.count("“") == prompt.count("”")


async def test_a_list_that_breaks_the_protocol_is_told_as_the_trouble(tmp_path: Path) -> None:
    async with serving(tmp_path, {"fake": fake("no_object")}) as running:
        await running.is_down()
        assert running.tool().trouble == "it answered with something that the protocol does not know"


async def test_a_list_without_end_is_cut(tmp_path: Path) -> None:
    async with serving(tmp_path, {"fake": fake("endless_list")}) as running:
        await running.is_up()
        assert "echo" in running.tool().operations


async def test_tools_that_it_learns_while_it_runs_are_offered_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path, {"fake": fake()}) as running:
        await running.is_up()
        assert "new" not in running.tool().operations
        await running.call("grow")
        await until(lambda: "new" in running.tool().operations)
        assert (await running.call("new")).text == "The server fake answers:\n(nothing)"


async def test_a_program_that_is_not_there_is_named_and_tried_again_later_and_later(tmp_path: Path) -> None:
    missing = fake().model_copy(update={"command": "/nonexistent/server"})
    async with serving(tmp_path, {"fake": missing}) as running:
        await until(lambda: running.told.count(("fake", False)) == 2, STARTED_SECONDS)
        assert running.tool().trouble == "there is no program or folder /nonexistent/server"


async def test_a_new_configuration_ends_starts_and_leaves_alone(tmp_path: Path) -> None:
    async with serving(tmp_path, {"stays": fake(), "goes": fake(), "changes": fake()}) as running:
        for name in ("stays", "goes", "changes"):
            await running.is_up(name)
        kept = (await running.call("pid", name="stays")).text
        changed = fake(allow=("echo",))
        running.servers.adopt(McpConfig(servers={"stays": fake(), "changes": changed, "comes": fake()}), tmp_path)
        assert [*running.servers.tools()] == ["mcp_stays", "mcp_changes", "mcp_comes"]
        await running.is_up("comes")
        await running.is_up("changes")
        assert [*running.tool("changes").operations] == ["echo"]
        assert (await running.call("pid", name="stays")).text == kept


async def test_calls_run_side_by_side(tmp_path: Path) -> None:
    async with serving(tmp_path, {"fake": fake()}) as running:
        await running.is_up()
        said = await asyncio.gather(*(running.call("echo", word=str(number)) for number in range(50)))
    assert [one.data["text"] for one in said] == [str(number) for number in range(50)]


async def test_a_call_of_one_that_is_away_says_why_and_that_nothing_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(keeper, "FIRST_BACKOFF_SECONDS", 60.0)
    async with serving(tmp_path, {"fake": fake()}) as running:
        await running.is_up()
        with pytest.raises(ToolFailed, match="gave no answer"):
            await running.call("die")
        await running.is_down()
        with pytest.raises(ToolFailed, match=r"not connected right now, so nothing was done \(it ended\)"):
            await running.call("echo", word="x")
