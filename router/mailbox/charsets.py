"""Bytes of mails turned into text, whatever they say they are.

Rules of this file
- Pure, and never fails: what cannot be read becomes �.
- A charset that is named is believed only as far as the bytes agree. Only charsets of mails are looked up: Python knows
  codecs that are none.
- Text that leaves here is plain: no control characters, nothing that turns the direction of writing, nothing invisible.
"""

import base64
import codecs
import quopri
import re
import unicodedata

_MAIL_CHARSETS = re.compile(
    r"utf-?(?:7|8|16(?:[bl]e)?|32)|us-ascii|ascii|iso-?8859-?\d+|latin-?1|(?:windows|cp|ibm)-?\d+|euc-?(?:kr|jp|cn|tw)|"
    r"iso-?2022-(?:kr|jp)(?:-\w+)?|ks_?c[-_]?5601(?:[-_]\d+)?|ksc?5601|uhc|johab|shift[-_]?jis|sjis|big5(?:-?hkscs)?|"
    r"gb2312|gbk|gb18030|koi8-[ru]|tis-620"
)
_WIDER = {"euc-kr": "cp949", "euckr": "cp949", "uhc": "cp949", "iso-8859-1": "cp1252", "latin1": "cp1252",
          "us-ascii": "utf-8", "ascii": "utf-8", "gb2312": "gb18030", "gbk": "gb18030"}  # fmt: skip
"""Named narrowly, used widely: what mail programs write under the first name is what the second can read."""
_KOREAN = re.compile(r"ks_?c[-_]?5601(?:[-_]\d+)?|ksc?5601|(?:windows|cp)-?949")
_HANGUL = re.compile(r"[가-힣]")
_WORD = re.compile(r"=\?([^?\s]{1,64})\?([BbQq])\?([^?\r\n]*)\?=")
_BETWEEN = re.compile(r"(\?=)\s+(?==\?)")
_LONGEST_CHARACTER_BYTES = 4


def decoded(content: bytes, charset: str | None, *, cut: bool = False) -> str:
    """The text of bytes that are said to be of a charset. `cut`: their end is missing, perhaps inside a character."""
    named = _codec(charset)
    as_utf8 = _strictly(content, "utf-8", cut)
    # Bytes that read as Hangul in UTF-8 are that, whatever they are called; chance does not write three-byte letters.
    if as_utf8 is not None and (named in {None, "utf-8"} or _HANGUL.search(as_utf8)):
        if b"\x1b$" not in content:
            return as_utf8
        named = named or "iso2022_kr"
    for codec in (named, "cp949"):
        if codec is not None and (text := _strictly(content, codec, cut)) is not None:
            return text
    return content.decode(named or "utf-8", "replace")


def _codec(charset: str | None) -> str | None:
    """Python's name of a charset of mails; None for anything else."""
    name = (charset or "").strip().strip("\"'").lower()
    # RFC 2231 lets a language follow.
    name = name.partition("*")[0]
    if _MAIL_CHARSETS.fullmatch(name) is None:
        return None
    if _KOREAN.fullmatch(name):
        return "cp949"
    try:
        return codecs.lookup(_WIDER.get(name, name)).name
    except LookupError:
        return None


def _strictly(content: bytes, codec: str, cut: bool) -> str | None:
    for missing in range(_LONGEST_CHARACTER_BYTES if cut else 1):
        try:
            return content[: len(content) - missing].decode(codec)
        except (UnicodeDecodeError, ValueError):
            continue
    return None


def untransferred(content: bytes, encoding: str) -> bytes:
    """A part as it was before it was made fit for the way. An end that is missing or broken is left out."""
    match encoding.lower():
        case "base64":
            return _from_base64(content)
        case "quoted-printable":
            return quopri.decodestring(content)
        case _:
            return content


def _from_base64(content: bytes) -> bytes:
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", content)
    # A single letter over is half a byte.
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return base64.b64decode(letters + b"=" * (-len(letters) % 4))


def header(raw: bytes) -> str:
    """A header's value on one line: unfolded, MIME words read, also broken ones, and raw 8-bit text."""
    unfolded = re.sub(rb"\r?\n(?=[ \t])", b"", raw)
    if not unfolded.isascii():
        return on_one_line(_with_words_read(decoded(unfolded, None)))
    return on_one_line(_with_words_read(decoded(unfolded, "utf-8")))


def _with_words_read(text: str) -> str:
    """Neighbours of one charset are joined before they are read: some programs cut a character in two."""
    told: list[str] = []
    charset, gathered, at = "", b"", 0
    joined = _BETWEEN.sub(r"\1", text)
    for word in _WORD.finditer(joined):
        content = _word_bytes(word[2], word[3])
        if gathered and (word.start() != at or word[1].lower() != charset):
            told.append(decoded(gathered, charset))
            gathered = b""
        told.append(joined[at : word.start()])
        charset, at = word[1].lower(), word.end()
        gathered += content
    if gathered:
        told.append(decoded(gathered, charset))
    return "".join(told) + joined[at:]


def _word_bytes(encoding: str, content: str) -> bytes:
    raw = content.encode("utf-8")
    return _from_base64(raw) if encoding in "Bb" else quopri.decodestring(raw, header=True)


_UNSEEN_KEPT = frozenset("\u200c\u200d")
"""Joiners, which scripts and emoji need."""


def plain(text: str) -> str:
    """Text without what is not text: controls, marks of direction, tags, halves of characters. Lines stay."""
    lines = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    return "".join(character for character in lines if character == "\n" or _is_text(character))


def _is_text(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} or character in _UNSEEN_KEPT


def on_one_line(text: str) -> str:
    """The same, its white space single."""
    return " ".join(plain(text).split())
