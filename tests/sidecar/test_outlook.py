"""What one more request would meet: laws over any state, then situations one by one."""

from dataclasses import replace
from math import inf, isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.ceiling import Ceiling
from sidecar.engines.engine import Reading
from sidecar.lengths import NO_LENGTHS as LENGTHS
from sidecar.lengths import TRUSTED_ANSWERS, Lengths
from sidecar.outlook import (
    outlook_on,
)
from sidecar.predict import TOKENS_OF_WAITING, TRUSTED_SAMPLES
from sidecar.progress import Pulse, Rhythm
from sidecar.state import Outside, Snapshot
from sidecar.turnover import FRESH_SECONDS, TRUSTED_ENDS, Turnover
from sidecar.work import Share, Work
from tests.sidecar.outlooks import MODEL, ROLE, backend, known, on, pulse, seen, streams
from tests.states import NOW, snapshots

# Laws.


@given(snapshots, st.sampled_from([MODEL, "unheard-of"]), st.integers(0, 20_000), st.integers(0, 4))
def test_every_figure_is_a_time_that_can_be_reckoned_with(told: Snapshot, model: str, prompt: int, before: int) -> None:
    for state in told.backends.values():
        found = outlook_on(state, model, ROLE, told)
        assert found.slots >= 1
        assert found.ends_per_second(LENGTHS) > 0
        assert isfinite(found.token_seconds(LENGTHS))
        assert 0 <= found.ttft(prompt, LENGTHS, before) < inf
        assert found.ttft(prompt, LENGTHS) <= found.ttft(prompt + 1, LENGTHS)
        assert found.ttft(prompt, LENGTHS, before) <= found.ttft(prompt, LENGTHS, before + 1)


@given(snapshots)
def test_asked_again_it_says_the_same_and_so_does_a_copy_of_the_cells(told: Snapshot) -> None:
    for state in told.backends.values():
        once = outlook_on(state, MODEL, ROLE, told)
        assert outlook_on(state, MODEL, ROLE, told) == once
        assert outlook_on(state, MODEL, ROLE, told.still()) == once


# Alone.


def test_on_an_idle_backend_there_is_the_prompt_and_nothing_else() -> None:
    found = on(backend())
    assert found.ttft(1000, LENGTHS) == pytest.approx(known().first.at(1000))
    assert found.token_seconds(LENGTHS) == pytest.approx(known().later.at(1))
    assert (found.in_flight, found.slots, found.room, found.trusted) == (0, inf, inf, True)
    assert found == on(backend(), Pulse())


def test_a_guess_is_said_to_be_one() -> None:
    assert not on(backend(forecasts={})).trusted
    assert not on(backend(forecasts={MODEL: known(TRUSTED_SAMPLES - 1)})).trusted


# In company.


def test_each_that_runs_makes_tokens_slower() -> None:
    told = [on(backend(streams(many))).token_seconds(LENGTHS) for many in range(4)]
    assert told == sorted(told)
    assert told[0] < told[3]
    # Beyond the slots nobody runs besides.
    assert on(backend(streams(5), slots=4)).token_seconds(LENGTHS) == on(backend(streams(3), slots=4)).token_seconds(
        LENGTHS
    )


def test_prompts_that_are_due_stand_before_it() -> None:
    alone, behind = on(backend()), on(backend(streams(0, due=(700, 300))))
    assert behind.ahead_seconds == pytest.approx(1000 * known().first.slope)
    assert behind.ttft(50, LENGTHS) == pytest.approx(alone.ttft(50, LENGTHS) + behind.ahead_seconds)


def test_others_that_wait_stand_before_it_too() -> None:
    others = Outside(NOW, 2, 3, counts_seconds=6.0)
    found = on(backend(outside=others))
    assert (found.in_flight, found.ahead_seconds) == (5, pytest.approx(3 * TOKENS_OF_WAITING * known().first.slope))
    stale = on(backend(outside=others), now=NOW + 6.1)
    assert (stale.in_flight, stale.ahead_seconds) == (0, 0.0)


def test_what_others_did_ceases_to_count_while_nothing_else_happens() -> None:
    """The state is the same one: what was worked out before must not be taken for true."""
    state, beating = backend(outside=Outside(NOW, 2, 0, counts_seconds=6.0)), Pulse()
    told = [on(state, beating, now=now).in_flight for now in (NOW, NOW + 6.0, NOW + 6.1, NOW + 9.0)]
    assert told == [2, 2, 0, 0]


