"""Each peer's rule on a few numbers: what its source says, worked out by hand."""

import pytest

from bench.balance.agent import Attempt, Failure, FailureKind, Request
from bench.balance.peers.latency import C3, LiteLlmLatency, LiteLlmLeastBusy, PeakEwma, PeakEwmaFirstToken, PeakEwmaScan
from bench.balance.peers.prequal import Prequal, quantile
from bench.balance.peers.scorers import LlmD, LlmDTokens, SmgLeastLoad, VllmDataParallel
from bench.balance.peers.seed import SeedHybrid, SeedStatus
from bench.balance.peers.simple import LeastRequest, MisweightedLeast, RoundRobin, TwoChoices, WeightedLeast
from tests.fakes.papers import OFFERS, Paper, choices, silent, told


def test_what_was_not_taken_is_tried_on_two_others_and_then_failed() -> None:
    paper = Paper()
    agent = LeastRequest(paper)
    first = paper.arrive(agent)
    for _ in range(2):
        agent.failed(paper.sent[-1], Failure(FailureKind.REFUSED))
    backends = [attempt.backend for attempt in paper.sent]
    assert backends[0] == first
    assert backends[1] != backends[0]
    assert backends[2] != backends[1]
    assert paper.failed == []
    agent.failed(paper.sent[-1], Failure(FailureKind.REFUSED))
    assert paper.failed == [0]
    assert agent.in_flight == [0, 0, 0]


@pytest.mark.parametrize("kind", [FailureKind.CUT, FailureKind.TIMEOUT])
def test_what_is_over_is_not_tried_again(kind: FailureKind) -> None:
    paper = Paper()
    agent = LeastRequest(paper)
    paper.arrive(agent)
    agent.failed(paper.sent[0], Failure(kind))
    assert len(paper.sent) == 1
    assert agent.in_flight == [0, 0, 0]


def test_who_does_not_answer_its_health_check_is_left_out_until_the_next_one() -> None:
    paper = Paper()
    agent = LeastRequest(paper)
    agent.polled(0, None)
    agent.polled(1, silent()._replace(health_seconds=6.0))
    assert [paper.arrive(agent) for _ in range(3)] == [2, 2, 2]
    paper.now = 10.0
    agent.polled(0, silent())
    assert paper.arrive(agent) == 2
    paper.now = 30.0
    agent.polled(0, silent())
    assert paper.arrive(agent) == 0


def test_when_nobody_is_alive_everybody_is_tried() -> None:
    paper = Paper()
    agent = RoundRobin(paper)
    for backend in range(3):
        agent.polled(backend, None)
    assert [paper.arrive(agent) for _ in range(4)] == [0, 1, 2, 0]


def test_round_robin_goes_on_behind_the_last_one_that_was_a_candidate() -> None:
    agent = RoundRobin(Paper())
    order = [agent.choose(Request(0, 0.0, 1), candidates) for candidates in ([0, 1, 2], [0, 2], [0, 1, 2], [1], [0, 2])]
    assert order == [0, 2, 0, 1, 2]


def test_least_request_counts_what_is_in_flight_and_leaves_ties_to_chance() -> None:
    paper = Paper()
    agent = LeastRequest(paper)
    agent.in_flight = [2, 1, 1]
    assert choices(agent) == {1, 2}


def test_two_choices_never_take_the_worst_of_three() -> None:
    agent = TwoChoices(Paper())
    agent.in_flight = [5, 2, 3]
    assert choices(agent, times=200) == {1, 2}


def test_weighted_least_connections_fills_in_proportion_to_the_weights() -> None:
    paper = Paper()
    agent = WeightedLeast(paper)
    for _ in range(70):
        paper.arrive(agent)
    assert agent.in_flight == [40, 20, 10]


def test_guessed_weights_are_half_or_twice_the_true_ones() -> None:
    agent = MisweightedLeast(Paper())
    assert {weight / offer.true_weight for weight, offer in zip(agent.weights, OFFERS, strict=True)} <= {0.5, 2.0}


def test_peak_ewma_jumps_up_at_once_and_decays_over_ten_seconds() -> None:
    paper = Paper()
    agent = PeakEwmaScan(paper)
    paper.arrive(agent)
    (attempt,) = paper.sent
    paper.now = 4.0
    paper.finish(agent, 0)
    assert attempt.backend not in choices(agent, times=1)
    others = [number for number in range(3) if number != attempt.backend]
    agent.pending[others[0]] = agent.pending[others[1]] = 3
    # 4 s, decayed, against (1 s, decayed) x 4: the one whose peak is fresher is dearer.
    paper.now = 24.0
    assert choices(agent) == set(others)
    agent.pending[others[0]] = agent.pending[others[1]] = 9
    assert choices(agent) == {attempt.backend}


