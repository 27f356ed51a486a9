import logging
from collections.abc import Iterator

import pytest

from sidecar.facts import (
    BackendAdded,
    BackendRemoved,
    BackendSpec,
    Fact,
    HealthProbed,
    Outcome,
    ProbeOutcome,
    RequestFinished,
    RequestStarted,
)
from sidecar.store import Store
from sidecar.verdict_log import VerdictLog

MINI = BackendSpec("mini", "http://10.0.0.1:8080", models={"classifier": "a", "reasoner": "b"})
ADDED = BackendAdded(0.0, MINI)
GOOD = HealthProbed(1.0, "mini", ProbeOutcome.OK, 12.3)
REFUSED = HealthProbed(2.0, "mini", ProbeOutcome.REFUSED, 0.4)
LOADING = HealthProbed(3.0, "mini", ProbeOutcome.LOADING, 2.0)
SLEEPING = HealthProbed(3.0, "mini", ProbeOutcome.SLEEPING, 2.0)
SUSPENDED = HealthProbed(3.0, "mini", ProbeOutcome.SUSPENDED, 2.0)
SLOW = HealthProbed(3.0, "mini", ProbeOutcome.READ_TIMEOUT, 5000.0)


@pytest.fixture(autouse=True)
def info(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO):
        yield


def said(caplog: pytest.LogCaptureFixture, *facts: Fact) -> list[str]:
    store = Store()
    store.witness(VerdictLog(store).see)
    for fact in facts:
        store.apply(fact)
    return [record.getMessage() for record in caplog.records]


def verdicts(caplog: pytest.LogCaptureFixture, *facts: Fact) -> list[str]:
    return [line.split("verdict=")[1].split(" ")[0] for line in said(caplog, *facts)]


def test_a_change_is_said_with_name_roles_verdict_and_latency(caplog: pytest.LogCaptureFixture) -> None:
    assert said(caplog, ADDED, GOOD) == ["backend=mini roles=classifier,reasoner verdict=UP latency_ms=12.3 outcome=ok"]


def test_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    facts = [GOOD, GOOD, SLOW, GOOD, REFUSED, REFUSED, SLOW, GOOD, GOOD]
    assert verdicts(caplog, ADDED, *facts) == ["UP", "DOWN", "UP"]


def test_loading_has_its_own_word(caplog: pytest.LogCaptureFixture) -> None:
    assert verdicts(caplog, ADDED, LOADING, LOADING, GOOD, LOADING, REFUSED) == ["LOADING", "UP", "LOADING", "DOWN"]


def test_sleep_has_its_own_words_too(caplog: pytest.LogCaptureFixture) -> None:
    facts = [GOOD, SLEEPING, SLEEPING, GOOD, SUSPENDED, REFUSED]
    assert verdicts(caplog, ADDED, *facts) == ["UP", "SLEEPING", "UP", "SUSPENDED", "DOWN"]


def test_a_request_that_changes_the_verdict_is_said_too(caplog: pytest.LogCaptureFixture) -> None:
    request: list[Fact] = [RequestStarted(2.0, "mini", "1"), RequestFinished(3.0, "mini", "1", Outcome.REFUSED)]
    assert said(caplog, ADDED, GOOD, *request)[1:] == [
        "backend=mini roles=classifier,reasoner verdict=DOWN latency_ms=- outcome=refused"
    ]


def test_a_backend_for_every_role_has_no_roles(caplog: pytest.LogCaptureFixture) -> None:
    assert "roles=- " in said(caplog, BackendAdded(0.0, BackendSpec("mini", "")), GOOD)[0]


@pytest.mark.parametrize(
    "again", [[BackendRemoved(2.0, "mini"), ADDED], [BackendAdded(2.0, BackendSpec("mini", "elsewhere"))]]
)
def test_a_backend_that_came_again_or_moved_is_said_again(caplog: pytest.LogCaptureFixture, again: list[Fact]) -> None:
    assert verdicts(caplog, ADDED, GOOD, *again, GOOD) == ["UP", "UP"]


def test_a_backend_whose_roles_changed_is_not(caplog: pytest.LogCaptureFixture) -> None:
    assert verdicts(caplog, ADDED, GOOD, BackendAdded(2.0, BackendSpec("mini", MINI.url)), GOOD) == ["UP"]


def test_nothing_is_said_of_backends_that_nobody_knows(caplog: pytest.LogCaptureFixture) -> None:
    assert said(caplog, GOOD, BackendRemoved(2.0, "mini")) == []