def test_a_change_of_the_state_is_seen_at_once() -> None:
    beating = Pulse()
    assert on(backend(streams(1)), beating).in_flight == 1
    assert on(backend(streams(2)), beating).in_flight == 2


def test_longer_prompts_make_tokens_slower_in_company_and_longer_answers_free_slots_later() -> None:
    found = on(backend(streams(2), slots=2))
    prompts, answers = replace(LENGTHS, mean_prompt=9000.0), replace(LENGTHS, mean=900.0)
    assert found.token_seconds(prompts) > found.token_seconds(LENGTHS) > found.token_seconds(answers)
    assert found.ends_per_second(answers) < found.ends_per_second(LENGTHS)


def test_what_the_running_answers_promise_follows_tokens_and_lengths_at_once() -> None:
    state = backend(streams(2), slots=2)
    cells = pulse(state, Rhythm(NOW, 0.02), (100, 100))

    def rate(known: Lengths = LENGTHS) -> float | None:
        told = replace(seen(state, cells), lengths={ROLE: known})
        return outlook_on(state, MODEL, ROLE, told).ends_now_per_second

    early, early_again = rate(), rate()
    cells.places["0"].token(NOW, 300)
    late = rate()
    assert early == early_again
    assert early is not None
    assert late is not None
    assert late > early
    assert rate(LENGTHS.after(4000).after(4000)) != late


# Slots.


def shared(running: int, other: int) -> Work:
    """So many streams of `MODEL` that get tokens, and of another one."""
    shares = {MODEL: Share(running, running, running), "qwen3": Share(other, other, other)}
    return replace(streams(running + other), of_model=shares)


def test_where_each_model_has_its_own_slots_others_slow_it_down_and_do_not_keep_it_waiting() -> None:
    apart = on(backend(shared(1, 1), slots=2, slots_per_model=True))
    assert (apart.in_flight, apart.sharing, apart.room, apart.slot_seconds(LENGTHS)) == (2, 1, 1, 0.0)
    together = on(backend(shared(1, 1), slots=2))
    assert (together.in_flight, together.sharing, together.room) == (2, 2, 0)
    assert together.slot_seconds(LENGTHS) > 0
    assert apart.token_seconds(LENGTHS) > on(backend(shared(1, 0), slots=2, slots_per_model=True)).token_seconds(
        LENGTHS
    )
    assert apart.token_seconds(LENGTHS) == on(backend(shared(1, 1))).token_seconds(LENGTHS)


def test_answers_of_another_model_bring_it_no_nearer_to_a_slot_of_its_own() -> None:
    state = backend(shared(1, 1), slots=1, slots_per_model=True)

    def rate(model: str) -> float:
        beating = pulse(state, Rhythm(gap_seconds=0.02), (30, 30))
        place = beating.places["1"]
        place.booking = replace(place.booking, model=model)
        return on(state, beating).ends_per_second(LENGTHS)

    assert rate("qwen3") < rate(MODEL)


FULL = Ceiling(NOW - 9, NOW, NOW, 2.0)
TURNED_OVER = Turnover(0.5, TRUSTED_ENDS, NOW, NOW)
LATELY = Outside(NOW, 0, 0)


def test_a_server_that_says_that_requests_wait_has_room_for_a_little_more_than_it_runs() -> None:
    found = on(backend(streams(3), assumed_slots=256, ceiling=FULL, outside=LATELY))
    assert (found.slots, found.room, found.told, found.sure(LENGTHS)) == (2.0, 2.0 + 1 + 2 / 8 - 3, True, False)
    stale = on(backend(streams(3), assumed_slots=256, ceiling=FULL, outside=LATELY), now=NOW + 60)
    assert (stale.slots, stale.told) == (256, False)


def test_how_often_a_place_comes_free_is_taken_from_what_was_seen_as_long_as_that_is_fresh() -> None:
    state = backend(streams(3), ceiling=FULL, outside=replace(LATELY, counts_seconds=900.0), turnover=TURNED_OVER)
    beating = pulse(state, Rhythm(gap_seconds=0.02), (30, 30))
    told = [on(state, beating, now=now) for now in (NOW, NOW + FRESH_SECONDS, NOW + FRESH_SECONDS + 1)]
    assert [one.ends_per_second(LENGTHS) == 2.0 for one in told] == [True, True, False]
    assert [one.sure(LENGTHS) for one in told] == [True, True, False]
    assert told[0].slot_seconds(LENGTHS) == pytest.approx((3 + 1 - 2) / 2.0)


