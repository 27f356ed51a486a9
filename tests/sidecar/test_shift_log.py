import logging
from collections.abc import Iterator

import pytest

from sidecar.facts import (
    BackendAdded,
    BackendRemoved,
    BackendSpec,
    Fact,
    FirstTokenCame,
    HealthProbed,
    Outcome,
    ProbeOutcome,
    RequestFinished,
    RequestStarted,
)
from sidecar.shift_log import ShiftLog
from sidecar.store import Store

ADDED = BackendAdded(0.0, BackendSpec("mini", "http://10.0.0.1:8080", slots=9))


@pytest.fixture(autouse=True)
def info(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO):
        yield


def said(caplog: pytest.LogCaptureFixture, *facts: Fact) -> list[str]:
    store = Store()
    store.witness(ShiftLog(store).see)
    for fact in facts:
        store.apply(fact)
    return [record.getMessage() for record in caplog.records]


def probes(begin: float, *latencies_ms: float) -> list[Fact]:
    return [
        HealthProbed(begin + 30 * number, "mini", ProbeOutcome.OK, latency)
        for number, latency in enumerate(latencies_ms)
    ]


def answers(begin: float, many: int, seconds: float) -> list[Fact]:
    """As many answers of 101 tokens, one a minute, each `seconds` long."""
    facts: list[Fact] = []
    for number in range(many):
        at, request = begin + 60 * number, f"{begin} {number}"
        facts.append(RequestStarted(at, "mini", request, "gemma4", prompt_tokens=1000, streamed=True))
        facts.append(FirstTokenCame(at + seconds / 10, "mini", request))
        facts.append(RequestFinished(at + seconds, "mini", request, Outcome.OK, 101, last_token_at=at + seconds))
    return facts


def test_a_lasting_shift_of_the_health_probe_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    facts = [ADDED, *probes(0, *[5.0] * 9), *probes(300, *[90.0] * 9)]
    assert said(caplog, *facts) == ["backend=mini baseline=health_latency was_ms=5.0 now_ms=90.0 shifts=1"]


def test_jitter_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    assert said(caplog, ADDED, *probes(0, *[5.0, 6.0, 4.0] * 9, 900.0, *[5.0] * 9)) == []


def test_a_machine_that_is_slow_for_good_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    [line] = said(caplog, ADDED, *answers(0, 30, 2.0), *answers(3600, 40, 20.0))
    assert line.startswith("backend=mini baseline=slowdown model=gemma4 was_seconds=2.")
    assert line.endswith(" shifts=1; it is learnt anew")


def test_a_backend_that_comes_again_has_no_past(caplog: pytest.LogCaptureFixture) -> None:
    first = [ADDED, *probes(0, *[5.0] * 9), *probes(300, *[90.0] * 9)]
    again = [BackendRemoved(900.0, "mini"), *probes(900, 1.0), ADDED, *probes(900, *[5.0] * 9)]
    assert len(said(caplog, *first, *again)) == 1
