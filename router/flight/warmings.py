"""Whom Maek asked to load a model ahead ⇄ a line of a flight recording, from which it is decided again.

Rules of this file
- Pure. Names of backends and models, and what was seen of them.
- What stands where is `FORM`'s: whoever changes what a row says counts it up.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from router.balance.pools import Candidate
from router.balance.prewarm import Demanded, Seen, Warming, whom_to_ask
from sidecar import TraceInvalid

FORM = 1


class RecordedWarming(NamedTuple):
    """As it was recorded."""

    at: float
    role: str
    warming: Warming

    def again(self) -> Candidate | None:
        """Who would be asked for the same reasons."""
        return whom_to_ask(self.warming.demanded, self.warming.pool)


def warming_body(role: str, warming: Warming) -> dict[str, Any]:
    """What a line says of it, JSON-able."""
    return {
        "form": FORM,
        "role": role,
        "demanded": tuple(warming.demanded),
        "pool": [(*one.candidate, *one[1:]) for one in warming.pool],
        "chosen": tuple(warming.chosen),
    }


def warming_of(at: float, body: Mapping[str, Any]) -> RecordedWarming:
    """What a line says. Raises TraceInvalid if it is of another kind, or another version's."""
    if body.get("form") != FORM:
        raise TraceInvalid(f"form: found {body.get('form')!r:.60}; this version of Maek replays loads of form {FORM}")
    try:
        pool = [Seen(Candidate(backend, model), *seen) for backend, model, *seen in body["pool"]]
        warming = Warming(Demanded(*body["demanded"]), pool, Candidate(*body["chosen"]))
        return RecordedWarming(at, body["role"], warming)
    except (KeyError, TypeError, ValueError) as error:
        raise TraceInvalid(f"a load that cannot be read: {type(error).__name__}: {error!s:.80}") from None