def test_waits_before_slots_that_were_told_are_sure_once_lengths_are_known_too() -> None:
    state = backend(streams(2), slots=2)
    assert not on(state).sure(LENGTHS)
    lengths = LENGTHS
    for _ in range(TRUSTED_ANSWERS):
        lengths = lengths.after(100)
    assert on(state).sure(lengths)
    guessed = backend(streams(2), inferred_slots=2.0)
    assert not on(guessed).sure(lengths)
    assert on(backend(streams(2), slots=2, turnover=TURNED_OVER)).sure(LENGTHS)


@pytest.mark.parametrize(
    ("in_flight", "slots", "room", "waits"),
    [(0, 1, 1, False), (1, 1, 0, True), (3, 4, 1, False), (4, 4, 0, True), (6, 4, -2, True)],
)
def test_whoever_finds_all_slots_taken_waits(in_flight: int, slots: int, room: float, waits: bool) -> None:
    found = on(backend(streams(in_flight), slots=slots))
    assert (found.room, found.slot_seconds(LENGTHS) > 0) == (room, waits)


def test_who_stands_behind_others_waits_for_the_slots_that_those_will_take() -> None:
    found = on(backend(streams(3), slots=4))
    assert found.slot_seconds(LENGTHS, before=0) == 0
    assert 0 < found.slot_seconds(LENGTHS, before=1) < found.slot_seconds(LENGTHS, before=2) < inf


def test_guessed_slots_leave_room_for_one_more_to_find_out() -> None:
    for state in (backend(streams(2), assumed_slots=2), backend(streams(2), inferred_slots=2.0)):
        assert on(state).room == 1
    assert on(backend(streams(2), reading=Reading(slots=2))).room == 0


def test_the_wait_grows_with_those_before_it() -> None:
    found = on(backend(streams(4), slots=4))
    one = found.slot_seconds(LENGTHS)
    assert [found.slot_seconds(LENGTHS, before) for before in range(3)] == pytest.approx([one, 2 * one, 3 * one])
    assert found.ttft(100, LENGTHS, 2) == pytest.approx(found.first_seconds + 100 * found.prompt_seconds + 3 * one)


def test_the_longer_of_the_wait_and_the_prompts_ahead_counts() -> None:
    full = backend(streams(4, due=(50_000,)), slots=4)
    found = on(full)
    assert found.ahead_seconds > found.slot_seconds(LENGTHS)
    assert found.ttft(0, LENGTHS) == pytest.approx(found.first_seconds + found.ahead_seconds)


def test_answers_near_their_ends_free_a_slot_sooner() -> None:
    state = backend(streams(2), slots=2)
    rates = [
        on(state, pulse(state, tokens=so_far)).ends_per_second(LENGTHS) for so_far in ((0, 0), (0, 390), (390, 390))
    ]
    assert rates == sorted(rates)
    assert rates[2] > 3 * rates[0]


def test_answers_of_another_role_end_as_theirs_do() -> None:
    state = backend(streams(2), slots=2)
    cells = pulse(state, tokens=(0, 0))
    told = replace(seen(state, cells), lengths={ROLE: LENGTHS, "classifier": replace(LENGTHS, tails=(84, 78, 65, 40))})
    asked = outlook_on(state, MODEL, "classifier", told)
    assert asked.ends_now_per_second == outlook_on(state, MODEL, ROLE, told).ends_now_per_second


def test_answers_that_are_not_streamed_end_as_well() -> None:
    state = backend(replace(streams(2, since=None), streams=0), slots=2)
    unseen = on(state, pulse(state, tokens=(0, 0), streamed=False))
    assert unseen.ends_per_second(LENGTHS) == on(state, pulse(state, tokens=(0, 0))).ends_per_second(LENGTHS)
    assert unseen.ends_per_second(LENGTHS) > on(state, pulse(state)).ends_per_second(LENGTHS)


def test_others_end_as_well() -> None:
    state = backend(streams(1), slots=2, outside=Outside(NOW, 1, 0, counts_seconds=6.0))
    alone = backend(streams(1), slots=1)
    assert on(state, pulse(state, tokens=(0,))).ends_per_second(LENGTHS) > on(
        alone, pulse(alone, tokens=(0,))
    ).ends_per_second(LENGTHS)
