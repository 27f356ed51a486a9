"""The structure of a message, as a server tells it and IMAPClient reads it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.mailbox.parts import MOST_DEPTH, Contents, FilePart, TextPart, contents_of

PLAIN = (b"TEXT", b"PLAIN", (b"CHARSET", b"EUC-KR"), None, None, b"BASE64", 40, 1, None, None, None, None)
HTML = (b"text", b"html", (b"charset", b"utf-8"), None, None, b"quoted-printable", 400, 9, None, None)


def file(name: bytes | None = None, *parameters: bytes, disposition: bytes = b"ATTACHMENT") -> tuple[Any, ...]:
    """An attached PDF of 78 kB on its way."""
    told = (*((b"FILENAME", name) if name is not None else ()), *parameters)
    return (b"APPLICATION", b"PDF", None, None, None, b"BASE64", 78_000, None, (disposition, told or None), None)


def many(kind: bytes, *parts: Any) -> tuple[Any, ...]:
    """A multipart."""
    return (list(parts), kind, None, None)


def test_a_message_of_one_part_is_its_section_one() -> None:
    assert contents_of(PLAIN) == Contents((TextPart("1", False, "EUC-KR", "base64"),), ())


def test_of_two_versions_the_plain_one_is_shown_and_nothing_attached_is_lost() -> None:
    structure = many(b"MIXED", many(b"ALTERNATIVE", HTML, PLAIN), file(b"a.pdf"))
    assert contents_of(structure) == Contents(
        (TextPart("1.2", False, "EUC-KR", "base64"),), (FilePart("a.pdf", "application/pdf", 57_000),)
    )


def test_where_only_the_page_is_there_it_is_shown() -> None:
    related = many(b"RELATED", HTML, (b"IMAGE", b"PNG", None, b"<logo>", None, b"BASE64", 780, None, None))
    found = contents_of(many(b"ALTERNATIVE", related))
    assert found.texts == (TextPart("1.1", True, "utf-8", "quoted-printable"),)
    assert found.files == (FilePart("", "image/png", 570),)


def test_an_alternative_without_text_shows_nothing() -> None:
    assert contents_of(many(b"ALTERNATIVE", file(b"a.pdf"))).texts == ()


def test_texts_that_are_attached_are_files() -> None:
    attached = (b"TEXT", b"PLAIN", (b"NAME", b"log.txt"), None, None, b"7BIT", 9, 1, None, (b"ATTACHMENT", None), None)
    inline = (b"TEXT", b"PLAIN", None, None, None, b"7BIT", 9, 1, None, (b"inline", (b"filename", b"a.txt")), None)
    calendar = (b"TEXT", b"CALENDAR", None, None, None, b"7BIT", 9, 1, None, None)
    found = contents_of(many(b"MIXED", PLAIN, attached, inline, calendar))
    assert [one.name for one in found.files] == ["log.txt", "a.txt", ""]
    assert len(found.texts) == 1


def test_a_message_inside_of_a_message_is_a_file_and_not_looked_into() -> None:
    inner = (b"MESSAGE", b"RFC822", None, None, None, b"7BIT", 999, (b"envelope",), PLAIN, 9, None,
             (b"ATTACHMENT", (b"FILENAME", b"fwd.eml")))  # fmt: skip
    assert contents_of(inner) == Contents((), (FilePart("fwd.eml", "message/rfc822", 999),))


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (file(b"=?euc-kr?B?yLjAxy5wZGY=?="), "회의.pdf"),
        (file("회의.pdf".encode()), "회의.pdf"),
        (file("회의.pdf".encode("cp949")), "회의.pdf"),
        (file(None, b"FILENAME*", b"UTF-8''%ED%9A%8C%EC%9D%98.pdf"), "회의.pdf"),
        (file(None, b"filename*", b"euc-kr'ko'%C8%B8%C0%C7.pdf"), "회의.pdf"),
        (
            file(None, b"FILENAME*0*", b"UTF-8''%ED%9A%8C", b"FILENAME*1*", b"%EC%9D%98", b"FILENAME*2", b".pdf"),
            "회의.pdf",
        ),
        (file(b"../../etc/passwd"), ".._.._etc_passwd"),
        (file("fdp.\u202e.exe".encode()), "fdp..exe"),
        (file(b"x" * 500), "x" * 120),
        (file(), ""),
    ],
)
def test_a_file_has_a_name_however_it_is_written(part: tuple[Any, ...], name: str) -> None:
    assert contents_of(part).files[0].name == name


@pytest.mark.parametrize("structure", [None, (), b"x", 1, ((),), ([],), ([None, b"x", 1], b"MIXED")])
def test_what_makes_no_sense_is_nothing(structure: Any) -> None:
    assert contents_of(structure).texts == ()


def test_depth_is_bounded() -> None:
    structure: tuple[Any, ...] = PLAIN
    for _ in range(MOST_DEPTH + 1):
        structure = many(b"MIXED", structure)
    assert contents_of(structure) == Contents()


atoms = st.none() | st.integers(0, 999) | st.binary(max_size=12) | st.sampled_from([b"text", b"plain", b"base64"])
structures = st.recursive(
    atoms, lambda inner: st.lists(inner, max_size=6).map(tuple) | st.tuples(st.lists(inner)), max_leaves=30
)


@given(structures)
def test_no_structure_makes_it_fail(structure: Any) -> None:
    contents_of(structure)
