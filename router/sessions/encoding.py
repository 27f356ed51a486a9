"""History, summary, draft and question ⇄ JSON bytes. Pure.

Rules of this file
- Every store keeps these bytes, the one in memory too: what a caller does to its own objects afterwards changes
  nothing here, and both stores refuse the same values.
- A change of shape is a new schema version of the SQLite file.
"""

import dataclasses
from collections.abc import Iterable

import orjson

from router.conversation import Message, Role
from router.decide.decision import PendingQuestion, Slot
from router.sessions.trimming import Entry, Summary
from router.tools.spec import PendingDraft


def history_to_bytes(entries: Iterable[Entry]) -> bytes:
    """`[[at, tokens, role, text, found], …]`, oldest first."""
    return orjson.dumps([_row(entry) for entry in entries])


def _row(entry: Entry) -> list[object]:
    message = entry.message
    return [entry.at, entry.tokens, message.role, message.text, message.found]


def history_from_bytes(stored: bytes) -> tuple[Entry, ...]:
    """The inverse, also of rows without `found`, which were written before there was any.

    Raises ValueError for anything that `history_to_bytes` did not write.
    """
    return tuple(
        Entry(at, tokens, Message(Role(role), text, *found)) for at, tokens, role, text, *found in orjson.loads(stored)
    )


def summary_to_bytes(summary: Summary) -> bytes:
    """`[until, text]`."""
    return orjson.dumps([summary.until, summary.text])


def summary_from_bytes(stored: bytes) -> Summary:
    """The inverse."""
    until, text = orjson.loads(stored)
    return Summary(text, until)


def draft_to_bytes(draft: PendingDraft) -> bytes:
    """An object with the fields of the draft. Raises TypeError when its params are not JSON values."""
    fields = {field.name: getattr(draft, field.name) for field in dataclasses.fields(draft)}
    return orjson.dumps({**fields, "params": dict(draft.params)})


def draft_from_bytes(stored: bytes) -> PendingDraft:
    """The inverse."""
    return PendingDraft(**orjson.loads(stored))


def question_to_bytes(question: PendingQuestion) -> bytes:
    """An object with the fields of the question. Raises TypeError when its params are not JSON values."""
    fields = {field.name: getattr(question, field.name) for field in dataclasses.fields(question)}
    return orjson.dumps({**fields, "params": dict(question.params)})


def question_from_bytes(stored: bytes) -> PendingQuestion:
    """The inverse."""
    fields = orjson.loads(stored)
    return PendingQuestion(**{**fields, "slot": Slot(fields["slot"]), "choices": tuple(fields["choices"])})
