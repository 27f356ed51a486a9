from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.predict import TRUSTED_SAMPLES, TYPICAL_ANSWER_TOKENS, TYPICAL_PROMPT_TOKENS
from sidecar.usual import LASTING_SAMPLES, LASTING_SECONDS, NOTHING_USUAL, SURE_SAMPLES, Usual


def seconds_of_first(tokens: float) -> float:
    return 0.1 + 0.0002 * tokens


def seconds_of_token(sequences: float) -> float:
    return 0.01 + 0.002 * sequences


ALONE_SECONDS = seconds_of_first(TYPICAL_PROMPT_TOKENS) + TYPICAL_ANSWER_TOKENS * seconds_of_token(1)


def learnt(
    many: int,
    company: tuple[int, int] = (1, 8),
    slower: float = 1.0,
    waits: tuple[float, ...] = (0.0,),
    begin: float = 0.0,
    usual: Usual = NOTHING_USUAL,
) -> Usual:
    """After as many answers, one a second, in random company; some of them waited before their first token."""
    rng = Random(f"{many} {begin}")
    for number in range(many):
        at, tokens, sequences = begin + number, rng.uniform(100, 3000), rng.uniform(*company)
        first_seconds = seconds_of_first(tokens) * slower + waits[number % len(waits)]
        usual = usual.after_first_token(at, tokens, first_seconds)
        usual = usual.after_answer(at, sequences, 100 * seconds_of_token(sequences) * slower, 100)
    return usual


def test_it_is_trusted_once_both_were_seen_often_enough() -> None:
    assert not NOTHING_USUAL.trusted
    assert not learnt(TRUSTED_SAMPLES - 1).trusted
    assert learnt(TRUSTED_SAMPLES).trusted
    only_first = NOTHING_USUAL
    for number in range(30):
        only_first = only_first.after_first_token(number, 1000, 0.3)
    assert not only_first.trusted


def test_it_finds_out_how_long_a_typical_request_takes_alone() -> None:
    assert learnt(60).alone_seconds == pytest.approx(ALONE_SECONDS, rel=0.03)


def test_waits_before_first_tokens_hardly_matter() -> None:
    assert learnt(90, waits=(0.0, 0.0, 2.0)).alone_seconds == pytest.approx(ALONE_SECONDS, rel=0.1)


def test_two_minutes_of_a_machine_that_is_six_times_slower_are_slow_and_not_usual() -> None:
    usual = learnt(120, slower=6.0, begin=300.0, usual=learnt(60))
    assert usual.alone_seconds == pytest.approx(ALONE_SECONDS, rel=0.05)


def test_a_machine_that_is_a_little_slower_is_learnt_within_the_hour() -> None:
    before = learnt(60)
    after = learnt(3600, slower=1.5, begin=300.0, usual=before)
    assert after.shifts == 0
    assert after.alone_seconds == pytest.approx(1.5 * ALONE_SECONDS, rel=0.1)


def test_a_machine_that_has_become_faster_is_learnt_with_as_many_answers() -> None:
    slow = learnt(60, slower=2.0)
    assert learnt(60, begin=100.0, usual=slow).alone_seconds < 1.5 * ALONE_SECONDS
    assert learnt(200, begin=100.0, usual=slow).alone_seconds < 1.25 * ALONE_SECONDS


def test_where_all_was_seen_in_much_company_proportions_are_believed() -> None:
    # Nobody has seen this machine with less than 100 sequences: a token takes 0.21 s there.
    usual = learnt(200, company=(100, 110))
    assert usual.later.line.at(1) < 0.06
    # As soon as it was seen alone, that counts.
    assert learnt(20, company=(1, 4), begin=300.0, usual=usual).later.line.at(1) == pytest.approx(0.012, rel=0.2)


def test_what_is_beyond_all_proportion_is_left_out_once_there_is_something_to_go_by() -> None:
    usual = learnt(SURE_SAMPLES)
    assert usual.after_first_token(99.0, 1000, 9.0).first == usual.first
    assert usual.after_answer(99.0, 1, 9.0, 100).later == usual.later
    few = learnt(SURE_SAMPLES - 1)
    assert few.after_first_token(99.0, 1000, 9.0).first != few.first


def test_a_machine_that_stays_slow_is_learnt_anew_and_that_is_counted() -> None:
    usual = learnt(60)
    pause = LASTING_SECONDS / (LASTING_SAMPLES - 1)
    for number in range(LASTING_SAMPLES - 1):
        usual = usual.after_answer(1000.0 + pause * number, 1, 20.0, 100)
        assert usual.shifts == 0
    usual = usual.after_answer(1000.0 + LASTING_SECONDS, 1, 20.0, 100)
    assert usual == Usual(shifts=1)


def test_one_ordinary_sample_and_it_was_no_lasting_shift() -> None:
    usual = learnt(60)
    for number in range(100):
        usual = usual.after_answer(1000.0 + 60 * number, 1, 20.0, 100)
        if number % 15 == 14:
            usual = usual.after_answer(1000.0 + 60 * number, 1, 1.2, 100)
    assert usual.shifts == 0


def test_prompts_of_others_are_not_held_against_the_pace() -> None:
    usual = learnt(60)
    seconds = 100 * seconds_of_token(2)
    prompts = 5000
    busy = seconds + prompts * usual.first.line.slope
    assert usual.after_answer(99.0, 2, busy, 100, prompts).later.line.at(2) == pytest.approx(
        usual.after_answer(99.0, 2, seconds, 100).later.line.at(2)
    )


def test_a_token_in_company_costs_what_prompts_of_the_others_cost_besides() -> None:
    usual = learnt(60)
    alone, two = usual.token_seconds(1, 6.0), usual.token_seconds(2, 6.0)
    assert alone == usual.later.line.at(1)
    assert two == pytest.approx(usual.later.line.at(2) + 6.0 * usual.first.line.slope)


def test_short_answers_say_nothing_of_the_pace() -> None:
    usual = learnt(60)
    assert usual.after_answer(99.0, 1, 1.0, 7) == usual


def test_an_answer_that_came_all_at_once_is_split_as_is_usual() -> None:
    usual = NOTHING_USUAL
    for number in range(200):
        whole = seconds_of_first(1000) + 149 * seconds_of_token(1)
        usual = usual.after_whole(number, 1000, 1, whole, 150)
    assert usual.trusted
    assert usual.alone_seconds == pytest.approx(ALONE_SECONDS, rel=0.05)
    assert NOTHING_USUAL.after_whole(0.0, 1000, 1, 0.5, 1).first.seen.samples == 1


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(0, 9000), st.floats(0, 300), st.floats(1e-3, 600), st.integers(1, 4000)),
        max_size=60,
    )
)
def test_it_never_claims_less_than_nothing(samples: list[tuple[float, float, float, float, int]]) -> None:
    usual, at = NOTHING_USUAL, 0.0
    for pause, prompt, sequences, seconds, tokens in samples:
        at += pause
        usual = usual.after_first_token(at, prompt, seconds)
        usual = usual.after_answer(at, sequences, seconds, tokens, prompt)
    assert usual.alone_seconds > 0
    assert usual.first.line.slope >= 0
    assert usual.later.line.slope >= 0
