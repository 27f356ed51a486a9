import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.facts import BackendAdded, BackendSpec, FirstTokenCame, Outcome, RequestFinished, RequestStarted
from sidecar.first_tokens import NO_FIRST_TOKENS
from sidecar.state import Failure
from sidecar.store import Store

seconds = st.floats(0, 100)


def store_with_a_stream(predicted_seconds: float | None) -> Store:
    """A store with one streamed request in flight since 10 s."""
    store = Store()
    store.apply(BackendAdded(0.0, BackendSpec("mini", "")))
    store.apply(RequestStarted(10.0, "mini", "1", "m", "reasoner", 100, True, predicted_seconds))
    return store


def test_before_there_was_one_nothing_is_known() -> None:
    assert (NO_FIRST_TOKENS.measured_seconds, NO_FIRST_TOKENS.predicted_seconds, NO_FIRST_TOKENS.at) == (
        None,
        None,
        None,
    )


def test_the_first_counts_whole_and_later_ones_a_fifth() -> None:
    seen = NO_FIRST_TOKENS.after(1.0, 1.0, 0.5).after(2.0, 2.0, 1.5)
    assert (seen.measured_seconds, seen.predicted_seconds, seen.at) == (1.2, 0.7, 2.0)


@given(st.lists(st.tuples(seconds, st.none() | seconds), min_size=1))
def test_an_average_lies_between_the_least_and_the_most(seen: list[tuple[float, float | None]]) -> None:
    found = NO_FIRST_TOKENS
    for measured, predicted in seen:
        found = found.after(1.0, measured, predicted)
    measured = [one for one, _ in seen]
    promised = [one for _, one in seen if one is not None]
    assert found.measured_seconds is not None
    assert min(measured) - 1e-9 <= found.measured_seconds <= max(measured) + 1e-9
    assert (found.predicted_seconds is None) == (not promised)
    if found.predicted_seconds is not None:
        assert min(promised) - 1e-9 <= found.predicted_seconds <= max(promised) + 1e-9


def test_the_store_holds_what_came_against_what_was_reckoned_with() -> None:
    store = store_with_a_stream(predicted_seconds=0.4)
    store.apply(FirstTokenCame(10.5, "mini", "1"))
    found = store.snapshot(11.0).backends["mini"].first_tokens
    assert (found.measured_seconds, found.predicted_seconds, found.at) == (0.5, 0.4, 10.5)


def test_every_token_of_a_backend_is_counted_also_after_its_request_ended() -> None:
    store = store_with_a_stream(None)
    place = store.progress("mini", "1")
    assert place is not None
    place.token(10.5, 3)
    place.token(10.6, 2)
    store.apply(RequestFinished(10.7, "mini", "1", Outcome.OK, 5))
    assert store.snapshot(11.0).tokens_from("mini") == 5
    assert store.snapshot(11.0).tokens_from("nobody") == 0


@pytest.mark.parametrize(
    ("outcome", "failed"),
    [
        (Outcome.OK, False),
        (Outcome.TIMEOUT, True),
        (Outcome.REFUSED, True),
        (Outcome.REJECTED, True),
        (Outcome.CALLER_ERROR, False),
        (Outcome.CLIENT_GONE, False),
    ],
)
def test_a_failure_is_remembered_and_what_says_nothing_of_the_backend_is_not(outcome: Outcome, failed: bool) -> None:
    store = store_with_a_stream(None)
    store.apply(RequestFinished(12.0, "mini", "1", outcome))
    assert store.snapshot(13.0).backends["mini"].last_failure == (Failure(12.0, outcome) if failed else None)
