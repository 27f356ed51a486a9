"""How a line of the log looks, whose request it belongs to, and what never stands in it.

Rules of this file
- Nobody's words but our own: of an exception only its class and where it came from, because its text may repeat what
  a user wrote; of a library only where it complained. That holds at every level.
- A line is one line; only tracebacks and lists of problems have more, and in JSON not even those.
- Everything that is logged while a request is answered carries its id, also from tasks and threads that it began.
"""

import json
import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, TextIO

from router.tracing import trace_id

OURS = ("router", "sidecar", "simulator")
"""Whose words are ours: the first parts of names of loggers. Not `root`: libraries that know no better use it."""
MOST_CHAINED = 8
"""Exceptions behind an exception that are shown."""

_REQUEST: ContextVar[str] = ContextVar("request_id", default="")
_BEGINNING = re.compile(r"[A-Za-z][A-Za-z' ]*")
_LINE_ENDS = str.maketrans(dict.fromkeys("\x85\u2028\u2029", " "))
_BREAKS = str.maketrans(
    {"\r": "\\r", "\x0b": "\\v", "\x0c": "\\f", "\x1b": "\\e"} | dict.fromkeys("\x85\u2028\u2029", " ")
)

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class LogFormat(StrEnum):
    """How a line of the log is written."""

    TEXT = "text"
    JSON = "json"


@contextmanager
def answering(request_id: str) -> Iterator[None]:
    """Whatever is logged inside belongs to this request (or job)."""
    token = _REQUEST.set(request_id)
    try:
        yield
    finally:
        _REQUEST.reset(token)


def words_of(record: logging.LogRecord) -> str:
    """What a record says; of a library's only what cannot be anybody else's."""
    owner = record.name.partition(".")[0]
    if owner in OURS:
        return record.getMessage()
    # asyncio and aiohttp begin with a sentence of their own before they name what they hold; others may not.
    begins = _BEGINNING.match(str(record.msg)) if owner in ("asyncio", "aiohttp") else None
    said = begins.group().strip() if begins else "a library complains"
    return f"{said} at={record.module}:{record.lineno}"


def trace_of(error: BaseException | None) -> str:
    """A traceback without the texts of the exceptions: classes, and lines of code."""
    shown: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(seen) < MOST_CHAINED:
        seen.add(id(error))
        frames = "".join(traceback.format_tb(error.__traceback__)).rstrip("\n")
        number = f" errno={error.errno}" if isinstance(error, OSError) and error.errno is not None else ""
        shown.append("\n".join(filter(None, [frames, f"{type(error).__module__}.{type(error).__qualname__}{number}"])))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nbecause of\n".join(shown)


class TextLines(logging.Formatter):
    """`TIME LEVEL LOGGER key=value …`, and the traceback below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said = words_of(record).translate(_BREAKS)
        request = _REQUEST.get()
        if request and "request_id=" not in said:
            said = f"{said} request_id={request}"
        if trace := trace_id():
            said = f"{said} trace_id={trace}"
        line = f"{self.formatTime(record)} {record.levelname} {record.name} {said}"
        error = record.exc_info[1] if record.exc_info else None
        return line if error is None else f"{line}\n{trace_of(error)}"


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message; request_id, trace_id and trace (a traceback) where
    there are any."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        row: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": words_of(record),
        }
        if request := _REQUEST.get():
            row["request_id"] = request
        if trace := trace_id():
            row["trace_id"] = trace
        if record.exc_info and record.exc_info[1] is not None:
            row["trace"] = trace_of(record.exc_info[1])
        return json.dumps(row, ensure_ascii=False).translate(_LINE_ENDS)


FORMATTERS = {LogFormat.TEXT: TextLines, LogFormat.JSON: JsonLines}


class _Seemly(logging.Filter):
    """Libraries are heard from a warning on: below it they tell what they send and receive."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may be written."""
        return record.levelno >= logging.WARNING or record.name.partition(".")[0] in OURS


class Log:
    """The log of this process: one handler, whose format may change while it runs."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Writes to `stream`; None: standard error."""
        self._handler = logging.StreamHandler(stream)
        self._handler.addFilter(_Seemly())
        self.write_as(LogFormat.TEXT)

    def begin(self, level: str = "info") -> None:
        """In place of whatever handlers there are."""
        root = logging.getLogger()
        root.handlers[:] = [self._handler]
        logging.captureWarnings(capture=True)  # what libraries warn of names what they read
        write_from(level)

    def write_as(self, chosen: LogFormat) -> None:
        """From the next line on."""
        self._handler.setFormatter(FORMATTERS[chosen]())


def write_from(level: str) -> None:
    """The least that is written: debug, info, warning or error."""
    logging.getLogger().setLevel(level.upper())


def level_now() -> str:
    """The least that is written."""
    return logging.getLevelName(logging.getLogger().getEffectiveLevel()).lower()
