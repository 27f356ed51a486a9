"""Bytes of mails as text, also where they lie."""

import base64
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.mailbox.charsets import decoded, header, plain, untransferred

HELLO = "안녕하세요, 회의 일정입니다"


def word(text: str, charset: str, named: str | None = None) -> bytes:
    """A MIME word."""
    return b"=?" + (named or charset).encode() + b"?B?" + base64.b64encode(text.encode(charset)) + b"?="


@pytest.mark.parametrize(
    ("charset", "named"),
    [
        ("utf-8", "utf-8"),
        ("utf-8", '"UTF-8"'),
        ("utf-8", "utf-8*ko"),
        ("euc-kr", "euc-kr"),
        ("cp949", "cp949"),
        ("cp949", "ks_c_5601-1987"),
        ("cp949", "windows-949"),
        ("iso2022_kr", "iso-2022-kr"),
        ("utf-8", "euc-kr"),
        ("utf-8", "iso-8859-1"),
        ("cp949", "utf-8"),
        ("cp949", "us-ascii"),
        ("utf-8", None),
        ("cp949", None),
        ("utf-8", "no-such-charset"),
        ("cp949", "unicode_escape"),
        ("utf-8", "uhc"),
    ],
)
def test_korean_is_read_whatever_it_is_called(charset: str, named: str | None) -> None:
    assert decoded(HELLO.encode(charset), named) == HELLO


def test_iso_2022_kr_is_known_by_its_escape() -> None:
    assert decoded(HELLO.encode("iso2022_kr"), None) == HELLO


def test_letters_that_only_cp949_has_are_read_under_the_name_of_euc_kr() -> None:
    assert decoded("똠방각하 펲시".encode("cp949"), "euc-kr") == "똠방각하 펲시"


def test_two_syllables_of_euc_kr_are_not_taken_for_two_letters_of_utf_8() -> None:
    assert "체크".encode("euc-kr").decode("utf-8") == "üũ"
    assert decoded("체크".encode("euc-kr"), "euc-kr") == "체크"


def test_western_mails_stay_western() -> None:
    assert decoded("Grüße".encode("latin-1"), "iso-8859-1") == "Grüße"
    assert decoded(b"\x93quoted\x94", "iso-8859-1") == "“quoted”"


def test_what_nothing_reads_is_marked() -> None:
    assert decoded(b"a\xff\xff\xffb", "utf-8") == "a���b"


@pytest.mark.parametrize("charset", ["utf-8", "euc-kr"])
def test_a_character_cut_in_two_at_the_end_is_left_out(charset: str) -> None:
    assert decoded(HELLO.encode(charset)[:-1], charset, cut=True) == HELLO[:-1]


def test_a_name_that_python_knows_and_no_mail_uses_is_not_looked_up() -> None:
    assert decoded(b"\\x41", "unicode_escape") == "\\x41"
    assert decoded(b"x", "mac-" + "x" * 9) == "x"
    assert decoded(b"x", "cp99999") == "x"


@pytest.mark.parametrize(
    ("content", "encoding", "read"),
    [
        (base64.b64encode(b"hello"), "BASE64", b"hello"),
        (b"aGVs\r\nbG8", "base64", b"hello"),
        (b"aGVsbG8=!!", "base64", b"hello"),
        (b"aGVsb", "base64", b"hel"),
        (b"", "base64", b""),
        (b"h=65llo=\r\n there", "quoted-printable", b"hello there"),
        (b"hello", "8bit", b"hello"),
        (b"hello", "x-unknown", b"hello"),
    ],
)
def test_what_was_made_fit_for_the_way_is_undone(content: bytes, encoding: str, read: bytes) -> None:
    assert untransferred(content, encoding) == read


SPLIT = base64.b64encode(HELLO.encode("euc-kr")[:3]), base64.b64encode(HELLO.encode("euc-kr")[3:])


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (word(HELLO, "euc-kr"), HELLO),
        (word(HELLO, "iso2022_kr", "ISO-2022-KR"), HELLO),
        (b"Re: " + word("회의", "utf-8") + b" tomorrow", "Re: 회의 tomorrow"),
        (word("회", "utf-8") + b"\r\n " + word("의", "utf-8"), "회의"),
        (word("회", "utf-8") + b" " + word("의", "cp949", "euc-kr"), "회의"),
        (b"=?euc-kr?B?" + SPLIT[0] + b"?=\r\n =?euc-kr?B?" + SPLIT[1] + b"?=", HELLO),
        (word(HELLO, "utf-8", "euc-kr"), HELLO),
        (word(HELLO, "utf-8").replace(b"=?=", b"?="), HELLO),
        (b"=?utf-8?Q?=ED=9A=8C_=EC=9D=98?=", "회 의"),
        (b"=?utf-8?Q?=ED=9A=8C =EC=9D=98?=", "회 의"),
        (b"=?no-such?B?" + base64.b64encode(HELLO.encode()) + b"?=", HELLO),
        (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        (b"=?utf-8?B?abc", "=?utf-8?B?abc"),
        (b"=?utf-8?B??=", ""),
        (HELLO.encode("euc-kr"), HELLO),
        (HELLO.encode(), HELLO),
        (b"folded\r\n\tline", "folded line"),
        (word("a\r\nBcc: x", "utf-8"), "a Bcc: x"),
    ],
)
def test_a_header_is_read_on_one_line(raw: bytes, read: str) -> None:
    assert header(raw) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\tb", "a b"),
        ("\x1b[31mred\x07", "[31mred"),
        ("in\u202evoice", "invoice"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("tag\U000e0041", "tag"),
        ("half\ud800", "half"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("\u1112\u1161\u11ab", "한"),
        ("line\u2028break", "linebreak"),
    ],
)
def test_text_is_plain(text: str, read: str) -> None:
    assert plain(text) == read


@given(st.binary(max_size=200), st.text(max_size=20))
def test_no_bytes_and_no_charset_make_it_fail_or_leave_a_control_character(content: bytes, charset: str) -> None:
    text = plain(decoded(content, charset, cut=True)) + header(content)
    assert not any(unicodedata.category(one) in {"Cc", "Cs"} for one in text.replace("\n", ""))
    assert untransferred(content, "base64") is not None
    assert untransferred(content, "quoted-printable") is not None
