import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.terminal.fleet import HISTORY_SECONDS, Memory, bars
from tests.router.terminal.fleets import backend, first_token, fleet_of, sighting


@pytest.mark.parametrize(
    ("keys", "state"),
    [
        ({}, "up"),
        ({"verdict": "down"}, "down"),
        ({"verdict": "down", "draining": True}, "down"),
        ({"verdict": "unknown"}, "unknown"),
        ({"verdict": "unknown", "loading": True}, "loading"),
        ({"suspended": True}, "suspended"),
        ({"draining": True, "circuit": "open"}, "draining"),
        ({"circuit": "open"}, "open"),
        ({"circuit": "half_open"}, "half_open"),
        ({"resting_seconds": 2.5}, "resting"),
        ({"sleeping": True}, "sleeping"),
    ],
)
def test_of_all_that_is_the_matter_the_gravest_is_told(keys: dict[str, object], state: str) -> None:
    [row] = fleet_of(backend("mini", **keys)).rows
    assert row.state == state


def test_rates_are_counted_over_the_last_seconds_and_begin_with_the_second_look() -> None:
    memory = Memory()
    first = memory.see(sighting(10.0, backend("mini", tokens=100), total=5, errors=1.0))
    assert (first.requests_per_second, first.errors_per_second, first.tokens_per_second) == (None, None, None)
    memory.see(sighting(12.0, backend("mini", tokens=300), total=9, errors=1.0))
    later = memory.see(sighting(20.0, backend("mini", tokens=400), total=25, errors=2.0))
    assert later.tokens_per_second == 100 / 8
    assert (later.requests_per_second, later.errors_per_second) == (2.0, 0.125)


def test_a_server_that_was_restarted_has_no_negative_rates() -> None:
    memory = Memory()
    memory.see(sighting(10.0, backend("mini", tokens=100), total=500))
    again = memory.see(sighting(12.0, backend("mini", tokens=5), total=1))
    assert (again.requests_per_second, again.tokens_per_second) == (None, None)


def test_where_metrics_tell_nothing_failures_of_backends_are_the_errors() -> None:
    memory = Memory()
    memory.see(sighting(10.0, backend("mini", finished={"ok": 1, "timeout": 1})))
    later = memory.see(
        sighting(12.0, backend("mini", finished={"ok": 9, "timeout": 2, "client_gone": 7, "refused": 1}))
    )
    assert later.errors_per_second == 1.0


def test_a_router_counts_its_own_requests_and_beside_them_those_of_others() -> None:
    told = backend("mini", in_flight=2, active_jobs=7, outside={"running": 4, "waiting": 1})
    [row] = fleet_of(told).rows
    assert (row.busy, row.others) == (2, 5)


@pytest.mark.parametrize(("active_jobs", "busy"), [(7, 7), (None, 2)])
def test_a_sidecar_counts_everybody_s_as_far_as_its_server_tells(active_jobs: int | None, busy: int) -> None:
    [row] = fleet_of(backend("mini", in_flight=2, active_jobs=active_jobs), is_router=False).rows
    assert (row.busy, row.others) == (busy, 0)


def test_a_history_is_of_those_minutes_only_and_goes_with_its_backend() -> None:
    memory = Memory()
    for at in range(0, 400, 10):
        fleet = memory.see(sighting(float(at), backend("mini", in_flight=at, first_token=first_token(at, None))))
    [row] = fleet.rows
    assert [sample.at for sample in row.samples] == [float(at) for at in range(390 - int(HISTORY_SECONDS), 400, 10)]
    memory.see(sighting(400.0))
    [row] = memory.see(sighting(401.0, backend("mini"))).rows
    assert len(row.samples) == 1


def test_a_first_token_of_long_ago_is_no_part_of_the_history() -> None:
    [row] = fleet_of(backend("mini", first_token=first_token(400.0, 380.0, seconds_ago=16.0))).rows
    assert (row.first_token_ms, [sample.first_token_ms for sample in row.samples]) == (400.0, [None])


def test_a_server_of_another_version_may_say_less() -> None:
    [row] = fleet_of({"name": "mini"}).rows
    assert (row.state, row.level, row.busy, row.failure) == ("up", None, None, None)


moments = st.floats(0, 1000)


@given(st.lists(st.tuples(moments, st.floats(0, 100))), st.integers(1, 60))
def test_every_part_shows_the_highest_of_its_time(samples: list[tuple[float, float]], many: int) -> None:
    found = bars(samples, 1000.0, many)
    assert len(found) == many
    shown = [value for value in found if value is not None]
    within = [value for at, value in samples if at > 1000.0 - HISTORY_SECONDS + HISTORY_SECONDS / many + 1]
    assert set(shown) <= {value for _, value in samples}
    assert max(within, default=0.0) <= max(shown, default=0.0)


@given(st.lists(st.tuples(moments, st.floats(0, 100))), st.integers(2, 60), st.integers(0, 20))
def test_what_was_drawn_moves_on_and_does_not_change(samples: list[tuple[float, float]], many: int, parts: int) -> None:
    part = -(-int(HISTORY_SECONDS) // many)
    before = bars(samples, 1000.0, many)
    after = bars(samples, 1000.0 + part * parts, many)
    assert before[parts:] == after[: max(0, many - parts)]
