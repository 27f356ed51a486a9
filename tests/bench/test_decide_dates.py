import json

from bench.decide.dates import GOLD, marked, meant, parts, places_read, read, recalled

ROWS = [json.loads(line) for line in GOLD.read_text("utf-8").splitlines()]


def test_a_judged_message_stands_there_once_and_in_one_part() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert sum(map(len, parts(ROWS).values())) == len(ROWS)


def test_judged_messages_are_read_as_they_are_meant() -> None:
    wrong = [row["id"] for row in ROWS if read(row) != meant(row)]
    assert len(wrong) <= len(ROWS) * 0.05, wrong


def test_a_marked_span_stands_where_it_says() -> None:
    text, ((start, end), (other, last)) = marked("wake me at [time : nine am] on [date : friday ]")
    assert (text[start:end], text[other:last]) == ("nine am", "friday")


def test_a_span_is_found_when_its_letters_are_in_phrases() -> None:
    assert {*range(8, 18)} <= places_read("wake me at nine am")
    lines = ['{"annot": "wake me at [time : nine am]"}', '{"annot": "come [time : soon]"}', '{"annot": "today"}']
    counts = recalled(lines)
    assert (counts["spans"], counts["found"], counts["without"], counts["read without"]) == (2, 1, 1, 1)
