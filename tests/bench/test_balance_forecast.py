"""The clairvoyant's look ahead is what the machine then does."""

import copy
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.balance.fleets import FLEETS
from bench.balance.forecast import Ahead, Part, ahead_of
from bench.balance.machine import Machine
from bench.balance.oracle import Clairvoyant, alone
from bench.balance.scenarios import Scenario
from bench.balance.workload import Ask, as_traffic, conversations
from bench.balance.world import Simulation
from simulator.profiles import PRESETS, Profile

comings = st.lists(st.tuples(st.floats(0.001, 2.0), st.integers(1, 2500), st.integers(1, 300)), min_size=1, max_size=15)
CRAMPED = replace(PRESETS["l40s"], kv_capacity_tokens=6000)
profiles = st.sampled_from([*(PRESETS[name] for name in ("rtx4090", "l40s", "apple_ultra", "demo")), CRAMPED])


def what_comes(machine: Machine) -> dict[int, list[float]]:
    """Key → the times of its marks, on a copy."""
    times: dict[int, list[float]] = {}
    for mark in copy.deepcopy(machine).advance(1e9):
        times.setdefault(mark.key, []).append(mark.at)
    return times


@example(comings=[(0.01, 1500, 20 * number) for number in range(1, 12)], profile=CRAMPED, cold_start_seconds=0.0)
@settings(max_examples=40)
@given(comings=comings, profile=profiles, cold_start_seconds=st.sampled_from((0.0, 4.0)))
def test_it_says_when_the_newcomer_and_all_others_will_end(
    comings: list[tuple[float, int, int]], profile: Profile, cold_start_seconds: float
) -> None:
    machine = Machine(profile, cold_start_seconds=cold_start_seconds)
    now = 0.0
    for key, (gap, prompt, output) in enumerate(comings):
        now += gap
        machine.advance(now)
        ahead = ahead_of(machine.picture(now)).joined_by(Part(prompt, prompt, output, is_new=True), now)
        machine.submit(key, prompt, output, now)
        times = what_comes(machine)
        assert [ahead.first_token_at, ahead.end_at] == pytest.approx(times.pop(key), abs=1e-6)
        assert sorted(ahead.ends) == pytest.approx(sorted(marks[-1] for marks in times.values()), abs=1e-6)


@settings(max_examples=40)
@given(comings=comings, profile=profiles)
def test_a_moment_that_is_rolled_on_says_the_same_as_a_new_picture(
    comings: list[tuple[float, int, int]], profile: Profile
) -> None:
    machine, now = Machine(profile), 0.0
    state: Ahead | None = None
    without_queue: Ahead | None = None
    for key, (gap, prompt, output) in enumerate(comings):
        now += gap
        machine.advance(now)
        newcomer = Part(prompt, prompt, output, is_new=True)
        anew = ahead_of(machine.picture(now)).joined_by(newcomer, now)
        if state is not None:
            state.roll(now)
        if state is None or state.is_idle:
            state = ahead_of(machine.picture(now))
        start = without_queue if without_queue is not None and without_queue.now > now else state
        rolled = start.joined_by(newcomer, now)
        assert (rolled.first_token_at, rolled.end_at) == pytest.approx((anew.first_token_at, anew.end_at), abs=1e-6)
        assert sorted(rolled.ends) == pytest.approx(sorted(anew.ends), abs=1e-6)
        machine.submit(key, prompt, output, now)
        state.waiting.append(newcomer._replace(is_new=False))
        without_queue = rolled.without_queue


def test_alone_each_request_has_the_backend_that_is_fastest_for_it() -> None:
    fleet, traffic = FLEETS["hetero5"][::-1], conversations(2.0, 20.0, seed=1)
    bound = alone(fleet, traffic)
    for record in bound.records:
        for host in fleet:
            machine = Machine(host.profile)
            machine.submit(0, record.prompt_tokens, record.output_tokens, 0.0)
            first, last = machine.advance(1e9)
            assert record.first_token_seconds is not None
            assert record.first_token_seconds <= first.at + 1e-9
            assert record.end_seconds <= last.at + 1e-9


def test_a_clairvoyant_knows_what_it_sent_a_moment_ago() -> None:
    twins = FLEETS["homog4"][:2]
    asks = [Ask(at, 500, 200) for at in (0.0, 0.5, 1.0, 1.01)]
    run = Simulation(Scenario("twins", twins, 1.0), as_traffic(asks, 0), 0).run(Clairvoyant)
    assert [record.backend for record in run.records] == [0, 1, 0, 1]
