import zipfile
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.documents import reading
from router.documents.reading import READERS, Unreadable, Why, text_of
from tests.router.documents.given import docx_of, hwpx_of, pdf_of, repacked


def why(suffix: str, content: bytes) -> Why:
    with pytest.raises(Unreadable) as raised:
        text_of(suffix, content)
    return raised.value.why


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "euc-kr", "utf-16"])
def test_a_korean_text_is_read_in_whatever_it_was_written(encoding: str) -> None:
    assert text_of(".txt", "산업안전보건법\n제1조".encode(encoding)) == "산업안전보건법\n제1조"


def test_letters_that_a_mac_writes_apart_are_put_together() -> None:
    assert text_of(".TXT", "한글".encode()) == "한글"


def test_a_page_is_what_its_reader_sees() -> None:
    page = """<html><head><title>이름</title><style>p {color: red}</style><script>alert("숨은 말")</script></head>
    <body><h2>용접 &amp; 절차</h2><p>첫 <b>문단</b>이고\n이어진다.</p><ul><li>하나<li>둘</ul>
    <table><tr><td>가</td><td>나</td></tr></table></body></html>"""
    text = text_of(".html", page.encode())
    assert "숨은 말" not in text
    assert "color" not in text
    assert "## 용접 & 절차" in text.splitlines()
    assert "첫 문단이고 이어진다." in text.splitlines()
    assert "가 나" in text.splitlines()
    assert [line for line in text.splitlines() if line in ("하나", "둘")] == ["하나", "둘"]


def test_a_word_document_is_read_with_its_headings_and_tables() -> None:
    text = text_of(".docx", docx_of(("Heading 1", "위험성평가"), ("Normal", "절차를 정한다.")))
    assert text.splitlines()[0] == "# 위험성평가"
    assert "절차를 정한다." in text
    assert "보호구 | 안전모" in text


def test_a_pdf_is_read() -> None:
    assert "welding procedure" in text_of(".pdf", pdf_of("welding procedure"))


SECTION = "Contents/section0.xml"
BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 20 if n else "가" * 20}">' for n in range(8))


def test_a_document_of_hangul_office_is_read_with_its_tables() -> None:
    text = text_of(".hwpx", hwpx_of("제6장 유해·위험물질", "제104조(유해인자의 분류기준) 장관은 정한다."))
    lines = [line for line in text.splitlines() if line]
    assert lines == ["제6장 유해·위험물질", "제104조(유해인자의 분류기준) 장관은 정한다.", "보호구", "안전모"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("before", ["", f"<!--{' ' * 5000}-->"], ids=["first", "behind a long comment"])
@pytest.mark.parametrize(
    "entities",
    ['<!ENTITY e7 "가">', BOMB, '<!ENTITY e7 SYSTEM "file:///etc/passwd">'],
    ids=["any at all", "bomb", "file"],
)
def test_entities_in_a_packed_document_are_not_followed(entities: str, before: str, encoding: str) -> None:
    mark = "" if encoding == "utf-8" else "\ufeff"
    part = f"{mark}{before}<!DOCTYPE sec [{entities}]><sec><p><run><t>&e7;</t></run></p></sec>".encode(encoding)
    assert why(".hwpx", repacked(hwpx_of("가"), SECTION, part)) is Why.BROKEN


def test_a_packed_document_that_lies_about_its_size_is_broken() -> None:
    content = bytearray(repacked(hwpx_of("가"), SECTION, b"<sec>" + b" " * 5_000_000 + b"</sec>"))
    entry = content.rindex(SECTION.encode()) - 46  # of the central directory, where the size is believed
    content[entry + 24 : entry + 28] = (100).to_bytes(4, "little")
    assert why(".hwpx", bytes(content)) is Why.BROKEN


def test_a_document_of_hangul_office_with_a_password_says_so() -> None:
    locked = b'<manifest><file-entry full-path="Contents/section0.xml"><encryption-data/></file-entry></manifest>'
    assert why(".hwpx", repacked(hwpx_of("가"), "META-INF/manifest.xml", locked)) is Why.PASSWORD


@pytest.mark.parametrize(
    ("suffix", "content", "reason"),
    [
        (".hwp", b"x", Why.KIND),
        (".txt", b"", Why.EMPTY),
        (".txt", b" \n\t", Why.EMPTY),
        (".txt", b"\xff\x81\x00\x80", Why.ENCODING),
        (".txt", b"\xff\xfe\x00", Why.BROKEN),
        (".pdf", b"%PDF-1.7 and then nothing", Why.BROKEN),
        (".docx", b"PK\x03\x04 and then nothing", Why.BROKEN),
        (".hwpx", b"PK\x03\x04 and then nothing", Why.BROKEN),
        (".pdf", pdf_of(""), Why.EMPTY),
    ],
)
def test_what_cannot_be_read_says_why(suffix: str, content: bytes, reason: Why) -> None:
    assert why(suffix, content) is reason


def test_a_pdf_with_a_password_says_so() -> None:
    assert why(".pdf", pdf_of("secret", password="tiger")) is Why.PASSWORD


@pytest.mark.parametrize("suffix", [".docx", ".hwpx"])
def test_a_packed_document_that_unpacks_too_large_is_not_unpacked(monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    monkeypatch.setattr(reading, "MOST_UNPACKED_BYTES", 1000)
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 2000)
    assert why(suffix, packed.getvalue()) is Why.SIZE


@given(st.sampled_from(sorted(READERS)), st.binary(max_size=300))
def test_no_bytes_at_all_break_the_reader(suffix: str, content: bytes) -> None:
    with suppress(Unreadable):
        assert text_of(suffix, content)


@pytest.mark.timeout(30)
def test_a_page_that_never_closes_its_tags_is_gone_through_once() -> None:
    assert text_of(".html", b"hello " + b"<a " * 300_000).startswith("hello")
