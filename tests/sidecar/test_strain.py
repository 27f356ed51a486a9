from dataclasses import replace

import pytest
from hypothesis import given, settings

from sidecar.engines.engine import Model
from sidecar.facts import BackendSpec
from sidecar.outlook import MOST_SLOWER, PLAINLY_SLOWER
from sidecar.predict import COLD_PRIOR_SECONDS, TOKENS_OF_WAITING, TRUSTED_SAMPLES
from sidecar.progress import Booking, Progress, Pulse, Rhythm
from sidecar.state import BackendState, Outside, Snapshot
from sidecar.strain import COLD_SECONDS_BORNE, FRESH_SECONDS, pace_of, silence, slowdown
from sidecar.usual import NOTHING_USUAL, Usual
from sidecar.work import Work
from tests.states import NOW, snapshots


def learnt(first_seconds: float = 0.3, token_seconds: float = 0.02, samples: int = 60) -> Usual:
    """A machine whose tokens take a tenth longer for each sequence more; samples of some prompts and little company."""
    usual = NOTHING_USUAL
    for number in range(samples):
        prompt, sequences = 500 + 100 * (number % 20), 1 + number % 5
        usual = usual.after_first_token(number, prompt, first_seconds * (0.2 + 0.8 * prompt / 1000))
        usual = usual.after_answer(number, sequences, 100 * token_seconds * (0.9 + 0.1 * sequences), 100)
    return usual


USUAL = learnt()
STATE = BackendState(BackendSpec("mini", ""), usual={"gemma4": USUAL}, last_model="gemma4", last_role="reasoner")
RATIO = 3.0
"""Prompt tokens for each token of an answer."""


def working(running: int = 0, awaited: int = 0, due_tokens: int = 0, **more: object) -> BackendState:
    """The backend with as many streams of ours, the last tokens of which came now."""
    streams = running + awaited
    work = Work(streams, streams, awaited=awaited, due_tokens=due_tokens, running=running, streams=streams)
    return replace(STATE, work=replace(work, silent_since=NOW if streams else None), **more)  # type: ignore[arg-type]


def told(state: BackendState, pulse: Pulse | None = None) -> Snapshot:
    return Snapshot(NOW, {"mini": state}, 0, 1, {"mini": pulse or Pulse()})


def slower(state: BackendState, pulse: Pulse | None = None) -> float:
    found = slowdown(state, told(state, pulse))
    assert found is not None
    return found


def beating(gap_seconds: float | None, last_token_at: float | None = NOW, prompts: float = 0.0) -> Pulse:
    pulse = Pulse()
    pulse.recall(Rhythm(last_token_at, gap_seconds, prompts))
    return pulse


def pace(state: BackendState, pulse: Pulse) -> float:
    return pace_of(state, USUAL, pulse, RATIO, NOW)


# How much slower.


def test_nothing_is_said_before_enough_was_measured() -> None:
    for usual in ({}, {"gemma4": learnt(samples=TRUSTED_SAMPLES - 1)}):
        state = replace(STATE, usual=usual)
        assert slowdown(state, told(state)) is None


def test_an_idle_backend_is_as_fast_as_is_usual() -> None:
    assert slower(STATE) == 1.0


def test_company_prompts_that_are_due_and_a_wait_for_a_slot_make_it_slower() -> None:
    alone = slower(working(running=1))
    assert 1.0 < alone < slower(working(running=4)) < slower(working(running=9))
    assert slower(working(awaited=1, due_tokens=4000)) > slower(working(awaited=1, due_tokens=400))
    assert slower(working(running=4, inferred_slots=4.0)) > slower(working(running=4))


def test_others_clients_are_company_and_their_waiting_requests_stand_before_ours() -> None:
    others = Outside(NOW, 4, 0)
    assert slower(replace(STATE, outside=others)) == pytest.approx(slower(working(running=4)))
    waiting = slower(replace(STATE, outside=replace(others, waiting=2)))
    assert waiting > slower(working(awaited=2, running=4, due_tokens=TOKENS_OF_WAITING))


def test_slots_that_are_only_assumed_make_nobody_wait() -> None:
    free = slower(working(running=2))
    assert slower(working(running=2, assumed_slots=1)) == free
    assert slower(working(running=2, inferred_slots=1.0)) > free
    assert slower(replace(working(running=2), spec=BackendSpec("mini", "", slots=1))) > free


def test_a_machine_that_is_six_times_slower_shows_in_its_tokens() -> None:
    usual = USUAL.later.line.at(1)
    assert slower(working(running=1), beating(6 * usual)) == pytest.approx(6 * slower(working(running=1)), rel=0.01)


def test_a_silence_that_cannot_be_borne_counts_twice() -> None:
    state = working(running=1)
    seconds = slower(state) * USUAL.alone_seconds
    silent = slower(state, beating(0.02, last_token_at=NOW))
    assert silent == pytest.approx(slower(state), rel=0.05)
    state = replace(state, work=replace(state.work, silent_since=NOW - 3))
    assert slower(state, beating(None, None)) == pytest.approx((seconds + 6) / USUAL.alone_seconds)


def test_of_several_models_the_one_that_suffers_most_speaks() -> None:
    small = learnt(0.03, 0.002)
    both = replace(working(awaited=1, due_tokens=4000), usual={"gemma4": USUAL, "small": small})
    each = [slower(replace(both, usual={"it": usual})) for usual in (USUAL, small)]
    assert slower(both) == max(each)


