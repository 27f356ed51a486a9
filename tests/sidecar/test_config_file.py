"""The form of a configuration file: values, lines, and what is refused before anybody knows a key."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.config_file import MAX_BYTES, MAX_DEPTH, Document, dotted, parse, read, scalar
from sidecar.errors import Problem


def complaints(document: Document) -> list[str]:
    return [str(problem) for problem in document.problems]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", None), ("~", None), ("null", None), ("NULL", None), ("nil", "nil"),
        ("true", True), ("False", False), ("TRUE", True), ("tRue", "tRue"),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"),
        ("0", 0), ("30", 30), ("-4", -4), ("+4", 4), ("010", 10), ("1_000", "1_000"), ("0x10", "0x10"),
        ("12:30", "12:30"), ("1:2:3", "1:2:3"), ("2024-01-31", "2024-01-31"),
        ("0.5", 0.5), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), ("-1.5e-3", -0.0015), ("1.2.3", "1.2.3"), (".", "."),
        (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf), ("inf", "inf"), ("nan", "nan"),
        ("9" * 30, int("9" * 30)), ("9" * 31, "9" * 31), ("1e9999", "1e9999"),
        ("<<", "<<"), ("=", "="), ("８", "８"),
    ],
)  # fmt: skip
def test_a_plain_word_means_what_yaml_1_2_says(written: str, meant: object) -> None:
    read_as = scalar(written)
    assert read_as == meant
    assert type(read_as) is type(meant)


def test_not_a_number_is_a_number() -> None:
    value = scalar(".nan")
    assert isinstance(value, float)
    assert math.isnan(value)


def test_quotes_make_text_of_everything() -> None:
    assert parse("a: '30'\nb: \"true\"\nc: |\n  null\n", "f").values == {"a": "30", "b": "true", "c": "null\n"}


def test_keys_are_text_and_lists_are_tuples() -> None:
    assert parse("8080: [1, [2]]\non: {null: 3}", "f").values == {"8080": (1, (2,)), "on": {"null": 3}}


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n", "~", "\n\n"])
def test_an_empty_file_holds_nothing_and_has_no_problem(text: str) -> None:
    document = parse(text, "f")
    assert (document.values, document.problems) == ({}, ())


def test_every_key_and_every_item_knows_its_line() -> None:
    document = parse("a:\n  b: 1\n  c:\n    - x\n    - y: 2\n      z: 3\n", "f")
    assert document.line(("a",)) == 1
    assert document.line(("a", "b")) == 2
    assert document.line(("a", "c", 0)) == 4
    assert document.line(("a", "c", 1)) == 5
    assert document.line(("a", "c", 1, "z")) == 6


def test_what_is_missing_is_blamed_on_the_line_around_it() -> None:
    document = parse("a:\n  b: 1\n", "f")
    assert document.line(("a", "nothing", 3, "there")) == 1
    assert parse("", "f").line(("a",)) is None


def test_a_key_that_stands_twice_is_told_with_both_lines_and_counts_once() -> None:
    document = parse("a: 1\nb:\n  c: 1\n  c: {d: 2}\na: 3\n", "f")
    assert document.values == {"a": 1, "b": {"c": 1}}
    assert complaints(document) == [
        "f:4: b.c: found the key again (first on line 3); wanted every key once",
        "f:5: a: found the key again (first on line 1); wanted every key once",
    ]


def test_aliases_and_tags_are_refused_and_the_rest_is_read() -> None:
    document = parse("a: &x 1\nb: *x\nc: !!python/name:os.system z\nd: !mine {e: 1}\n", "f")
    assert document.values == {"a": 1, "b": None, "c": "z", "d": {"e": 1}}
    assert [problem.key for problem in document.problems] == ["b", "c", "d"]


def test_a_key_that_is_a_list_is_refused_and_the_next_one_is_read() -> None:
    document = parse("? [a, b]\n: [1, {c: 2}]\nd: 3\n", "f")
    assert document.values == {"d": 3}
    assert complaints(document) == ["f:1: found a key that is not text; wanted text as keys"]


def test_a_second_document_is_refused() -> None:
    assert complaints(parse("a: 1\n---\nb: 2\n", "f")) == ["f:2: found a second document (---); wanted one document"]


def test_the_deepest_level_is_read_and_one_more_is_refused() -> None:
    deepest, too_deep = MAX_DEPTH - 1, MAX_DEPTH
    assert parse("a: " + "[" * deepest + "1" + "]" * deepest, "f").problems == ()
    document = parse("a: " + "[" * too_deep + "1" + "]" * too_deep, "f")
    assert document.values is None
    assert complaints(document) == [f"f:1: found more than {MAX_DEPTH} levels; wanted fewer levels"]


def test_a_broken_file_names_the_line() -> None:
    document = parse("a: 1\nb: [1\n", "f")
    assert document.values is None
    assert [problem.line for problem in document.problems] == [3]


def test_a_file_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: \xec\x9d\xb4\xeb\x93\x9c\n")
    assert read(path).values == {"name": "이드"}


def test_a_missing_file_says_what_an_empty_one_would_mean(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    assert complaints(read(path)) == [
        f"{path}: found no such file; wanted a configuration file there; an empty one means the defaults"
    ]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert complaints(read(tmp_path)) == [
        f"{tmp_path}: found an unreadable file (Is a directory); wanted a file that Maek may read"
    ]


def test_the_largest_file_is_read_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"#" * MAX_BYTES)
    assert read(path).problems == ()
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    assert complaints(read(path)) == [f"{path}: found more than {MAX_BYTES} bytes; wanted a configuration file"]


@pytest.mark.parametrize(
    ("loc", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("sidecar", "backends", 0, "slots"), "sidecar.backends[0].slots"),
        (("hosts", "nas.local", "url"), 'hosts."nas.local".url'),
        (("a b",), '"a b"'),
        (("이드",), "이드"),
    ],
)
def test_a_way_is_written_with_dots(loc: tuple[str | int, ...], text: str) -> None:
    assert dotted(loc) == text


def test_a_problem_is_one_line() -> None:
    problem = Problem("config.yaml", 12, "sidecar.backends[0].slots", '"four"', "a whole number ≥ 1 or null")
    assert str(problem) == 'config.yaml:12: sidecar.backends[0].slots: found "four"; wanted a whole number ≥ 1 or null'


@given(st.text() | st.text(alphabet="ab:-?[]{}&*!|>'\"#% \n\t,~1."))
def test_whatever_stands_in_a_file_the_answer_is_a_document(text: str) -> None:
    document = parse(text, "f")
    assert document.values is not None or document.problems
