"""Which trace a request belongs to, as the W3C's headers say it (https://www.w3.org/TR/trace-context/).

Rules of this file
- Pure: headers in, headers out. What is not as the standard wants it was never there.
- Baggage is neither read nor passed on: it may hold anything about anybody, and backends may be somebody else's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
MOST_STATE_CHARACTERS = 512
"""What every vendor has to pass on at least; more is dropped whole, as the standard allows."""
MOST_STATE_MEMBERS = 32

_PARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-[!-~]*)?"
)
_MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
)
_SAMPLED = 1
_NO_TRACE, _NO_SPAN, _NO_VERSION = "0" * 32, "0" * 16, "ff"


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A place in a trace."""

    trace_id: str
    """32 small hex digits."""
    span_id: str
    """16 small hex digits."""
    sampled: bool
    """Somebody keeps this trace, so that a link to it leads somewhere."""
    state: str = ""
    """What other systems along the way want passed on; not ours to read."""

    @property
    def parent(self) -> str:
        """As the header `traceparent`."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    @property
    def headers(self) -> Mapping[str, str]:
        """For whoever is asked from here."""
        return {TRACEPARENT: self.parent} | ({TRACESTATE: self.state} if self.state else {})


def context_of(parents: Sequence[str], states: Sequence[str] = ()) -> TraceContext | None:
    """What a caller's headers say, each given as often as it came; None where that is not exactly one place."""
    if len(parents) != 1 or (read := _PARENT.fullmatch(parents[0].strip(" \t"))) is None:
        return None
    version, trace_id, span_id, flags, more = read.groups()
    if version == _NO_VERSION or trace_id == _NO_TRACE or span_id == _NO_SPAN or (version == "00" and more):
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & _SAMPLED), _state_of(states))


def _state_of(states: Sequence[str]) -> str:
    """The members of all headers; the empty text where one of them is broken, or they are too many."""
    members = [member for state in states for found in state.split(",") if (member := found.strip(" \t"))]
    keys = {member.partition("=")[0] for member in members}
    text = ",".join(members)
    if len(text) > MOST_STATE_CHARACTERS or len(members) > MOST_STATE_MEMBERS or len(keys) != len(members):
        return ""
    return text if all(map(_MEMBER.fullmatch, members)) else ""


def keeps(trace_id: str, ratio: float) -> bool:
    """Whether a trace that begins here is kept, so that `ratio` of all are: by its id, as other tracers decide too."""
    return int(trace_id[16:], 16) < round(ratio * (1 << 64))
