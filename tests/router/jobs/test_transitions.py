"""What becomes of a job: every state with every change, and how one goes on that was broken off."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import BackendFailed, BadRequest, Internal, NoBackend, QueueFull, Shed
from router.jobs.job import ENDED, Change, Delivery, State, Trouble, Webhook
from router.jobs.transitions import (
    RISE_SECONDS,
    TABLE,
    Circumstances,
    Counter,
    Patience,
    Resumption,
    applied,
    change_after,
    moved,
    order_of,
    pause_seconds,
    resumption,
    too_late,
    too_often_interrupted,
    unknown_write,
)
from tests.router.jobs.given import ASKED, FAILED, HOOKED, NOW, OPEN, PATIENCE, QUEUED, RUNNING, WRITTEN

AT = Circumstances(NOW + 60)


@pytest.mark.parametrize(("state", "change"), list(product(State, Change)))
def test_what_the_table_does_not_have_changes_nothing(state: State, change: Change) -> None:
    after = applied(replace(QUEUED, state=state), change, AT)
    assert (None if after is None else after.state) is moved(state, change) is TABLE.get((state, change))


def test_a_job_that_has_ended_moves_by_hand_alone() -> None:
    assert [key for key in TABLE if key[0] in ENDED] == [(State.DEAD, Change.RETRIED)]


@given(st.lists(st.sampled_from(Change), max_size=30))
def test_a_job_ends_once_until_somebody_tries_it_again(changes: list[Change]) -> None:
    job = QUEUED
    for change in changes:
        after = applied(job, change, AT)
        if after is None:
            continue
        if change is not Change.RETRIED:
            assert job.state not in ENDED
        assert (after.ended_at is not None) is (after.state in ENDED)
        job = after


def test_a_start_counts_as_an_attempt_and_keeps_what_went_wrong_before() -> None:
    failed = replace(QUEUED, trouble=Trouble("no_backend", "down"))
    begun = applied(failed, Change.STARTED, AT)
    assert begun is not None
    assert (begun.attempts, begun.started_at, begun.trouble) == (1, NOW + 60, failed.trouble)


def test_a_result_is_kept_and_the_webhook_is_due_at_once() -> None:
    done = applied(HOOKED, Change.FINISHED, Circumstances(NOW + 60, result={"text": "네"}))
    assert done is not None
    assert (done.result, done.ended_at, done.trouble) == ({"text": "네"}, NOW + 60, None)
    assert done.webhook == Webhook("https://a/b", Delivery.PENDING, next_at=NOW + 60)


def test_what_is_tried_again_by_hand_has_as_much_time_as_it_had_at_first() -> None:
    dead = replace(
        HOOKED, state=State.DEAD, failures=3, refusals=2, interruptions=1, ended_at=NOW + 700,
        webhook=Webhook("https://a/b", Delivery.GIVEN_UP, 8, trouble="HTTP 500"),
    )  # fmt: skip
    again = applied(dead, Change.RETRIED, Circumstances(NOW + 1000))
    assert again is not None
    assert again.asked.deadline_at == NOW + 1600
    assert (again.failures, again.refusals, again.interruptions, again.ended_at) == (0, 0, 0, None)
    assert again.webhook == Webhook("https://a/b")
    assert replace(again, webhook=None) == applied(
        replace(dead, webhook=None), Change.RETRIED, Circumstances(NOW + 1000)
    )


@pytest.mark.parametrize(
    ("counter", "counts"),
    [(Counter.FAILURE, (1, 0, 0)), (Counter.REFUSAL, (0, 1, 0)), (Counter.INTERRUPTION, (0, 0, 1)), (None, (0, 0, 0))],
)
def test_what_happened_is_counted_apart(counter: Counter | None, counts: tuple[int, int, int]) -> None:
    after = applied(RUNNING, Change.FAILED_FOR_NOW, Circumstances(NOW, run_at=NOW + 5, counts_as=counter))
    assert after is not None
    assert (after.failures, after.refusals, after.interruptions) == counts
    assert after.run_at == NOW + 5


def test_faults_of_backends_are_tried_again_so_often_and_no_more() -> None:
    error = BackendFailed("no")
    assert change_after(error, RUNNING, PATIENCE) is Change.FAILED_FOR_NOW
    assert change_after(error, replace(RUNNING, failures=1), PATIENCE) is Change.FAILED_FOR_NOW
    assert change_after(error, replace(RUNNING, failures=2), PATIENCE) is Change.FAILED_FOR_GOOD
    assert change_after(NoBackend("no"), RUNNING, Patience(1, 1, 1)) is Change.FAILED_FOR_GOOD


@pytest.mark.parametrize("error", [QueueFull("full"), Shed("full")])
def test_want_of_room_is_waited_out_however_often(error: QueueFull) -> None:
    assert change_after(error, replace(RUNNING, failures=9, refusals=99), PATIENCE) is Change.FAILED_FOR_NOW


@pytest.mark.parametrize("error", [BadRequest("no"), Internal("no")])
def test_what_is_wrong_with_the_job_itself_is_not_tried_again(error: BadRequest) -> None:
    assert change_after(error, RUNNING, PATIENCE) is Change.FAILED_FOR_GOOD


@given(st.integers(1, 10_000), st.floats(0, 1), st.none() | st.floats(0, 1000))
def test_a_pause_lies_within_its_bounds(times: int, random: float, wanted: float | None) -> None:
    pause = pause_seconds(times, PATIENCE, random, wanted)
    assert pause >= (wanted or 0.0)
    assert PATIENCE.first_seconds * 0.5 <= pause <= max(PATIENCE.most_seconds * 1.5, wanted or 0.0)


def test_pauses_double_up_to_the_longest() -> None:
    assert [pause_seconds(times, PATIENCE, 0.5) for times in range(1, 8)] == [2, 4, 8, 16, 32, 60, 60]


def test_better_priorities_go_first_but_nobody_waits_for_ever() -> None:
    assert order_of(NOW, "interactive") < order_of(NOW, "normal") < order_of(NOW, "batch")
    assert order_of(NOW, "normal") < order_of(NOW + RISE_SECONDS + 1, "interactive")


@pytest.mark.parametrize(
    ("steps", "how"),
    [
        ((), Resumption.RUN),
        ((FAILED,), Resumption.RUN),
        ((WRITTEN,), Resumption.TELL),
        ((FAILED, WRITTEN), Resumption.TELL),
        ((OPEN,), Resumption.UNKNOWN),
        ((replace(OPEN, repeatable=True),), Resumption.RUN),
        ((WRITTEN, OPEN), Resumption.UNKNOWN),
        ((WRITTEN, replace(OPEN, repeatable=True)), Resumption.UNKNOWN),
    ],
)
def test_nothing_that_may_be_written_is_written_again(steps: tuple[object, ...], how: Resumption) -> None:
    assert resumption(steps) is how  # type: ignore[arg-type]


def test_every_reason_to_give_up_says_what_to_do_or_why() -> None:
    assert "mcp.add" in unknown_write(OPEN).message
    assert {unknown_write(OPEN).code, too_late().code, too_often_interrupted().code} == {
        "write_unknown",
        "deadline_passed",
        "interrupted",
    }


def test_a_job_counts_in_the_pool_of_its_role() -> None:
    assert QUEUED.pool == "reasoner"
    assert replace(QUEUED, asked=replace(ASKED, role="fast")).pool == "fast"
