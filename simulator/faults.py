"""What can be wrong with the server, on request: one frozen class each, how to read them, which hold now.

Rules of this file
- Pure: no clock, no randomness. `now` is an argument.
- Reading is strict: an unknown fault, an unknown or missing parameter, a wrong type or a value out of range is refused
  with a sentence that says what would be right.
- A new fault is a class here, its name in `KINDS`, and the place that acts on it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeVar


class FaultError(ValueError):
    """A fault that cannot be read. The text is for the person who wrote it."""


class CutHow(StrEnum):
    """How an answer is cut."""

    RESET = "reset"
    """The connection is reset."""
    CLOSE = "close"
    """The connection is closed within the body."""
    END = "end"
    """The body ends as HTTP wants it, but without the dialect's end marker: nothing but that tells."""


class GarbageWhere(StrEnum):
    """What is garbage."""

    CHUNKS = "chunks"
    HTML = "html"


def _number(lowest: float, highest: float, default: Any = MISSING) -> Any:
    return field(default=default, metadata={"lowest": lowest, "highest": highest})


A_DAY_SECONDS = 86_400.0
"""No fault parameter in seconds is longer: a longer one is a typing error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """What every fault has: `seconds` after which it ends (None: it stays until it is taken away)."""

    seconds: float | None = _number(0.0, A_DAY_SECONDS, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall(Timed):
    """No token leaves; connections stay open and the health endpoint stays cheerful."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow(Timed):
    """Every step takes `factor` times as long."""

    factor: float = _number(1.0, 1000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flap(Timed):
    """Up, then down, and again. Down: streams are reset, every endpoint answers 500 at once."""

    up_seconds: float = _number(0.01, A_DAY_SECONDS)
    down_seconds: float = _number(0.01, A_DAY_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Error500(Timed):
    """A part of the requests, `ratio`, fails with 500."""

    ratio: float = _number(0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit(Timed):
    """Every request is refused with 429 and a `Retry-After`; with `per_second`, only those above that rate are."""

    retry_after_seconds: int = _number(0, A_DAY_SECONDS, 1)
    """At least; longer where it takes longer until another request is taken."""
    per_second: float | None = _number(0.001, 1e6, None)
    burst: float = _number(1.0, 1e6, 1.0)
    """So many may come at once, if nobody came for long enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(Timed):
    """The answer stops after `after_tokens`, without an end marker. It befalls a part of the questions, `ratio`: the
    same ones whenever they are asked."""

    after_tokens: int = _number(0, 1_000_000, 3)
    how: CutHow = CutHow.RESET
    ratio: float = _number(0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage(Timed):
    """Streams carry chunks that are no JSON, or every answer is an HTML page with status 200."""

    where: GarbageWhere = GarbageWhere.CHUNKS


@dataclass(frozen=True, slots=True, kw_only=True)
class LyingStatus(Timed):
    """Whatever the server says about its load, it says `active_jobs`, and that its cache is empty."""

    active_jobs: int = _number(0, 1_000_000, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowHealth(Timed):
    """Endpoints that tell something (health, models, statistics) answer `delay_seconds` late."""

    delay_seconds: float = _number(0.0, A_DAY_SECONDS, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading(Timed):
    """The model is still being loaded: 503 everywhere."""


Fault = Stall | Slow | Flap | Error500 | RateLimit | Cut | Garbage | LyingStatus | SlowHealth | Loading

KINDS: Mapping[str, type[Fault]] = {
    "stall": Stall,
    "slow": Slow,
    "flap": Flap,
    "error_500": Error500,
    "rate_limit": RateLimit,
    "cut": Cut,
    "garbage": Garbage,
    "lying_status": LyingStatus,
    "slow_health": SlowHealth,
    "loading": Loading,
}
NAMES: Mapping[type[Fault], str] = {kind: name for name, kind in KINDS.items()}


def read_faults(document: object) -> list[Fault]:
    """Return the faults of `{"slow": {"factor": 6, "seconds": 120}, …}`. Raises FaultError."""
    if not isinstance(document, dict):
        raise FaultError('faults must be a JSON object such as {"slow": {"factor": 6}}')
    return [read_fault(name, parameters) for name, parameters in document.items()]


def read_fault(name: str, parameters: object) -> Fault:
    """Return one fault. Raises FaultError."""
    kind = KINDS.get(name)
    if kind is None:
        raise FaultError(f"unknown fault {name!r}; known are {', '.join(KINDS)}")
    if not isinstance(parameters, dict):
        raise FaultError(f"{name}: parameters must be an object, {{}} for the defaults")
    known = {each.name: each for each in fields(kind)}
    for key in parameters:
        if key not in known:
            raise FaultError(f"{name}: unknown parameter {key!r}; known are {', '.join(sorted(known))}")
    for key, each in known.items():
        if key not in parameters and each.default is MISSING:
            raise FaultError(f"{name}: {key} is required")
    values: dict[str, Any] = {
        key: _read_value(f"{name}: {key}", known[key], value) for key, value in parameters.items()
    }
    return kind(**values)


def parse_fault(text: str) -> Fault:
    """Return the fault of `NAME` or `NAME:key=value,key=value`, as on the command line. Raises FaultError."""
    name, _, rest = text.partition(":")
    parameters: dict[str, object] = {}
    for pair in filter(None, rest.split(",")):
        key, equals, value = pair.partition("=")
        if not equals:
            raise FaultError(f"{name}: {pair!r} is not key=value")
        parameters[key.strip()] = _plain(value.strip())
    return read_fault(name.strip(), parameters)


def _plain(text: str) -> object:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _read_value(where: str, each: Field[Any], value: object) -> object:
    if isinstance(each.default, StrEnum):
        choices = type(each.default)
        if not isinstance(value, str) or value not in list(choices):
            raise FaultError(f"{where} must be one of {', '.join(choices)}, not {value!r}")
        return choices(value)
    if value is None and each.default is None:
        return None
    whole = each.type is int
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise FaultError(f"{where} must be {'a whole number' if whole else 'a number'}, not {value!r}")
    lowest, highest = each.metadata["lowest"], each.metadata["highest"]
    if not (math.isfinite(value) and lowest <= value <= highest):
        raise FaultError(f"{where} must be between {lowest:g} and {highest:g}, not {value!r}")
    return value


@dataclass(frozen=True, slots=True)
class _Held:
    fault: Fault
    since: float

    @property
    def ends_at(self) -> float:
        return math.inf if self.fault.seconds is None else self.since + self.fault.seconds


F = TypeVar("F", bound=Timed)


class FaultBoard:
    """The owner of which faults hold, and since when."""

    def __init__(self) -> None:
        self._held: dict[type[Fault], _Held] = {}
        self._allowance = 0.0
        self._allowance_at = 0.0

    def replace(self, faults: Iterable[Fault], now: float) -> None:
        """Let exactly `faults` hold, from `now` on. A rate limit begins with its whole burst."""
        self._held = {type(fault): _Held(fault, now) for fault in faults}
        limit = self.get(RateLimit, now)
        self._allowance, self._allowance_at = limit.burst if limit else 0.0, now

    def refusal_seconds(self, now: float) -> int | None:
        """Return after how long a request that is above the rate limit may come again; None if it is taken, which uses
        up a part of the limit."""
        limit = self.get(RateLimit, now)
        if limit is None:
            return None
        if limit.per_second is None:
            return limit.retry_after_seconds
        grown = (now - self._allowance_at) * limit.per_second
        self._allowance, self._allowance_at = min(limit.burst, self._allowance + grown), now
        if self._allowance < 1:
            return max(limit.retry_after_seconds, math.ceil((1 - self._allowance) / limit.per_second))
        self._allowance -= 1
        return None

    def get(self, kind: type[F], now: float) -> F | None:
        """Return the fault of that kind if it holds now."""
        for held in self._held.values():
            if isinstance(held.fault, kind) and now < held.ends_at:
                return held.fault
        return None

    def is_down(self, now: float) -> bool:
        """Say whether a flapping server is in its down phase."""
        flap = self.get(Flap, now)
        if flap is None:
            return False
        return (now - self._held[Flap].since) % (flap.up_seconds + flap.down_seconds) >= flap.up_seconds

    def next_change_at(self, now: float) -> float | None:
        """Return when a fault ends or flaps next of itself; None when nothing will."""
        changes = [held.ends_at for held in self._held.values() if now < held.ends_at < math.inf]
        flap = self.get(Flap, now)
        if flap is not None:
            period = flap.up_seconds + flap.down_seconds
            phase = (now - self._held[Flap].since) % period
            changes.append(now + (flap.up_seconds if phase < flap.up_seconds else period) - phase)
        return min(changes, default=None)

    def describe(self, now: float) -> dict[str, dict[str, object]]:
        """Return the faults that hold, as `read_faults` reads them, with the seconds that are left."""
        return {
            NAMES[kind]: {
                each.name: held.ends_at - now if each.name == "seconds" else getattr(held.fault, each.name)
                for each in fields(held.fault)
                if getattr(held.fault, each.name) is not None
            }
            for kind, held in self._held.items()
            if now < held.ends_at
        }
