"""What cannot be read of a load ahead of need, and one that comes out differently. That it is decided again from its
line is tested where it is decided: tests/router/balance/test_prewarm.py."""

import orjson
import pytest

from router.balance.pools import Candidate
from router.balance.prewarm import Demanded, Seen, Warming
from router.flight.replaying import Remade
from router.flight.warmings import FORM, warming_body
from sidecar import Note, TraceInvalid

MINI = Candidate("mini", "gemma4")
WARMING = Warming(Demanded(3, 20.0), [Seen(MINI, None, cold=True, awake=True, idle=True, vacant=True)], MINI)
BODY = orjson.loads(orjson.dumps(warming_body("reasoner", WARMING)))


def test_it_is_decided_again_and_told() -> None:
    remade = Remade()
    assert remade.take(Note(1.0, "warming", BODY)) is None
    assert remade.sentence() == "1 load ahead of need made again, 0 came out differently."


def test_what_nobody_would_have_been_asked_for_is_a_difference() -> None:
    remade = Remade()
    found = remade.take(Note(1.0, "warming", BODY | {"demanded": [2, 20.0]}))
    assert found == {
        "t": 1.0,
        "role": "reasoner",
        "recorded": {"backend": "mini", "model": "gemma4", "cost": None},
        "replayed": None,
    }
    assert remade.sentence() == "1 load ahead of need made again, 1 came out differently."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"form": 0}, "form: found 0; this version of Maek replays loads of form 1"),
        ({"pool": [["mini"]]}, "a load that cannot be read: ValueError: "),
        ({"demanded": None}, "a load that cannot be read: TypeError: "),
    ],
)
def test_a_line_that_is_none_is_refused_with_what_is_wrong(change: dict[str, object], message: str) -> None:
    with pytest.raises(TraceInvalid) as refused:
        Remade().take(Note(1.0, "warming", BODY | change))
    assert str(refused.value).startswith(message)


def test_a_change_of_what_is_written_is_a_change_of_the_form() -> None:
    """Whoever sees this fail counts `FORM` up: a recording of before would be misread."""
    assert (FORM, Seen._fields, Demanded._fields) == (
        1,
        ("candidate", "asked_seconds", "cold", "awake", "idle", "vacant"),
        ("requests", "within_seconds"),
    )
