"""Predicted-latency routing as the study had it: what it learns, and what it does with it."""

from collections.abc import Callable
from random import Random

import pytest

from bench.balance.agent import Failure, FailureKind, Request
from bench.balance.peers.plr import Line, PlrReference
from tests.fakes.papers import Paper, choices, silent


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.002), (0.0, 0.01), (2.0, 0.0)])
def test_a_line_learns_what_it_is_shown(a: float, b: float) -> None:
    line, rng = Line(0.05, 0.0003, 1000, 0.97), Random(1)
    for _ in range(300):
        x = rng.uniform(0, 3000)
        line.add(x, a + b * x)
    assert (line.a, line.b) == pytest.approx((a, b), abs=1e-3)


def test_a_line_is_never_negative() -> None:
    line = Line(0.05, 0.0003, 1000, 0.97)
    for x in range(0, 3000, 30):
        line.add(x, max(0.0, 3 - x / 500))
    assert line.a >= 0
    assert line.b >= 0


def taught(paper: Paper, seconds: Callable[[int], float]) -> PlrReference:
    """The reference after a while with backends that take so long for a first token and a tenth of it a token."""
    agent = PlrReference(paper)
    for number in range(90):
        paper.now += 1.0
        backend, request = number % 3, Request(number, paper.now, 100 + 10 * (number % 7))
        agent.in_flight[backend] += 1
        agent.sent(paper.send(request, backend))
        paper.now += seconds(backend)
        paper.begin(agent, number)
        paper.now += seconds(backend)
        paper.finish(agent, number, 11)
    return agent


def test_the_reference_sends_where_the_answer_comes_first() -> None:
    paper = Paper()
    agent = taught(paper, lambda backend: (0.5, 0.1, 0.9)[backend])
    assert paper.arrive(agent) == 1


def test_the_reference_keeps_away_from_silence() -> None:
    paper = Paper()
    agent = taught(paper, lambda backend: (0.2, 0.1, 0.9)[backend])
    paper.arrive(agent)
    paper.now += 30.0
    assert paper.arrive(agent) == 0


def test_the_reference_hedges_once_behind_three_times_what_it_predicted_and_cancels_the_loser() -> None:
    paper = Paper()
    agent = taught(paper, lambda backend: (0.2, 0.1, 0.9)[backend])
    first = paper.arrive(agent)
    at, key = paper.timers[-1]
    assert at == pytest.approx(paper.now + 1.5)
    paper.now = at
    agent.wake(key)
    agent.wake(key)
    assert len(paper.sent) == 92
    assert paper.sent[-1].backend != first
    paper.begin(agent, 91)
    assert paper.cancelled == [paper.sent[90]]
    paper.finish(agent, 91)
    assert agent.in_flight == [0, 0, 0]


def test_the_reference_rests_who_failed_for_longer_each_time() -> None:
    paper = Paper()
    agent = taught(paper, lambda backend: (0.2, 0.1, 0.9)[backend])
    for seconds in (1.0, 2.0, 4.0):
        assert paper.arrive(agent) == 1
        agent.failed(paper.sent[-1], Failure(FailureKind.ERROR))
        assert paper.sent[-1].backend == 0
        paper.finish(agent, len(paper.sent) - 1)
        paper.now += seconds - 0.01
        assert 1 not in choices(agent)
        paper.now += 0.02


def test_the_reference_warms_a_model_up_once_when_there_is_demand() -> None:
    paper = Paper()
    agent = taught(paper, lambda backend: 0.2 + 0.01 * backend)
    agent.read(2, silent(paper.now)._replace(resident=False))
    for _ in range(5):
        assert paper.arrive(agent) != 2
    assert paper.warmed == [2]
