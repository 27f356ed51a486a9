"""Questions to one open folder, answered by the server.

Rules of this file
- Everything here blocks, over a connection that is open already.
- The server searches; what is fetched of a message is asked for by name, in bounded pieces, and left unread.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from email.utils import getaddresses
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from router.mailbox.charsets import decoded, header, on_one_line, plain, untransferred
from router.mailbox.criteria import (
    EVERYWHERE,
    HEADERS,
    Criteria,
    anywhere,
    arrived_since,
    charset_of,
    ranges,
    windows,
)
from router.mailbox.markup import text_of
from router.mailbox.names import check_of, name_of
from router.mailbox.parts import Contents, TextPart, contents_of
from router.tools.letters import Attachment, Letter, MailFailed, Opened, Trouble

MOST_HEADER_BYTES = 32_768
MOST_PART_BYTES = 400_000
"""Of a text on its way: base64 makes a third more of it, and a page is mostly markup."""
MOST_TEXTS = 5
MOST_TEXT_CHARACTERS = 20_000
"""Of a message that is read: ten printed pages."""
MOST_LINE_CHARACTERS = 200
HEADER_WINDOW = 20_000
"""Messages in whose headers is searched at a time. Servers keep these in an index."""
BODY_WINDOW = 2_000
"""Messages in whose text is searched at a time. A server reads all of it."""
FETCHED_AT_ONCE = 100

_HEADERS = f"BODY.PEEK[HEADER.FIELDS (FROM TO CC SUBJECT DATE)]<0.{MOST_HEADER_BYTES}>"
_LISTED = ["FLAGS", "INTERNALDATE", _HEADERS]
_OPENED = [*_LISTED, "BODYSTRUCTURE"]


class CannotSearch(Exception):
    """The server refuses such a search: most likely it knows ASCII alone."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, open for reading."""

    client: IMAPClient
    name: str
    messages: int
    check: str

    def name_of(self, number: int) -> str:
        """What the message of that number is called."""
        return name_of(number, self.check)

    def hits(self, since: date, words: Sequence[str], *, bodies: bool) -> Iterator[list[int]]:
        """Numbers of messages that fit, the newest first, in portions. The server is asked as far as somebody listens.

        Raises CannotSearch.
        """
        for window in windows(self.messages, HEADER_WINDOW):
            if not bodies:
                yield self._search([window, *arrived_since(since), *anywhere(words, HEADERS)], words)
                continue
            there = self._search([window, *arrived_since(since)], ())
            for at in range(0, len(there), BODY_WINDOW):
                asked = ["UID", ranges(there[at : at + BODY_WINDOW]), *anywhere(words, EVERYWHERE)]
                yield self._search(asked, words)

    def _search(self, asked: Criteria, words: Sequence[str]) -> list[int]:
        try:
            return sorted(self.client.search(asked, charset_of(words)), reverse=True)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            raise CannotSearch from error

    def letters(self, numbers: Sequence[int], zone: tzinfo | None) -> Iterator[Letter]:
        """What is told of these messages, in their order."""
        for at in range(0, len(numbers), FETCHED_AT_ONCE):
            some = numbers[at : at + FETCHED_AT_ONCE]
            rows = self.client.fetch(some, _LISTED)
            yield from (self._letter(number, rows[number], zone) for number in some if number in rows)

    def opened(self, number: int, zone: tzinfo | None) -> Opened | None:
        """A message with its text; None where it is not there any more."""
        rows = self.client.fetch([number], _OPENED)
        if number not in rows:
            return None
        row = rows[number]
        contents = contents_of(row.get(b"BODYSTRUCTURE"))
        text, cut = self._text(number, contents)
        files = tuple(Attachment(one.name, one.kind, one.size_bytes) for one in contents.files)
        recipients = _people(_headers(row), "to", "cc")
        return Opened(self._letter(number, row, zone), recipients, text, cut, files)

    def _letter(self, number: int, row: Mapping[bytes, Any], zone: tzinfo | None) -> Letter:
        headers = _headers(row)
        arrived = row.get(b"INTERNALDATE")
        if not isinstance(arrived, datetime):
            arrived = datetime(1970, 1, 1, tzinfo=UTC)
        flags = row.get(b"FLAGS")
        unread = isinstance(flags, tuple) and b"\\seen" not in {
            flag.lower() for flag in flags if isinstance(flag, bytes)
        }
        subject = header(headers.get("subject", b""))[:MOST_LINE_CHARACTERS]
        return Letter(
            self.name_of(number), self.name, arrived.astimezone(zone), _people(headers, "from"), subject, unread
        )

    def _text(self, number: int, contents: Contents) -> tuple[str, bool]:
        told: list[str] = []
        cut = len(contents.texts) > MOST_TEXTS
        for part in contents.texts[:MOST_TEXTS]:
            content = self._part(number, part)
            reached = len(content) >= MOST_PART_BYTES
            text = decoded(untransferred(content, part.encoding), part.charset, cut=reached)
            told.append(plain(text_of(text) if part.html else text).strip())
            cut = cut or reached
        whole = "\n\n".join(filter(None, told))
        return whole[:MOST_TEXT_CHARACTERS], cut or len(whole) > MOST_TEXT_CHARACTERS

    def _part(self, number: int, part: TextPart) -> bytes:
        row = self.client.fetch([number], [f"BODY.PEEK[{part.section}]<0.{MOST_PART_BYTES}>"]).get(number, {})
        content = row.get(f"BODY[{part.section}]<0>".encode())
        return content if isinstance(content, bytes) else b""


def opened_folder(client: IMAPClient, account: str, name: str) -> Folder:
    """The folder, opened by EXAMINE. Raises MailFailed where there is none of this name."""
    try:
        told = client.select_folder(name, readonly=True)
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        raise MailFailed(Trouble.FOLDER, on_one_line(name)) from error
    validity, messages = told.get(b"UIDVALIDITY"), told.get(b"EXISTS")
    if not isinstance(validity, int) or not isinstance(messages, int):
        raise MailFailed(Trouble.SERVER, "a folder without numbers")
    return Folder(client, name, messages, check_of(account, name, validity))


def _headers(row: Mapping[bytes, Any]) -> dict[str, bytes]:
    """The header fields that were asked for, unread; of a field that comes twice the first."""
    raw = next((value for key, value in row.items() if key.startswith(b"BODY[HEADER")), b"")
    fields: dict[str, bytes] = {}
    last = ""
    for line in (raw if isinstance(raw, bytes) else b"").splitlines():
        if line[:1] in {b" ", b"\t"}:
            if last:
                fields[last] += b"\r\n" + line
            continue
        name, colon, value = line.partition(b":")
        last = name.decode("latin-1").strip().lower()
        if not colon or last in fields:
            last = ""
            continue
        fields[last] = value
    return fields


def _people(headers: Mapping[str, bytes], *fields: str) -> str:
    """Names and addresses. They are taken apart before they are read: a name may hold a comma."""
    raw = [headers[field].decode("latin-1") for field in fields if field in headers]
    told = []
    for name, address in getaddresses([" ".join(one.split()) for one in raw]):
        read, written = header(name.encode("latin-1")), on_one_line(address)
        told.append(f"{read} <{written}>" if read and read != written else f"<{written}>" if written else read)
    if not any(told):
        told = [header(headers[field]) for field in fields if field in headers]
    return ", ".join(filter(None, told))[:MOST_LINE_CHARACTERS]
