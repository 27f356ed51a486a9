"""The calls of tools in a streamed answer, put together from their pieces.

Rules of this file
- Pure, and bounded: a model that never stops writing arguments is cut, and its call fails to be read later.
- Servers differ: some send every call whole and without a number, some number all calls 0 and tell them apart by id,
  some send arguments as an object. What cannot belong to the call before it begins a new one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

MOST_CALLS = 32
"""In one answer; a model that wants more has lost its way."""
MOST_ARGUMENT_CHARACTERS = 32_768
"""Of one call: more than any parameter may have."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """What a model wants to have called."""

    id: str
    name: str
    arguments: str
    """JSON, as the model wrote it: it may be broken."""


@dataclass(slots=True)
class _Piece:
    number: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""


class ToolCalls:
    """Takes the pieces as they come."""

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def feed(self, pieces: Sequence[Any]) -> None:
        """The `tool_calls` of one delta."""
        for piece in pieces:
            match piece:
                case {"function": dict(function)}:
                    self._take(piece, function)

    def _take(self, piece: Mapping[str, Any], function: Mapping[str, Any]) -> None:
        name, call_id = _text(function.get("name")), _text(piece.get("id"))
        number = piece.get("index") if isinstance(piece.get("index"), int) else None
        known = self._known(number, call_id, name)
        if known is None:
            if len(self._pieces) == MOST_CALLS:
                return
            known = _Piece(number)
            self._pieces.append(known)
        known.id = known.id or call_id
        known.name = known.name or name
        known.arguments = (known.arguments + _text(function.get("arguments")))[:MOST_ARGUMENT_CHARACTERS]

    def _known(self, number: int | None, call_id: str, name: str) -> _Piece | None:
        """The call that this goes on with; None where it begins one."""
        for piece in reversed(self._pieces):
            if number is not None and piece.number != number:
                continue
            another = call_id and piece.id and call_id != piece.id
            unnumbered = number is None and name and piece.name and not call_id
            return None if another or unnumbered else piece
        return None

    def whole(self) -> tuple[FunctionCall, ...]:
        """The calls, in their order. One without a name is none; one without an id gets its number as one."""
        return tuple(
            FunctionCall(piece.id or f"call_{number}", piece.name, piece.arguments or "{}")
            for number, piece in enumerate(self._pieces)
            if piece.name
        )


def _text(value: object) -> str:
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    return value if isinstance(value, str) else ""
