from router.doctor.finding import Area, as_json, broken, doubtful, in_order, same, well
from router.doctor.report import report
from router.terminal.cells import cells
from router.terminal.words import Word

FOUND = [
    broken(Area.CHAT, "reasoner", Word("답 없음", "no answer"), Word("로그를 보십시오.", "Look at its log.")),
    well(Area.MACHINE, "", same("20000")),
    doubtful(Area.BACKENDS, "mini\x1b[2J", Word("느립니다", "it is slow " * 20), Word("보십시오.", "Look. " * 30)),
]


def test_lines_stand_under_their_areas_in_one_order_and_what_is_not_well_says_what_to_do() -> None:
    lines = report(FOUND, "en", 80)
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "this machine", "backends", "test chats", "1 problem(s), 1 warning(s), 1 ok",
    ]  # fmt: skip
    assert "  PROBLEM  reasoner: no answer" in lines
    assert "           → Look at its log." in lines


def test_it_is_as_wide_as_the_terminal_and_nothing_in_it_moves_the_cursor() -> None:
    for language in ("ko", "en"):
        lines = report(FOUND, language, 60)
        assert max(map(cells, lines)) <= 60
        assert "\x1b" not in "".join(lines)


def test_korean_is_korean() -> None:
    lines = report(FOUND, "ko", 80)
    assert "이 컴퓨터" in lines
    assert "  문제     reasoner: 답 없음" in lines
    assert lines[-1] == "문제 1개, 주의 1개, 정상 1개"


def test_programs_get_the_same_lines() -> None:
    rows = [as_json(finding, "en") for finding in in_order(FOUND)]
    assert [(row["area"], row["grade"]) for row in rows] == [
        ("machine", "ok"), ("backends", "warning"), ("chat", "problem"),
    ]  # fmt: skip
    assert rows[0] == {"area": "machine", "subject": "", "grade": "ok", "found": "20000", "advice": None}
    assert rows[2]["advice"] == "Look at its log."


def test_what_is_of_one_area_has_one_heading() -> None:
    lines = report([well(Area.NAMES, "a", same("1")), well(Area.NAMES, "b", same("2"))], "en", 80)
    assert lines == ["names (DNS)", "  ok       a: 1", "  ok       b: 2", "", "0 problem(s), 0 warning(s), 2 ok"]
