"""Rules for the state of the operator's own machines.

Rules of this file
- Pure. A table; a row decides only where every word of the message is among its own, so that "GPU 뭐가 좋아?" stays a
  question.
"""

from dataclasses import dataclass

from router.decide.decision import Decision
from router.decide.lexicon import Kind
from router.decide.request import Request


@dataclass(frozen=True, slots=True)
class _Row:
    operation: str
    needs: tuple[frozenset[Kind], ...]
    """One word of each set."""
    knows: frozenset[Kind]
    """Words that may stand beside them."""
    about: Kind | None = None
    """Which configured name is its parameter."""
    default_host: bool = False
    """Whether the operator's first host is meant where none is named."""


def _one_of(*kinds: Kind) -> frozenset[Kind]:
    return frozenset(kinds)


_ASKING = _one_of(Kind.SHOW, Kind.STATE, Kind.ALIVE, Kind.WHICH)
_PLACE = _one_of(Kind.HOST_NAME, Kind.SERVER)

_TABLE = (
    _Row(
        "disk",
        (_one_of(Kind.DISK), _one_of(Kind.SPACE, Kind.STATE, Kind.SHOW)),
        _PLACE | _ASKING | _one_of(Kind.SPACE),
        about=Kind.HOST_NAME,
    ),
    _Row("network", (_one_of(Kind.NETWORK), _ASKING), _ASKING),
    _Row(
        "models",
        (_one_of(Kind.MODEL), _one_of(Kind.SHOW, Kind.WHICH)),
        _PLACE | _one_of(Kind.SHOW, Kind.WHICH, Kind.ALIVE),
        about=Kind.HOST_NAME,
        default_host=True,
    ),
    _Row(
        "health",
        (_one_of(Kind.SERVICE, Kind.SERVICE_NAME), _one_of(Kind.ALIVE, Kind.STATE)),
        _ASKING | _one_of(Kind.SERVICE, Kind.SERVICE_NAME, Kind.SERVER),
        about=Kind.SERVICE_NAME,
    ),
    _Row("status", (_one_of(Kind.HOST_NAME), _one_of(Kind.STATE, Kind.ALIVE)), _PLACE | _ASKING, about=Kind.HOST_NAME),
    _Row("status", (_one_of(Kind.SERVER), _one_of(Kind.STATE)), _ASKING, default_host=True),
    _Row("health", (_one_of(Kind.SERVER), _one_of(Kind.ALIVE)), _ASKING),
)


def infra_state(request: Request) -> Decision | None:
    """The operation of `infra` whose row knows every word; none where the message names other days, or a time."""
    when = request.when
    if when.begins is not None or (when.day is not None and when.day != request.facts.now.date()):
        return None
    for row in _TABLE:
        if all(request.kinds & needed for needed in row.needs) and request.only(
            *row.knows, *frozenset().union(*row.needs)
        ):
            return request.use(f"infra_{row.operation}", "infra", row.operation, _params(request, row))
    return None


def _params(request: Request, row: _Row) -> dict[str, str]:
    name = request.named(row.about) if row.about is not None else None
    if name is None and row.default_host:
        name = next(iter(request.rules.hosts), None)
    if name is None:
        return {}
    return {"service" if row.about is Kind.SERVICE_NAME else "host": name}
