"""What may change something runs at the user's yes, and once."""

from dataclasses import replace
from pathlib import Path

import pytest

from router.config_tools.mcp import Confirm
from router.errors import ToolFailed
from router.mcp.offering import MAX_SUMMARY_CHARACTERS, shown
from router.mcp.spent import FOLDER, claim
from router.tools.call import call
from router.tools.spec import PendingDraft
from tests.router.mcp.given import Servers, fake, serving
from tests.router.tools.given import ctx


def written(note: Path) -> list[str]:
    return note.read_text().splitlines() if note.exists() else []


async def drafted(running: Servers, word: str = "x") -> PendingDraft:
    result = await running.call("write", word=word)
    assert result.draft is not None
    return result.draft


async def test_a_tool_that_does_not_say_that_it_only_reads_waits_for_a_yes(tmp_path: Path) -> None:
    note = tmp_path / "note"
    async with serving(tmp_path / "data", {"fake": fake(f"file={note}")}) as running:
        await running.is_up()
        result = await running.call("write", word="milk")
        assert written(note) == []
        assert result.text == 'Run fake.write: {"word":"milk"}\nShall I run it?'
        assert result.draft is not None
        assert (result.draft.tool, result.draft.operation) == ("mcp_fake", "write")
        done = await running.call("create_confirmed", result.draft)
    assert written(note) == ["milk"]
    assert done.settles_draft


def test_who_is_asked_for_a_yes_sees_something_of_every_parameter_and_how_much_he_does_not() -> None:
    told = shown({"body": "b" * 5000, "to": "kim@example.com", "deep": {"list": ["d" * 3000]}, "n": 1})
    assert '"to": "kim@example.com"' in told
    assert '"body": "bbb' in told
    assert '"deep": {"list":["ddd' in told
    assert "(+4" in told
    assert told.endswith('"n": 1')
    assert len(told) < 2 * MAX_SUMMARY_CHARACTERS


def test_what_fits_is_shown_whole() -> None:
    assert shown({"word": "milk", "n": 2}) == '{"word":"milk","n":2}'


async def test_a_yes_that_comes_twice_runs_it_once_also_after_a_restart(tmp_path: Path) -> None:
    note = tmp_path / "note"
    servers = {"fake": fake(f"file={note}")}
    async with serving(tmp_path / "data", servers) as running:
        await running.is_up()
        draft = await drafted(running)
        await running.call("create_confirmed", draft)
        again = await running.call("create_confirmed", draft)
    async with serving(tmp_path / "data", servers) as running:
        await running.is_up()
        later = await running.call("create_confirmed", draft)
    assert written(note) == ["x"]
    assert again.text == later.text == "That has been run already, so it was not run again."
    assert again.settles_draft


async def test_one_whose_end_is_not_known_is_told_and_never_repeated(tmp_path: Path) -> None:
    servers = {"fake": fake(confirm=Confirm.ALWAYS)}
    async with serving(tmp_path / "data", servers) as running:
        await running.is_up()
        draft = (await running.call("die")).draft
        assert draft is not None
        died = await running.call("create_confirmed", draft)
        await running.is_down()
        await running.is_up()
        again = await running.call("create_confirmed", draft)
    assert died.text.startswith("The server fake gave no answer, so it may or may not have been done.")
    assert died.data["failed"] is True
    assert died.settles_draft
    assert again.data["run_before"] is True


async def test_one_that_takes_too_long_is_told_as_of_unknown_end(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", {"fake": fake(confirm=Confirm.ALWAYS, timeout_seconds=0.5)}) as running:
        await running.is_up()
        draft = (await running.call("slow")).draft
        assert draft is not None
        late = await running.call("create_confirmed", draft)
    assert "may or may not have been done" in late.text


@pytest.mark.parametrize(
    "wrong",
    [{"tool": "mcp_other"}, {"operation": "echo"}, {"operation": "gone"}, {"params": {}}, {"expires_at": 0.0}],
    ids=str,
)
async def test_a_draft_that_is_not_one_of_its_own_runs_nothing(tmp_path: Path, wrong: dict[str, object]) -> None:
    note = tmp_path / "note"
    async with serving(tmp_path / "data", {"fake": fake(f"file={note}")}) as running:
        await running.is_up()
        draft = replace(await drafted(running), **wrong)  # type: ignore[arg-type]
        with pytest.raises(ToolFailed, match="nothing was done"):
            await running.call("create_confirmed", draft)
        with pytest.raises(ToolFailed, match="nothing was done"):
            await running.call("create_confirmed", None)
    assert written(note) == []


async def test_the_claims_of_different_owners_and_sessions_are_their_own(tmp_path: Path) -> None:
    note = tmp_path / "note"
    async with serving(tmp_path / "data", {"fake": fake(f"file={note}")}) as running:
        await running.is_up()
        draft = await drafted(running)
        for owner, session in (("a", "1"), ("a", "2"), ("b", "1"), ("b", "1")):
            asking = replace(ctx(language="en"), owner=owner, session=session, draft=draft)
            await call(running.servers.tools(), "mcp_fake", "create_confirmed", {}, asking)
    assert written(note) == ["x"] * 3
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "data" / FOLDER).iterdir()} == {0o600}


def test_a_note_that_another_one_forgets_at_the_same_time_is_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    (folder / "gone").symlink_to(folder / "nowhere")  # it is listed, and when it is looked at it is not there
    assert claim(tmp_path, "a", "1", PendingDraft("mcp_fake", "write", {}, "", 0.0), 0.0)


async def test_where_no_conversation_keeps_a_draft_nothing_is_run(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", {"fake": fake()}) as running:
        await running.is_up()
        alone = replace(ctx(language="en"), session=None)
        result = await call(running.servers.tools(), "mcp_fake", "write", {"word": "x"}, alone)
    assert result.draft is None
    assert "cannot be run" in result.text


async def test_where_nothing_can_be_noted_nothing_is_run(tmp_path: Path) -> None:
    note = tmp_path / "note"
    (tmp_path / "data").write_text("a file where the folder should be")
    async with serving(tmp_path / "data", {"fake": fake(f"file={note}")}) as running:
        await running.is_up()
        draft = await drafted(running)
        with pytest.raises(ToolFailed, match="nothing was done"):
            await running.call("create_confirmed", draft)
    assert written(note) == []


async def test_the_operator_may_trust_a_server_or_not_at_all(tmp_path: Path) -> None:
    note = tmp_path / "note"
    trusting, doubting = fake(f"file={note}", confirm=Confirm.NEVER), fake(confirm=Confirm.ALWAYS)
    async with serving(tmp_path / "data", {"trusted": trusting, "doubted": doubting}) as running:
        await running.is_up("trusted")
        await running.is_up("doubted")
        assert (await running.call("write", name="trusted", word="at once")).draft is None
        assert (await running.call("echo", name="doubted", word="x")).draft is not None
        assert "create_confirmed" not in running.tool("trusted").operations
    assert written(note) == ["at once"]
