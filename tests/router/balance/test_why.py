import gc
import tracemalloc
from collections import Counter
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.choice import Choice
from router.balance.policies import PolicyName
from router.balance.seen import Exclusion
from router.balance.why import HEADER_CHARS, MOST_SHOWN, Why, header, short_seconds, why_of
from tests.router.choices import DEMAND, able, choice, out, why

MINI, GPU = able("mini", 2.1), able("gpu", 6.3, 1.2, 9.8)

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
numbers = st.floats(0, 1e6) | st.just(inf)
ables = st.builds(able, names, numbers, numbers, numbers, trusted=st.booleans())
rows = st.lists(ables | st.builds(out, names, st.sampled_from(Exclusion)), max_size=40)


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    """Any choice that `choose` could make: where somebody is able, the cheapest or one of its equals has won."""
    considered = draw(rows)
    costs = [one.cost for one in considered if one.cost is not None]
    best = [one for one in considered if one.cost is not None and one.cost <= min(costs)]
    return choice(*considered, won=draw(st.sampled_from(best)) if best else None, panic=draw(st.booleans()))


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (
            why(GPU, MINI, out("nas"), won=MINI),
            "predicted (ttft/e2e/cost): mini 412ms/3.1s/2.1, gpu 1.2s/9.8s/6.3; nas down",
        ),
        (why(MINI, won=MINI, panic=True), "predicted (ttft/e2e/cost): mini 412ms/3.1s/2.1; panic"),
        (
            why(guess := able("new", 2.0, trusted=False), able("b", inf), won=guess),
            "predicted (ttft/e2e/cost): new ~412ms/3.1s/2, b 412ms/3.1s/-",
        ),
        (why(out("a"), out("b", Exclusion.DRAINING)), "predicted: nobody; a down, b draining"),
        (why(), "predicted: nobody"),
    ],
)
def test_a_choice_in_one_line(told: Why, text: str) -> None:
    assert header(told) == text


def test_whoever_does_not_fit_is_counted() -> None:
    many = [able(f"backend-number-{number}", number) for number in range(12)] + [out(f"dead-{n}") for n in range(9)]
    assert header(why(*many, won=many[0])) == (
        "predicted (ttft/e2e/cost): backend-number-0 412ms/3.1s/0, backend-number-1 412ms/3.1s/1, "
        "backend-number-2 412ms/3.1s/2, backend-number-3 412ms/3.1s/3; +8 able, +9 down"
    )


@given(choices())
def test_a_header_is_short_ascii_and_names_the_winner(made: Choice) -> None:
    text = header(why_of(made, PolicyName.LEAST_IN_FLIGHT, DEMAND, stream=False))
    assert len(text) <= HEADER_CHARS
    assert text.isascii()
    assert text.isprintable()
    if made.won is None:
        assert "nobody" in text
    else:
        assert f"): {made.won.candidate.backend} " in text


@given(choices())
def test_what_is_kept_is_small_and_nobody_is_lost(made: Choice) -> None:
    kept = why_of(made, PolicyName.PREDICTED, DEMAND, stream=True)
    assert len(kept.considered) <= MOST_SHOWN
    assert (kept.won is None) == (made.won is None)
    if made.won is not None:
        assert kept.best_first[0] is kept.won
        assert kept.won == made.won
    everybody = Counter("able" if one.excluded is None else str(one.excluded) for one in made.considered)
    shown = Counter("able" if one.excluded is None else str(one.excluded) for one in kept.considered)
    assert shown + Counter(kept.not_shown) == everybody
    if len(made.considered) <= MOST_SHOWN:
        assert kept.considered == made.considered


@given(choices())
def test_those_who_are_shown_came_next_to_winning(made: Choice) -> None:
    kept = why_of(made, PolicyName.PREDICTED, DEMAND, stream=True)
    shown = [one.cost for one in kept.considered if one.cost is not None]
    left_out = sorted(one.cost for one in made.considered if one.cost is not None)[len(shown) :]
    assert not left_out or max(shown) <= left_out[0]


def test_of_a_large_pool_the_winner_stays_first_and_the_others_are_counted() -> None:
    # All cost the same, so that chance may have drawn one that would not be among those shown.
    many = [able(f"b{number}", 1.0) for number in range(60)]
    kept = why(*many, out("dead"), won=many[-1])
    assert kept.best_first[0] is kept.won
    assert len(kept.considered) == MOST_SHOWN
    assert kept.not_shown == {"able": 60 - MOST_SHOWN, "down": 1}
    assert kept.in_brief.not_shown == {"able": 59, "down": 1}


def test_of_a_large_pool_of_which_few_can_serve_as_many_of_the_excluded_are_shown_as_fit() -> None:
    kept = why(MINI, *(out(f"dead{number}") for number in range(60)), won=MINI)
    assert [len(kept.considered), kept.not_shown] == [MOST_SHOWN, {"down": 61 - MOST_SHOWN}]


@given(choices())
def test_in_brief_only_the_winner_stays_and_the_others_are_counted(made: Choice) -> None:
    whole = why_of(made, PolicyName.PREDICTED, DEMAND, stream=True)
    brief = whole.in_brief
    assert brief.considered == (() if whole.won is None else (whole.won,))
    assert sum(brief.not_shown.values()) + len(brief.considered) == len(made.considered)


def test_the_log_line_has_everything_as_key_value_and_nothing_of_the_caller() -> None:
    assert str(why(GPU, MINI, won=MINI)) == (
        "policy=predicted role=reasoner prompt_tokens=312 max_tokens=16000 stream=yes priority=batch session=yes "
        'prefix_blocks=2 panic=no backend=mini reason="lowest predicted cost: 2.1, the next 6.3" '
        'considered="predicted (ttft/e2e/cost): mini 412ms/3.1s/2.1, gpu 1.2s/9.8s/6.3"'
    )


def test_a_thousand_records_of_a_pool_of_256_fit_into_64_megabytes() -> None:
    pool = [f"backend-{number}" for number in range(256)]
    records, of_each = 20, 6  # the classifier's call and the answer's, three attempts each in full
    tracemalloc.start()
    try:
        kept = []
        for turn in range(records * of_each):
            # Every number an object of its own, as in real life.
            considered = [
                able(name, turn + place / 7, turn + place / 3, turn + place / 9) for place, name in enumerate(pool)
            ]
            kept.append(why(*considered, won=considered[0]))
        gc.collect()  # what the interpreter keeps at hand for the next tuples belongs to no record
        taken_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(kept) == records * of_each
    assert taken_bytes / records * 1000 <= 64e6


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0ms"), (0.4124, "412ms"), (1.24, "1.2s"), (38.4, "38s"), (inf, "never")]
)
def test_seconds_are_told_short(seconds: float, text: str) -> None:
    assert short_seconds(seconds) == text
