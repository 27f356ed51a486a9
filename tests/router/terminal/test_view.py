import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.language import Language
from router.terminal.fleet import Fleet
from router.terminal.view import History, Key, Sort, View, ordered, place_of, pressed, shown
from tests.router.terminal.fleets import backend, first_token, fleet_of

EN = View(Language.EN)
ROOM = 5
keys = st.lists(st.sampled_from(Key), max_size=30)


def fleet(many: int) -> Fleet:
    """Backends `b0`, `b1` …"""
    return fleet_of(*(backend(f"b{number}", in_flight=number * 7 % 5) for number in range(many)))


def after(view: View, *pressed_keys: Key, many: int = 20) -> View:
    for key in pressed_keys:
        view = pressed(view, key, fleet(many), ROOM)
    return view


def test_arrows_move_the_selection_and_the_list_follows() -> None:
    view = after(EN, Key.DOWN)
    assert (view.selected, view.offset) == ("b1", 0)
    view = after(view, *[Key.DOWN] * 5)
    assert (view.selected, view.offset) == ("b6", 2)
    view = after(view, Key.UP)
    assert (view.selected, view.offset) == ("b5", 2)


@pytest.mark.parametrize(
    ("key", "selected", "offset"),
    [(Key.LAST, "b19", 15), (Key.PAGE_DOWN, "b4", 0), (Key.PAGE_UP, "b0", 0), (Key.FIRST, "b0", 0), (Key.UP, "b0", 0)],
)
def test_one_can_go_further_at_once_and_never_beyond_the_ends(key: Key, selected: str, offset: int) -> None:
    view = after(EN, key)
    assert (view.selected, view.offset) == (selected, offset)


def test_the_selection_stays_on_its_backend_when_the_order_changes() -> None:
    view = after(EN, *[Key.DOWN] * 3, Key.SORT, Key.SORT)
    assert (view.sort, view.selected) == (Sort.BUSY, "b3")
    rows = ordered(fleet(20).rows, view.sort)
    assert view.offset <= place_of(rows, "b3") < view.offset + ROOM


def test_keys_switch_and_come_round_again() -> None:
    assert after(EN, Key.PAUSE).paused
    assert not after(EN, Key.PAUSE, Key.PAUSE).paused
    assert after(EN, Key.HISTORY).history is History.TTFT
    assert after(EN, Key.LANGUAGE).language is Language.KO
    assert after(EN, *[Key.SORT] * len(Sort)).sort is Sort.NAME


@given(keys, st.integers(0, 30), st.integers(0, 30), st.integers(1, 40))
def test_what_is_selected_can_be_seen_and_no_room_is_wasted(typed: list[Key], many: int, now: int, room: int) -> None:
    view = EN
    for key in typed:
        view = pressed(view, key, fleet(many), room)
    view = shown(view, fleet(now), room)  # meanwhile backends came or went
    rows = ordered(fleet(now).rows, view.sort)
    if rows:
        assert view.offset <= place_of(rows, view.selected) < view.offset + room
    assert 0 <= view.offset <= max(0, len(rows) - room)


def test_orders_put_first_what_one_looks_for() -> None:
    rows = fleet_of(
        backend("idle"),
        backend("busy", level="busy", in_flight=3),
        backend("down", verdict="down"),
        backend("slow", level="very_busy", in_flight=1, first_token=first_token(900.0, 1.0)),
        backend("new", level=None),
    ).rows

    def names(sort: Sort) -> list[str]:
        return [row.name for row in ordered(rows, sort)]

    assert names(Sort.NAME) == ["idle", "busy", "down", "slow", "new"]
    assert names(Sort.LEVEL) == ["down", "slow", "busy", "idle", "new"]
    assert names(Sort.BUSY) == ["busy", "slow", "idle", "down", "new"]
    assert names(Sort.TTFT)[0] == "slow"
    assert names(Sort.TOKENS) == names(Sort.NAME)


def test_a_fleet_without_backends_can_be_looked_at() -> None:
    assert after(EN, *Key, many=0).selected is None