@settings(max_examples=300)
@given(snapshots)
def test_it_is_never_less_than_usual(seen: Snapshot) -> None:
    for state in seen.backends.values():
        found = slowdown(state, seen)
        assert found is None or found >= 1.0
        quiet = silence(state, seen)
        assert quiet is None or quiet.bearable_seconds >= 1.0


# The pace.


def test_the_pace_is_usual_unless_it_is_plain() -> None:
    usual = USUAL.later.line.at(2)
    state = working(running=2)
    assert pace(state, beating(None)) == 1.0
    assert pace(state, beating(0.5 * usual)) == 1.0
    assert pace(state, beating((PLAINLY_SLOWER - 0.01) * usual)) == 1.0
    assert pace(state, beating(2 * usual)) == pytest.approx(2.0)
    assert pace(state, beating(99 * usual)) == MOST_SLOWER


def test_tokens_of_long_ago_say_nothing_of_now() -> None:
    slow = 6 * USUAL.later.line.at(1)
    assert pace(STATE, beating(slow, NOW - FRESH_SECONDS)) == pytest.approx(6.0)
    assert pace(STATE, beating(slow, NOW - FRESH_SECONDS - 0.1)) == 1.0
    assert pace(STATE, beating(slow, None)) == 1.0


def test_prompts_that_were_worked_off_between_tokens_are_not_the_pace() -> None:
    gap = 3 * USUAL.later.line.at(2)
    state = working(running=2)
    assert pace(state, beating(gap)) == pytest.approx(3.0)
    explaining = (gap / 2) / (2 * USUAL.first.line.slope)
    assert pace(state, beating(gap, prompts=explaining)) == 1.0
    others = replace(working(running=1), outside=Outside(NOW, 1, 0))
    assert pace(others, beating(gap)) < 3.0


def test_prompts_that_are_due_may_be_what_tokens_wait_for() -> None:
    gap = 3 * USUAL.later.line.at(1)
    assert pace(working(running=1, awaited=1, due_tokens=100), beating(gap)) == pytest.approx(3.0, rel=0.1)
    assert pace(working(running=1, awaited=1, due_tokens=20_000), beating(gap)) == 1.0


# Silence.


def due(pulse: Pulse, prompt: int, started_at: float, *, cold: bool = False) -> None:
    booking = Booking("gemma4", "reasoner", prompt, 0, True, prompt, 0, 0, cold)
    pulse.places[str(len(pulse.places))] = Progress(started_at, pulse, booking)


def bearable(state: BackendState, pulse: Pulse, silent_seconds: float) -> float:
    silent = replace(state, work=replace(state.work, silent_since=NOW - silent_seconds))
    found = silence(silent, told(silent, pulse))
    assert found is not None
    assert found.seconds == pytest.approx(silent_seconds)
    return found.bearable_seconds


def test_without_streams_there_is_no_silence() -> None:
    assert silence(STATE, told(STATE)) is None
    streaming = working(running=1)
    assert silence(streaming, Snapshot(NOW, {"mini": streaming}, 0, 1)) is None


def test_a_second_is_nothing_and_neither_are_six_gaps() -> None:
    assert bearable(working(running=1), beating(0.02, None), 3.0) == 1.0
    assert bearable(working(running=1), beating(0.5, None), 3.0) == 3.0
    unmeasured = replace(working(running=1), usual={})
    assert bearable(unmeasured, beating(0.5, None), 3.0) == 3.0


def test_a_first_token_that_is_due_may_take_two_and_a_half_times_as_long_as_is_usual() -> None:
    pulse = Pulse()
    due(pulse, 4000, NOW - 3)
    state = working(awaited=1, due_tokens=4000)
    assert bearable(state, pulse, 3.0) == pytest.approx(2.5 * USUAL.first.line.at(4000))
    # Within a second nobody asks for whom one waits.
    assert bearable(state, pulse, 0.5) == 1.0


def test_prompts_that_came_into_the_silence_are_no_excuse_for_it() -> None:
    pulse = Pulse()
    due(pulse, 1000, NOW - 9.5)
    before = bearable(working(awaited=1, due_tokens=1000), pulse, 10.0)
    due(pulse, 9000, NOW - 8.5)
    assert bearable(working(awaited=2, due_tokens=10_000), pulse, 10.0) == before


def test_a_model_that_is_being_loaded_may_take_its_time() -> None:
    pulse = Pulse()
    due(pulse, 0, NOW - 10, cold=True)
    state = working(awaited=1, models=(Model("gemma4", loaded=False),))
    expected = COLD_SECONDS_BORNE * COLD_PRIOR_SECONDS + 2.5 * USUAL.first.line.at(0)
    assert bearable(state, pulse, 10.0) == pytest.approx(expected)
    # Another request has got a token meanwhile: it is there.
    assert bearable(replace(state, models=(Model("gemma4", loaded=True),)), pulse, 10.0) == 1.0


def test_how_long_a_first_token_may_take_is_not_known_of_a_machine_that_was_never_measured() -> None:
    waiting = replace(working(awaited=1, due_tokens=9000), usual={})
    assert silence(waiting, told(waiting)) is None