def test_peak_ewma_of_first_tokens_is_over_with_the_first_token() -> None:
    paper = Paper()
    agent = PeakEwmaFirstToken(paper)
    chosen = paper.arrive(agent)
    assert agent.pending[chosen] == 1
    paper.begin(agent, 0)
    assert agent.pending[chosen] == 0
    paper.finish(agent, 0)
    assert agent.pending == [0, 0, 0]


def test_peak_ewma_looks_at_two() -> None:
    agent = PeakEwma(Paper())
    agent.pending = [9, 3, 0]
    assert choices(agent, times=100) == {1, 2}


def test_c3_fears_a_queue_with_its_third_power() -> None:
    paper = Paper()
    agent = C3(paper)
    paper.arrive(agent)
    slow = paper.sent[0].backend
    paper.now = 51.0
    paper.finish(agent, 0)
    # R and 1/mu are 6 where it was slow, and 1 and 1 elsewhere: 6 against 1 + (q^3 - 1) = q^3.
    assert slow not in choices(agent)
    agent.in_flight = [1, 1, 1]
    agent.in_flight[slow] = 0
    assert choices(agent) == {slow}


def test_litellm_goes_by_the_mean_latency_of_a_token_and_tries_the_unknown_first() -> None:
    paper = Paper()
    agent = LiteLlmLatency(paper)
    seen = set()
    for number in range(3):
        seen.add(paper.arrive(agent))
        paper.now += 1.0 + number
        paper.finish(agent, number, output_tokens=10)
    assert seen == {0, 1, 2}
    assert choices(agent) == {paper.sent[0].backend}


def test_litellm_rests_who_failed_and_does_not_forget_a_timeout() -> None:
    paper = Paper()
    agent = LiteLlmLatency(paper)
    chosen = paper.arrive(agent)
    agent.failed(paper.sent[0], Failure(FailureKind.TIMEOUT))
    assert chosen not in choices(agent)
    paper.now = 5.0
    assert chosen not in choices(agent)


def test_litellm_least_busy_takes_the_first_of_equals() -> None:
    agent = LiteLlmLeastBusy(Paper())
    agent.in_flight = [1, 0, 0]
    assert choices(agent) == {1}


def test_prequal_prefers_the_fastest_of_the_cold_and_the_emptiest_when_all_are_hot() -> None:
    paper = Paper()
    agent = Prequal(paper)
    agent.ended(Attempt(0, Request(0, 0.0, 1), 0, sent_at=-5.0), 1)
    agent.ended(Attempt(1, Request(1, 0.0, 1), 1, sent_at=-1.0), 1)
    for backend, in_flight in ((0, 1), (1, 1), (0, 2)):
        agent.read(backend, told(in_flight, 0, 0.0))
    assert agent.choose(Request(2, 0.0, 1), [0, 1]) == 1
    assert len(paper.asked) == 2
    hot = Prequal(Paper())
    for _ in range(20):
        hot.read(2, silent())
    hot.in_flight = [0, 0, 0]
    hot.read(0, told(9, 0, 0.0))
    hot.read(1, told(7, 0, 0.0))
    assert hot.choose(Request(3, 0.0, 1), [0, 1]) == 1


def test_a_probe_of_prequal_is_too_old_after_a_second() -> None:
    chosen: dict[float, set[int]] = {1.0: set(), 1.1: set()}
    for at, backends in chosen.items():
        paper = Paper()
        for _ in range(30):
            agent = Prequal(paper)
            paper.now = 0.0
            for backend, in_flight in ((0, 0), (1, 50)):
                agent.read(backend, told(in_flight, 0, 0.0))
            paper.now = at
            backends.add(agent.choose(Request(0, at, 1), [0, 1, 2]))
    assert chosen == {1.0: {0}, 1.1: {0, 1, 2}}


@pytest.mark.parametrize(("part", "value"), [(0.0, 1.0), (0.5, 2.5), (1.0, 4.0), (0.75, 3.25)])
def test_a_quantile_lies_between_its_neighbours(part: float, value: float) -> None:
    assert quantile([4, 1, 3, 2], part) == value


