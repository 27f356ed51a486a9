"""Mail: searching and reading. Sending is not among the operations, and never will be.

Rules of this file
- Read only: nothing here moves, marks or deletes a message.
"""

from typing import Annotated

from router.tools.parameters import Params, described
from router.tools.spec import Operation, Tool
from router.tools.unconfigured import refusing

NAME = "email"
DEFAULT_DAYS = 7
MAX_DAYS = 366


class Search(Params):
    """Words to look for (none: every message) in the last days, today included."""

    query: Annotated[
        str, described(ko="찾을 말이나 보낸 사람, 비우면 전부", en="words or sender to look for; empty: everything")
    ] = ""
    days: Annotated[
        int, described(ko="오늘까지 며칠치", en="how many days back, today included", ge=1, le=MAX_DAYS)
    ] = DEFAULT_DAYS


class Read(Params):
    """One message."""

    uid: Annotated[
        str, described(ko="메일 번호(uid)", en="the message's uid", min_length=1, coerce_numbers_to_str=True)
    ]


def unconfigured() -> Tool:
    """Mail before any account is connected."""
    run = refusing(NAME)
    operations = (
        Operation("search", "메일 검색", "search mail", Search, run),
        Operation("read", "메일 한 통 읽기", "read one message", Read, run),
    )
    return Tool(
        NAME,
        "메일 (읽기 전용)",
        "mail (read only)",
        {operation.name: operation for operation in operations},
        configured=False,
    )
