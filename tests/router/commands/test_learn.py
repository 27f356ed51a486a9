"""`maek learn`, as an operator types it."""

from pathlib import Path

import orjson
import pytest

from router.decide.decision import REFUSED_SENDING, Action, Decision, Source
from router.learning.keeping import Keeping
from tests.fakes.processes import maek_command
from tests.router.learning.given import DAYS, HOUSE

TODAY = Decision(Action.TOOLS, Source.LLM, "classifier", tool="calendar", operation="today")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder with a configuration whose data lie in it too."""
    (tmp_path / "config.yaml").write_text(f"router: {{data_dir: {tmp_path}}}\n")
    return tmp_path


def confirmed(keeping: Keeping) -> None:
    rows = {"cal_query": {"action": "tools", "tool": "calendar", "operation": "search"}, "other": {"action": "route"}}
    for lesson in HOUSE:
        keeping.confirm({"text": lesson.text, **rows[lesson.label]})


async def test_kept_messages_are_confirmed_corrected_or_skipped_one_by_one(house: Path) -> None:
    keeping = Keeping(house)
    for number in range(5):
        keeping.keep(str(number), f"message {number}", "en", TODAY)
    exit_code, out, _ = await maek_command("learn", "--review", cwd=house, stdin=b"\n4\nwhat\ns\n0\nq\n")
    assert exit_code == 0
    assert out.startswith("5 messages. Enter: right.")
    assert "1/5  message 0\n    calendar.today  (by llm: classifier)" in out
    assert "Enter, s, q or one of 1, 2, 3, 4, 5, 0." in out
    assert out.endswith("3 confirmed. `maek learn` learns from all that were.\n")
    told = [(row["text"], row["action"], row["tool"], row["reason"]) for row in keeping.confirmed()]
    assert told == [
        ("message 0", "tools", "calendar", "classifier"),
        ("message 1", "direct", None, REFUSED_SENDING),
        ("message 3", "route", None, "confirmed"),
    ]
    assert [row["text"] for row in keeping.waiting()] == ["message 2", "message 4"]


async def test_where_nothing_is_kept_the_review_says_how_to_begin(house: Path) -> None:
    exit_code, out, _ = await maek_command("learn", "--review", cwd=house)
    assert exit_code == 0
    assert "keep_messages: true" in out


async def test_what_was_confirmed_is_learned_shown_and_undone(house: Path) -> None:
    confirmed(Keeping(house))
    dry, tried, _ = await maek_command("learn", "--dry-run", cwd=house)
    assert (dry, Keeping(house).learned()) == (0, None)
    assert f"{len(HOUSE)} confirmed messages, each judged by a model that has not seen it" in tried
    learned, out, err = await maek_command("learn", "--json", cwd=house)
    assert learned == 0, err
    trial = orjson.loads(out)
    assert trial["objection"] is None
    assert trial["after"]["right"] > trial["before"]["right"]
    assert trial["anchors_after"]["accepted"] - trial["anchors_after"]["right"] <= (
        trial["anchors_before"]["accepted"] - trial["anchors_before"]["right"]
    )
    _, shown, _ = await maek_command("learn", "--show", "--json", cwd=house)
    assert orjson.loads(shown)["learned"]["lessons"] == len(HOUSE)
    (house / "rows.jsonl").write_text('{"id": 1, "text": "수요일에 콜 몇 개고"}\n')
    _, decided, _ = await maek_command("decide", "rows.jsonl", "--no-llm", cwd=house)
    assert orjson.loads(decided)["operation"] == "search"
    undone, said, _ = await maek_command("learn", "--undo", cwd=house)
    assert (undone, said) == (0, "Taken back. In force: the model as it is shipped.\n")
    again, _, err = await maek_command("learn", "--undo", cwd=house)
    assert (again, err) == (1, "maek learn: there is nothing to take back.\n")
    _, decided, _ = await maek_command("decide", "rows.jsonl", "--no-llm", cwd=house)
    assert orjson.loads(decided)["action"] is None
    _, shown, _ = await maek_command("learn", "--show", cwd=house)
    assert "Nothing is learned" in shown


async def test_learning_that_would_make_it_worse_is_refused_and_changes_nothing(house: Path) -> None:
    # What is right hangs on two words together, as if it had been confirmed by chance.
    rows = [
        {"text": f"{day} 배포 로그 봐라 {number}", "action": "direct" if (one + other) % 2 else "route"}
        for one, day in enumerate(DAYS)
        for other, number in enumerate("일이삼사오육칠팔")
    ]
    (house / "rows.jsonl").write_text("".join(orjson.dumps(row).decode() + "\n" for row in rows) + "{broken\n")
    exit_code, _, err = await maek_command("learn", "rows.jsonl", cwd=house)
    assert exit_code == 1
    assert "rows.jsonl: line 81: wanted" in err
    assert "nothing was changed: it would" in err
    assert Keeping(house).learned() is None


async def test_a_file_that_is_not_there_is_told(house: Path) -> None:
    exit_code, _, err = await maek_command("learn", "missing.jsonl", cwd=house)
    assert (exit_code, err) == (1, "maek learn: missing.jsonl: No such file or directory\n")