def test_llmd_adds_up_scaled_queues_and_the_use_of_the_cache() -> None:
    agent = LlmD(Paper())
    agent.read(0, told(50, 4, 0.2))
    agent.read(1, told(20, 0, 0.9))
    agent.read(2, silent())
    # Penalties: 2 * 1 + 2 * 0.2, 2 * 0 + 2 * 0.9, and 0 for an idle one.
    assert choices(agent) == {2}
    assert choices(agent, [0, 1]) == {1}
    agent.read(0, told(50, 0, 0.2))
    assert choices(agent, [0, 1]) == {0}


def test_llmd_takes_a_backend_whose_metrics_are_old_for_saturated() -> None:
    paper = Paper()
    agent = LlmD(paper)
    agent.read(0, told(0, 0, 0.0, at=0.0))
    agent.read(1, told(90, 40, 0.9, at=0.3))
    paper.now = 0.3
    assert choices(agent, [0, 1]) == {1}
    assert choices(agent, [0]) == {0}


def test_llmd_tokens_counts_prompts_whose_first_token_is_due() -> None:
    paper = Paper()
    agent = LlmDTokens(paper)
    agent.due_tokens = [0, 500, 500]
    assert paper.arrive(agent, 2000) == 0
    assert choices(agent) == {1, 2}
    paper.begin(agent, 0)
    assert agent.due_tokens == [0, 500, 500]
    assert choices(agent) == {0}
    agent.failed(paper.sent[0], Failure(FailureKind.CUT))
    assert agent.due_tokens == [0, 500, 500]


def test_vllm_counts_a_waiting_request_four_times_and_adds_what_it_sent_since() -> None:
    agent = VllmDataParallel(Paper())
    agent.read(0, told(10, 1, 0.0))
    agent.read(1, told(13, 0, 0.0))
    assert choices(agent, [0, 1]) == {1}
    agent.in_flight = [0, 2, 0]
    assert choices(agent, [0, 1]) == {0}


def test_smg_divides_the_tokens_ahead_by_the_throughput() -> None:
    paper = Paper()
    agent = SmgLeastLoad(paper)
    for backend, reading in enumerate((told(9, 2, 0.5), told(9, 0, 0.5), told(9, 1, 0.0))):
        agent.read(backend, reading)
    # 2048/8000 + 0.15, 0.15, 1024/2000.
    assert paper.arrive(agent, 3000) == 1
    # 0.406, 3000/4000 + 0.15, 0.512.
    assert choices(agent) == {0}
    agent.read(1, told(9, 0, 0.5))
    assert choices(agent) == {1}


def test_the_seed_takes_turns_among_the_lowest_class() -> None:
    agent = SeedStatus(Paper())
    for backend, (running, waiting) in enumerate(((4, 0), (1, 0), (0, 0))):
        agent.read(backend, told(running, waiting, 0.0))
    assert choices(agent) == {2}
    agent.in_flight = [0, 0, 2]
    # Two of our own raise free to normal, and nothing above normal but busy.
    assert choices(agent) == {1, 2}
    agent.in_flight = [0, 2, 2]
    assert choices(agent) == {2}
    agent.read(1, told(2, 0, 0.0))
    agent.read(0, told(1, 1, 0.0))
    assert choices(agent, [0, 1]) == {0, 1}


def test_the_seed_without_status_goes_by_health_against_its_baseline() -> None:
    paper = Paper()
    agent = SeedHybrid(paper)
    for _ in range(5):
        for backend in range(3):
            agent.read(backend, silent())
    assert choices(agent) == {0, 1, 2}
    # The baseline is never under 10 ms: 25 ms are more than twice as much, 200 ms more than five times.
    agent.read(0, silent()._replace(health_seconds=0.025))
    agent.read(1, silent()._replace(health_seconds=0.2))
    assert choices(agent) == {2}
    assert choices(agent, [0, 1]) == {0}
    assert [attempt.backend for attempt in paper.probes] == [1]


def test_a_slow_inference_is_very_busy_for_half_a_minute() -> None:
    paper = Paper()
    agent = SeedHybrid(paper)
    for _ in range(5):
        agent.read(1, silent())
    agent.read(1, silent()._replace(health_seconds=0.2))
    paper.now = 9.0
    agent.finished(paper.probes[0], 8)
    agent.read(1, silent())
    assert agent.in_flight == [0, 0, 0]
    assert agent.level(1) == 3
    paper.now = 40.0
    assert agent.level(1) == 0
