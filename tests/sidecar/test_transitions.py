"""How often a backend has come to a level of load, as the store counts it."""

from hypothesis import given

from sidecar.engines.engine import Reading
from sidecar.facts import BackendAdded, BackendRemoved, BackendSpec, Fact, LoadRead, ProbeOutcome
from sidecar.levels import Level
from sidecar.load import LoadRules
from sidecar.progress import Pulse
from sidecar.store import HOLD_SECONDS, Store
from tests.sidecar.storing import MINI, after, probed
from tests.strategies import histories

ELSEWHERE = BackendSpec("mini", "http://elsewhere")


def known(*facts: Fact) -> Store:
    """A store that knows the backend."""
    return after(BackendAdded(0.0, MINI), *facts)


def read(at: float, waiting: int) -> Fact:
    """So many wait there."""
    return LoadRead(at, "mini", Reading(running=0, waiting=waiting))


def looked_at(store: Store, now: float) -> None:
    for _ in store.look(lambda: now):
        pass


def transitions(store: Store) -> dict[Level, int]:
    return dict(store.snapshot(0.0).transitions("mini"))


def test_to_be_found_somewhere_for_the_first_time_is_no_transition() -> None:
    assert transitions(known(probed(1.0))) == {}


def test_each_change_is_counted_once_under_the_level_that_it_leads_to() -> None:
    store = known(probed(1.0), read(2.0, 0), read(3.0, 16), read(4.0, 16), read(5.0, 0), read(6.0, 16))
    assert transitions(store) == {Level.VERY_BUSY: 2, Level.FREE: 1}


def test_a_backend_that_goes_down_comes_to_a_level_too() -> None:
    assert transitions(known(probed(1.0), probed(2.0, ProbeOutcome.REFUSED))) == {Level.UNAVAILABLE: 1}


def test_a_peak_that_is_shorter_than_levels_are_looked_at_is_not_seen() -> None:
    store = known(probed(1.0), read(1.0 + HOLD_SECONDS / 3, 16), read(1.0 + HOLD_SECONDS / 2, 0), read(2.0, 0))
    assert transitions(store) == {}


def test_what_time_alone_has_changed_is_counted_when_somebody_looks() -> None:
    store = known(probed(1.0), read(2.0, 16))
    late = 3.0 + LoadRules().reading_max_age_seconds
    looked_at(store, late)
    looked_at(store, late)
    assert transitions(store) == {Level.VERY_BUSY: 1, Level.FREE: 1}


def test_another_server_under_the_name_goes_on_counting_from_where_it_is_found_first() -> None:
    store = known(probed(1.0), read(2.0, 16), BackendAdded(3.0, ELSEWHERE), probed(4.0))
    assert transitions(store) == {Level.VERY_BUSY: 1}


def test_a_backend_may_go_while_somebody_looks_at_one_after_another() -> None:
    store = known(BackendAdded(0.0, BackendSpec("other", "http://other")))
    looking = store.look(lambda: 1.0)
    next(looking)
    store.apply(BackendRemoved(1.0, "other"))
    assert list(looking) == [None]


def test_of_a_backend_that_is_gone_nothing_is_counted() -> None:
    assert transitions(known(probed(1.0), read(2.0, 16), BackendRemoved(3.0, "mini"))) == {}


def test_a_copy_of_a_pulse_keeps_what_was_counted_then() -> None:
    pulse = Pulse()
    pulse.stands_at(Level.FREE)
    pulse.stands_at(Level.BUSY)
    still = pulse.still()
    pulse.stands_at(Level.FREE)
    assert (still.transitions, pulse.transitions) == ({Level.BUSY: 1}, {Level.BUSY: 1, Level.FREE: 1})


def test_while_nothing_is_known_the_last_level_still_counts() -> None:
    pulse = Pulse()
    for level in (Level.FREE, None, Level.FREE, None, Level.BUSY):
        pulse.stands_at(level)
    assert pulse.transitions == {Level.BUSY: 1}


@given(histories())
def test_transitions_never_fall_while_a_backend_is_known(history: list[Fact]) -> None:
    store, before = Store(), dict[str, dict[Level, int]]()
    for fact in history:
        store.apply(fact)
        snapshot = store.snapshot(fact.at)
        now = {name: dict(snapshot.transitions(name)) for name in snapshot.backends}
        for name, counts in before.items():
            assert name not in now or all(now[name].get(level, 0) >= count for level, count in counts.items())
        before = now
