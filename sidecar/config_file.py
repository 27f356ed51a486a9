"""A configuration file read: its values, the line of every key, and what is wrong with its form.

Rules of this file
- YAML 1.2 core schema, by our own few lines: `on`, `off`, `yes`, `no`, dates and `12:30` stay text, `010` is ten.
- What would surprise is refused, with its line: duplicate keys, anchors used twice, tags, a second document.
- Keys are text, always. Lists become tuples, so that a frozen section holds nothing that can change.
- Nothing of a value is echoed here: whether it is a secret is not known yet.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sidecar.errors import Problem

Loc = tuple[str | int, ...]
"""The way to a value: keys, and positions in lists from 0."""

MAX_BYTES = 1_048_576
"""A larger file is not a configuration; PyYAML would read it for minutes."""
MAX_DEPTH = 20
"""Our deepest key is at 6. Keeps the recursion from ending in a RecursionError."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,30}")
"""Longer ones are no number that Maek could use, and `int()` refuses very long ones with an error of its own."""
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]{1,30}(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_SPECIAL_FLOAT = re.compile(r"([-+]?)\.(inf|Inf|INF)|()\.(nan|NaN|NAN)")

_SYNTAX = (
    ("expected <block end>", "a line that does not fit those above", "the same indentation as its neighbours"),
    ("mapping values are not", "a colon where none may be", 'one key a line, and quotes around text with ": " in it'),
    ("found character '\\t'", "a tab", "spaces for indentation"),
    ("found character", "a character that cannot begin a value", "quotes around the value"),
    ("found unexpected end of stream", "the end of the file inside quotes", "a closing quote"),
    ("expected ',' or", "a list or mapping in brackets that does not go on", "a comma or the closing bracket"),
)
"""How the parser's commonest complaints begin, and what they mean to somebody who writes a file."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it stands. `values` is None where nothing could be read; then `problems` says why."""

    file: str
    values: Mapping[str, Any] | None
    lines: Mapping[Loc, int]
    problems: tuple[Problem, ...] = ()

    def line(self, loc: Loc) -> int | None:
        """The line of a key, or of the nearest key around it; None for the document itself when it is empty."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc)


def read(path: Path) -> Document:
    """The document in a file; a file that cannot be read is a document with that problem."""
    file = str(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        wanted = "a configuration file there; an empty one means the defaults"
        return _unreadable(file, None, "no such file", wanted)
    except OSError as error:
        return _unreadable(file, None, f"an unreadable file ({error.strerror})", "a file that Maek may read")
    if len(content) > MAX_BYTES:
        return _unreadable(file, None, f"more than {MAX_BYTES} bytes", "a configuration file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _unreadable(file, line, "bytes that are not UTF-8", "text in UTF-8")
    return parse(text, file)


def parse(text: str, file: str) -> Document:
    """The document in a text; `file` is only its name."""
    reader = _Reader(file)
    try:
        value = reader.document(iter(yaml.parse(text, Loader=yaml.SafeLoader)))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return _unreadable(file, line, f"the control character U+{error.character:04X}", "printable text")
    except yaml.MarkedYAMLError as error:
        return _syntax_problem(file, error)
    except _TooDeep as error:
        return _unreadable(file, error.line, f"more than {MAX_DEPTH} levels", "fewer levels")
    if value is None:
        value = {}
    if not isinstance(value, Mapping):
        found = "a list" if isinstance(value, tuple) else "a single value"
        return _unreadable(file, reader.lines.get((), 1), found, "the sections sidecar and router")
    return Document(file, value, reader.lines, tuple(reader.problems))


def scalar(text: str) -> str | int | float | bool | None:
    """What an unquoted text means in the YAML 1.2 core schema (without its 0o and 0x integers)."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if special := _SPECIAL_FLOAT.fullmatch(text):
        return float(f"{special[1] or ''}{special[2] or special[4]}")
    return text


def dotted(loc: Loc) -> str:
    """`sidecar.backends[0].slots`. A key that would be mistaken for two is put in quotes."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = part if re.fullmatch(r"[\w-]+", part) else f'"{part}"'
            text += f".{plain}" if text else plain
    return text


def _unreadable(file: str, line: int | None, found: str, wanted: str) -> Document:
    return Document(file, None, {}, (Problem(file, line, "", found, wanted),))


def _syntax_problem(file: str, error: yaml.MarkedYAMLError) -> Document:
    line = None if error.problem_mark is None else error.problem_mark.line + 1
    said = str(error.problem)
    for beginning, found, wanted in _SYNTAX:
        if said.startswith(beginning):
            return _unreadable(file, line, found, wanted)
    return _unreadable(file, line, f"broken YAML ({said})", "YAML")


def _line(event: Any) -> int:
    """From 1. PyYAML types the mark as optional, but its parser always sets it."""
    return int(event.start_mark.line) + 1


class _TooDeep(Exception):
    def __init__(self, line: int) -> None:
        self.line = line


@dataclass(slots=True)
class _Reader:
    """Turns PyYAML's events into values: events still know tags, anchors and quotes that values no longer show."""

    file: str
    lines: dict[Loc, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _events: Any = None

    def document(self, events: Any) -> Any:
        """The value of the first document; None when there is none."""
        self._events = events
        next(events)  # stream start
        if isinstance(next(events), yaml.StreamEndEvent):
            return None
        value = self._value((), next(events))
        next(events)  # document end
        after = next(events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._problem((), after, "a second document (---)", "one document")
        return value

    def _problem(self, loc: Loc, event: Any, found: str, wanted: str) -> None:
        self.problems.append(Problem(self.file, _line(event), dotted(loc), found, wanted))

    def _value(self, loc: Loc, event: Any) -> Any:
        line = _line(event)
        if len(loc) > MAX_DEPTH:
            raise _TooDeep(line)
        self.lines.setdefault(loc, line)
        if isinstance(event, yaml.AliasEvent):
            self._problem(loc, event, f"the alias *{event.anchor}", "the value itself")
            return None
        if event.tag is not None:
            self._problem(loc, event, "a tag (!)", "the value without it")
        if isinstance(event, yaml.ScalarEvent):
            return scalar(event.value) if event.implicit[0] and event.style is None else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(loc)
        return self._mapping(loc)

    def _sequence(self, loc: Loc) -> tuple[Any, ...]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value((*loc, len(items)), event))
        return tuple(items)

    def _mapping(self, loc: Loc) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._problem(loc, event, "a key that is not text", "text as keys")
                self._value((*loc, ""), event)
                self._value((*loc, ""), next(self._events))
                continue
            here: Loc = (*loc, event.value)
            if event.value in entries:
                first = self.lines[here]
                self._problem(here, event, f"the key again (first on line {first})", "every key once")
                self._value((*loc, ""), next(self._events))
                continue
            self.lines[here] = _line(event)
            entries[event.value] = self._value(here, next(self._events))
        return entries
