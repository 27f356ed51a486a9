"""A job as its owner sees it, and as a row."""

from dataclasses import replace

import orjson
import pytest

from router.jobs.job import Delivery, Event, Job, State, Step, Trouble, Webhook
from router.jobs.schema import UPGRADES, columns_of, event_of, job_event, job_of, step_of, upgrades_from
from router.jobs.view import LONGEST_GLIMPSE, job_json, job_summary
from tests.router.jobs.given import ASKED, FAILED, HOOKED, NOW, OPEN, QUEUED, RUNNING, WRITTEN

DONE = replace(RUNNING, state=State.DONE, ended_at=NOW + 9, result={"text": "네"})
DEAD = replace(RUNNING, state=State.DEAD, ended_at=NOW + 9, trouble=Trouble("no_backend", "down"))


@pytest.mark.parametrize(
    "job",
    [
        QUEUED,
        DONE,
        DEAD,
        HOOKED,
        replace(HOOKED, webhook=Webhook("https://a/b", Delivery.PENDING, 2, NOW + 3, "HTTP 500")),
        replace(QUEUED, asked=replace(ASKED, role="fast", key="k", draft="d", resume=True)),
    ],
)
def test_a_row_keeps_everything(job: Job) -> None:
    assert job_of(columns_of(job)) == job


def test_events_and_steps_come_out_of_their_rows() -> None:
    assert event_of({"number": 3, "name": "token", "data": b'{"text":"a"}'}) == Event(3, "token", {"text": "a"})
    row = {"tool": "mcp", "operation": "add", "repeatable": 0, "entered_at": NOW, "left_at": None, "text": None}
    assert step_of({**row, "data": None}) == OPEN
    assert step_of({**row, "left_at": NOW + 1, "text": "ok", "data": b"{}"}) == Step(
        "mcp", "add", False, NOW, NOW + 1, "ok", {}
    )


def test_an_upgrade_begins_after_the_version_that_is_there() -> None:
    assert upgrades_from(0) == UPGRADES
    assert upgrades_from(2) == ()
    assert upgrades_from(1) == ("ALTER TABLE jobs ADD COLUMN trace TEXT", "PRAGMA user_version = 2")


def test_listeners_are_told_of_every_change() -> None:
    name, data = job_event(DEAD)
    assert name == "job"
    assert orjson.loads(data) == {
        "job": "j1", "state": "dead", "attempt": 1, "error": {"code": "no_backend", "message": "down"},
    }  # fmt: skip
    assert orjson.loads(job_event(DONE)[1])["error"] is None


def test_everything_is_told_of_a_job_but_who_owns_it() -> None:
    told = job_json(DONE, (WRITTEN, FAILED))
    assert told["state"] == "done"
    assert told["result"] == {"text": "네"}
    assert told["accepted_at"] == "2027-01-15T08:00:00.000+00:00"
    assert [step["outcome"] for step in told["writes"]] == ["written", "failed"]
    assert told["error"] is told["webhook"] is told["next_attempt_at"] is None
    assert ASKED.owner not in orjson.dumps(told).decode()


def test_an_open_step_is_running_or_unknown() -> None:
    assert job_json(RUNNING, (OPEN,))["writes"][0]["outcome"] == "running"
    assert job_json(DEAD, (OPEN,))["writes"][0]["outcome"] == "unknown"


def test_a_list_has_the_beginning_of_the_message_and_when_it_is_tried_again() -> None:
    waiting = replace(
        QUEUED, attempts=1, run_at=NOW + 5, asked=replace(ASKED, message="가" * 500), trouble=DEAD.trouble
    )
    told = job_summary(waiting)
    assert told["message"] == "가" * LONGEST_GLIMPSE + "…"
    assert told["next_attempt_at"] == "2027-01-15T08:00:05.000+00:00"
    assert told["error"] == {"code": "no_backend", "message": "down"}
    assert "result" not in told
    assert job_summary(QUEUED)["message"] == ASKED.message


def test_a_webhook_shows_how_its_delivery_goes() -> None:
    assert job_json(HOOKED, ())["webhook"]["delivery"] is None
    pending = replace(HOOKED, webhook=Webhook("https://a/b", Delivery.PENDING, 2, NOW + 3, "HTTP 500"))
    assert job_json(pending, ())["webhook"] == {
        "url": "https://a/b", "delivery": "pending", "attempts": 2,
        "next_attempt_at": "2027-01-15T08:00:03.000+00:00", "error": "HTTP 500",
    }  # fmt: skip
