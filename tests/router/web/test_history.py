"""The last hour of every backend."""

from hypothesis import given
from hypothesis import strategies as st

from router.web.history import POINT_SECONDS, POINTS, History, Look


def levels(history: History, name: str) -> list[int | None]:
    """The levels of a backend's points."""
    found: list[int | None] = history.as_json()[name]["level"]
    return found


def test_a_point_holds_the_worst_of_its_minute() -> None:
    history = History()
    for second, level, in_flight in ((0, 0, 1), (10, 2, 5), (20, 1, 0)):
        history.look(second, [Look("a", level, in_flight, 100.0 + second)])
    assert history.as_json() == {"a": {"level": [2], "in_flight": [5], "ttft_ms": [120.0]}}


def test_what_is_unknown_is_null_and_a_known_value_of_the_minute_stays() -> None:
    history = History()
    history.look(0, [Look("a", None, 0, None)])
    assert history.as_json() == {"a": {"level": [None], "in_flight": [0], "ttft_ms": [None]}}
    history.look(1, [Look("a", 1, 0, 5.0)])
    history.look(2, [Look("a", None, 0, None)])
    assert history.as_json() == {"a": {"level": [1], "in_flight": [0], "ttft_ms": [5.0]}}


def test_minutes_in_which_nobody_looked_are_empty() -> None:
    history = History()
    history.look(59.9, [Look("a", 0, 0, None)])
    history.look(180.0, [Look("a", 3, 0, None)])
    assert levels(history, "a") == [0, None, None, 3]


def test_a_backend_that_is_gone_takes_its_line_along_and_a_new_one_begins() -> None:
    history = History()
    history.look(0, [Look("a", 0, 0, None)])
    history.look(60, [Look("b", 1, 0, None)])
    history.look(120, [Look("a", 2, 0, None), Look("b", 2, 0, None)])
    assert (levels(history, "a"), levels(history, "b")) == ([2], [1, 2])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.integers(1, 5))
def test_it_is_bounded_and_the_newest_point_is_of_now(steps: list[float], backends: int) -> None:
    history, now = History(), 0.0
    for number, step in enumerate(steps):
        now += step
        history.look(now, [Look(str(name), number % 5, number, None) for name in range(backends)])
    assert history.looks == len(steps)
    for line in history.as_json().values():
        assert all(len(points) == min(POINTS, len(line["level"])) for points in line.values())
        assert line["in_flight"][-1] == len(steps) - 1
        assert len(line["level"]) <= min(POINTS, now // POINT_SECONDS + 1)
