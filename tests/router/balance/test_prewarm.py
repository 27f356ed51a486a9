"""Whose model is loaded ahead: roles in use, backends that are idle and empty, and nobody twice in a row."""

from dataclasses import replace
from typing import Any

import pytest

from router.balance.pools import Candidate
from router.balance.prewarm import PATIENCE_SECONDS, WITHIN_SECONDS, Warmth
from router.flight.warmings import warming_body, warming_of
from sidecar import BackendSpec, BackendState, Model, Note, Snapshot, Verdict
from sidecar.health import Health
from sidecar.memory import Memory
from sidecar.recording import read, write
from sidecar.state import Outside
from sidecar.work import Work

NOW = 1000.0
POOL = (Candidate("mini", "gemma4"), Candidate("nas", "gemma4"))
AWAY, HERE = Model("gemma4", loaded=False), Model("gemma4", loaded=True)
OTHER = Model("qwen3", loaded=True)
COLD = BackendState(BackendSpec("mini", ""), models=(AWAY,), health=Health(Verdict.UP))


WARM = replace(COLD, models=(HERE,))


def seen(mini: BackendState = COLD, nas: BackendState = WARM, now: float = NOW) -> Snapshot:
    return Snapshot(now, {"mini": mini, "nas": nas}, 0, 1)


def warmth(*moments: float) -> Warmth:
    asked = Warmth()
    for at in moments or (NOW,) * 3:
        asked.note("reasoner", at)
    return asked


def chosen(known: Warmth, snapshot: Snapshot) -> Candidate | None:
    """Whom to ask, of `POOL`; decided twice, the second time from what was recorded of the first."""
    warming = known.next(POOL, "reasoner", snapshot)
    if warming is None:
        return None
    note = read(write(Note(snapshot.now, "warming", warming_body("reasoner", warming))))
    assert isinstance(note, Note)
    again = warming_of(note.at, note.body)
    assert (again.role, again.warming, again.again()) == ("reasoner", warming, warming.chosen)
    return warming.chosen


@pytest.mark.parametrize(
    ("moments", "asked"),
    [
        ((NOW, NOW), False),
        ((NOW - WITHIN_SECONDS, NOW, NOW), True),
        ((NOW - WITHIN_SECONDS - 0.1, NOW, NOW), False),
        ((NOW - 500, NOW - 20, NOW - 10, NOW), True),
    ],
)
def test_three_requests_within_a_minute_show_that_a_role_is_in_use(moments: tuple[float, ...], asked: bool) -> None:
    known = warmth(*moments)
    assert known.in_use("reasoner", NOW) is asked
    assert (chosen(known, seen()) is not None) is asked
    assert not known.in_use("classifier", NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"models": (HERE,)},
        {"models": (AWAY, OTHER)},
        {"models": (Model("gemma4"),)},
        {"models": None},
        {"work": Work(started=1, in_flight=1)},
        {"outside": Outside(NOW, 1, 0)},
        {"draining": True},
        {"health": Health(Verdict.DOWN)},
        {"health": Health(Verdict.UP, loading=True)},
        {"health": Health(Verdict.UP, sleeping=True)},
        {"health": Health(Verdict.UP, suspended=True)},
        {"memory": Memory(loading_since={"qwen3": NOW - 1})},
    ],
)
def test_never_one_that_has_another_model_anything_to_do_or_says_nothing(changes: dict[str, Any]) -> None:
    assert chosen(warmth(), seen(replace(COLD, **changes))) is None


def test_another_model_whose_stay_is_over_is_not_in_the_way() -> None:
    left = replace(COLD, models=(AWAY, OTHER), memory=Memory(leaves_at={"qwen3": NOW - 1}))
    assert chosen(warmth(), seen(left)) == POOL[0]


def test_one_after_the_other_and_nobody_twice_until_it_has_had_its_time() -> None:
    known, both = warmth(), seen(COLD, COLD)
    assert [chosen(known, both) for _ in range(3)] == [POOL[0], POOL[1], None]
    for at in (NOW + PATIENCE_SECONDS + 1,) * 3:
        known.note("reasoner", at)
    assert chosen(known, replace(both, now=NOW + PATIENCE_SECONDS)) is None
    assert chosen(known, replace(both, now=NOW + PATIENCE_SECONDS + 1)) == POOL[0]


def test_whoever_got_ready_and_forgot_again_is_asked_again() -> None:
    known = warmth()
    assert chosen(known, seen()) == POOL[0]
    assert chosen(known, seen(WARM)) is None
    assert chosen(known, seen()) == POOL[0]
