"""The commands that end by themselves, as a user types them."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import orjson
import pytest

from router.cli import main
from router.keys import Keys
from simulator import Engine, SimSettings, serving
from tests.fakes.processes import MAEK, maek_command
from tests.fakes.routers import config_for, maek


async def test_a_new_key_is_printed_once_with_the_hash_that_lets_it_in() -> None:
    exit_code, out, _ = await maek_command("key", "new")
    key, key_hash = (line.split()[1] for line in out.splitlines()[:2])
    assert exit_code == 0
    assert Keys([key_hash]).owner(f"Bearer {key}") is not None


async def test_check_names_every_problem_and_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("sidecar: {discovr: true}\nrouter: {listen: 5}\n")
    exit_code, out, _ = await maek_command("check", cwd=tmp_path)
    assert exit_code == 1
    assert len(out.splitlines()) == 2
    exit_code, out, _ = await maek_command("check", "--json", cwd=tmp_path)
    assert [problem["line"] for problem in orjson.loads(out)["problems"]] == [1, 2]


async def test_check_is_content_with_the_shipped_file() -> None:
    exit_code, out, _ = await maek_command("check", "-c", "config.yaml")
    assert (exit_code, out) == (0, "config.yaml: all right\n")


async def test_decide_without_an_llm_answers_each_row_in_order_and_reports_broken_ones(tmp_path: Path) -> None:
    rows = ['{"id": 1, "text": "안녕"}', "{broken", '{"id": "b", "text": "I wonder whether my cat could learn chess"}']
    rows += ['{"id": 3, "text": "디스크 용량"}', '{"text": "no id"}']
    exit_code, out, err = await maek_command("decide", "-", "--no-llm", stdin="\n".join(rows).encode(), cwd=tmp_path)
    answers = [orjson.loads(line) for line in out.splitlines()]
    assert exit_code == 1
    assert [(a["id"], a["action"], a["source"]) for a in answers] == [
        (1, "direct", "rule"),
        ("b", None, "abstain"),
        (3, "tools", "rule"),
    ]
    assert set(answers[2]) == {"id", "action", "tool", "operation", "params", "source", "confidence", "reason"}
    assert [line.split(":")[1] for line in err.splitlines()] == [" line 2", " line 5"]


async def test_decide_with_an_llm_decides_every_row(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("sidecar: {discover: false}\nrouter: {sessions: {store: memory}}\n")
    (tmp_path / "rows.jsonl").write_text('{"id": 1, "text": "I wonder whether my cat could learn chess"}\n')
    exit_code, out, _ = await maek_command("decide", "rows.jsonl", cwd=tmp_path)
    assert exit_code == 0
    assert orjson.loads(out)["source"] == "llm"


async def test_replay_names_the_line_that_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"t": 0, "event": "queue", "active": 1}\n{"t": 1, "event": "guess"}\n')
    exit_code, out, err = await maek_command("replay", "t.jsonl", cwd=tmp_path)
    assert (exit_code, out) == (1, "")
    assert "line 2" in err


async def test_probe_shows_raw_read_and_verdict_of_any_server(tmp_path: Path) -> None:
    async with serving(SimSettings(engine=Engine.VLLM)) as url:
        exit_code, out, _ = await maek_command("probe", url, "--json", "--inference", cwd=tmp_path)
        as_text, text, _ = await maek_command("probe", url, cwd=tmp_path)
    found = orjson.loads(out)
    assert (exit_code, as_text) == (0, 0)
    assert (found["engine"], found["verdict"]) == ("vllm", "up")
    assert found["reading"]["running"] == 0
    assert found["inference_ms"] > 0
    assert "vllm:num_requests_running" in text


async def test_probe_of_a_dead_server_exits_with_1(tmp_path: Path) -> None:
    exit_code, out, _ = await maek_command("probe", "http://127.0.0.1:9", cwd=tmp_path)
    assert exit_code == 1
    assert "refused" in out


async def test_ask_streams_the_answer_to_standard_output(tmp_path: Path) -> None:
    async with maek(config_for()) as router:
        exit_code, out, _ = await maek_command("ask", "--url", router.url, "양자역학 설명해줘", cwd=tmp_path)
        spoken, two_answers, _ = await maek_command(
            "ask", "--url", router.url, stdin="안녕\n안녕\n".encode(), cwd=tmp_path
        )
    assert (exit_code, spoken) == (0, 0)
    assert out.startswith("(시뮬레이터)")
    assert two_answers.count("이드") == 2


async def test_ask_shows_what_may_be_answered_to_a_question(tmp_path: Path) -> None:
    async with maek(config_for()) as router:
        exit_code, out, _ = await maek_command(
            "ask", "--url", router.url, stdin="회의 잡아줘\n2번\n".encode(), cwd=tmp_path
        )
    assert exit_code == 0
    assert "어느 날짜에 넣을까요? 날짜와 시간을 알려 주세요.\n1. 오늘\n2. 내일\n3. 모레\n" in out
    assert "몇 시에 넣을까요?" in out


async def test_ctrl_c_at_the_prompt_of_ask_ends_it_at_once(tmp_path: Path) -> None:
    terminal, other_end = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *MAEK, "ask", stdin=other_end, stdout=other_end, stderr=other_end, cwd=tmp_path
    )
    assert await asyncio.to_thread(os.read, terminal, 2) == b"> "
    process.send_signal(signal.SIGINT)
    try:
        assert await asyncio.wait_for(process.wait(), 10) == 130
    finally:
        os.close(terminal)
        os.close(other_end)


async def test_ask_says_when_nobody_answers(tmp_path: Path) -> None:
    exit_code, out, err = await maek_command("ask", "--url", "http://127.0.0.1:9", "안녕", cwd=tmp_path)
    assert (exit_code, out) == (1, "")
    assert "Is `maek serve` running?" in err


async def test_ask_says_what_is_wrong_with_a_url(tmp_path: Path) -> None:
    exit_code, _, err = await maek_command("ask", "--url", "nonsense", "안녕", cwd=tmp_path)
    assert (exit_code, err) == (1, "maek ask: nonsense is no URL; wanted one such as http://127.0.0.1:8484.\n")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nno", "is not Maek"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 99\r\n\r\n: hm",
            "the answer broke off",
        ),
    ],
    ids=["a web site", "a connection that breaks"],
)
async def test_ask_explains_an_answer_that_is_none(tmp_path: Path, answer: bytes, told: str) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(reply, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        exit_code, _, err = await maek_command("ask", "--url", url, "안녕", cwd=tmp_path)
    assert exit_code == 1
    assert told in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["serve", "sidecar", "check", "probe", "ask", "decide", "replay", "sim", "key"])
async def test_every_command_explains_itself(command: str) -> None:
    exit_code, out, _ = await maek_command(command, "--help")
    assert exit_code == 0
    assert f"maek {command}" in out


async def test_a_wrong_command_is_a_usage_error() -> None:
    exit_code, _, err = await maek_command("srve")
    assert exit_code == 2
    assert "invalid choice" in err


async def test_check_warns_of_words_that_never_decide_and_is_content_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "router:\n  decide:\n    domains:\n      - {name: a, terms: [ASME]}\n      - {name: b, terms: [용접, asme]}\n"
    )
    exit_code, out, _ = await maek_command("check", cwd=tmp_path)
    as_json, rows, _ = await maek_command("check", "--json", cwd=tmp_path)
    assert (exit_code, as_json) == (0, 0)
    assert out.startswith(
        "warning: config.yaml:5: router.decide.domains[1].terms[1]: found asme, which the domain a takes"
    )
    assert out.endswith("config.yaml: all right\n")
    assert [row["line"] for row in orjson.loads(rows)["warnings"]] == [5]


async def test_decide_judges_rows_that_say_what_is_right_and_writes_a_page(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        '{"id": 1, "text": "오늘 일정", "expect": "calendar.today"}\n{"id": 2, "text": "안녕"}\n'
        '{"id": 3, "text": "최근 메일", "expect": "direct"}\n'
    )
    exit_code, out, err = await maek_command(
        "decide", "rows.jsonl", "--no-llm", "--eval", "--html", "page.html", cwd=tmp_path
    )
    assert exit_code == 1
    assert "2 rows judged" in out
    assert "Accepted: 2. Right of these: 50.0%" in out
    assert "line 2: wanted" in err
    assert "<svg" in (tmp_path / "page.html").read_text()
    _, as_json, _ = await maek_command("decide", "rows.jsonl", "--no-llm", "--eval", "--json", cwd=tmp_path)
    assert orjson.loads(as_json)["total"]["precision"] == 0.5


async def test_decide_writes_a_page_only_when_it_judges(tmp_path: Path) -> None:
    exit_code, _, err = await maek_command("decide", "-", "--html", "page.html", cwd=tmp_path, stdin=b"")
    assert exit_code == 2
    assert "belong to --eval" in err


async def test_decisions_of_many_rows_come_in_their_order(tmp_path: Path) -> None:
    rows = "".join(f'{{"id": {number}, "text": "{number}번째 이야기를 들려줘"}}\n' for number in range(30))
    exit_code, out, _ = await maek_command("decide", "-", cwd=tmp_path, stdin=rows.encode())
    assert exit_code == 0
    assert [orjson.loads(line)["id"] for line in out.splitlines()] == list(range(30))


async def test_decide_can_be_told_what_today_means(tmp_path: Path) -> None:
    row = '{"id": 1, "text": "내일 3시 회의"}\n'.encode()
    days = []
    for now in ("2028-02-28T23:59", "2028-02-28T15:00+00:00"):
        _, out, _ = await maek_command("decide", "-", "--no-llm", "--now", now, cwd=tmp_path, stdin=row)
        days.append(orjson.loads(out)["params"]["date"])
    assert days == ["2028-02-29", "2028-03-01"]
    for arguments, told in (
        (("--no-llm", "--now", "soon"), "'soon' is no time; wanted one as 2026-11-25T10:00"),
        (("--now", "2028-02-28"), "--now belongs to --no-llm"),
    ):
        exit_code, _, err = await maek_command("decide", "-", *arguments, cwd=tmp_path, stdin=row)
        assert exit_code == 2
        assert told in err


CALENDAR = """
router:
  tools:
    calendar:
      kind: caldav
      accounts:
        kim: {url: "http://nas:5232/", username: kim, password: "file:FILE", everyone: true}
"""


def test_check_warns_of_a_missing_library_and_of_a_password_in_the_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text("open-sesame")
    path = tmp_path / "config.yaml"
    path.write_text(CALENDAR.replace("FILE", str(tmp_path / "password")))
    monkeypatch.setitem(sys.modules, "caldav", None)
    assert main(["check", "-c", str(path)]) == 0
    out = capsys.readouterr().out
    assert "router.tools.calendar.kind: found caldav without its library; wanted pip install 'maek[caldav]'" in out
    assert "accounts.kim.url: found http, by which the password can be read on its way; wanted https" in out
    monkeypatch.undo()
    path.write_text(path.read_text().replace("http://nas", "http://127.0.0.1"))
    assert main(["check", "-c", str(path)]) == 0
    assert "warning" not in capsys.readouterr().out
