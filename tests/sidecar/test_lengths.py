import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.lengths import ANSWERS_BETWEEN_SORTS, MOST_ANSWERS, NO_LENGTHS, PRIOR, SHORTEST_REST, Lengths

answers = st.lists(st.sampled_from([1, 8, 100]) | st.integers(1, 20_000), max_size=60)
places = st.sampled_from([0, 1, 63, 64, 400, 401]) | st.integers(0, 25_000) | st.floats(0, 25_000)


def after(seen: Sequence[int]) -> Lengths:
    lengths = NO_LENGTHS
    for tokens in seen:
        lengths = lengths.after(tokens)
    return lengths


def known(seen: Sequence[int]) -> list[int]:
    """The answers that a table made now would rest on."""
    return [*PRIOR, *seen][-MOST_ANSWERS:]


def lag(lengths: Lengths, seen: Sequence[int]) -> int:
    """How many of the last answers the table does not know yet."""
    return next(
        late for late in range(len(seen) + 1) if sorted(known(seen[: len(seen) - late])) == list(lengths.ordered)
    )


@given(answers)
def test_the_table_is_that_of_a_moment_ago(seen: list[int]) -> None:
    lengths = after(seen)
    assert lag(lengths, seen) < ANSWERS_BETWEEN_SORTS
    assert lengths.mean == pytest.approx(sum(lengths.ordered) / len(lengths.ordered))


def test_the_first_answers_count_at_once() -> None:
    for many in range(ANSWERS_BETWEEN_SORTS - len(PRIOR) + 1):
        assert lag(after([7] * many), [7] * many) == 0


def test_only_the_last_answers_count() -> None:
    lengths = after([5000] * 300 + [10] * (MOST_ANSWERS + ANSWERS_BETWEEN_SORTS))
    assert set(lengths.recent) == set(lengths.ordered) == {10}
    assert lengths.mean == 10


@given(answers, places)
def test_the_rest_is_the_mean_of_what_longer_answers_went_on_for(seen: list[int], so_far: float) -> None:
    lengths = after(seen)
    longer = [tokens - so_far for tokens in lengths.ordered if tokens > so_far]
    brute = max(SHORTEST_REST, sum(longer) / len(longer)) if longer else SHORTEST_REST
    assert lengths.rest(so_far) == pytest.approx(brute)


@given(answers, st.none() | st.integers(0, 25_000))
def test_the_expected_length_is_the_mean_of_what_the_limit_lets_through(seen: list[int], at_most: int | None) -> None:
    lengths = after(seen)
    cut = [tokens if at_most is None else min(tokens, at_most) for tokens in lengths.ordered]
    assert lengths.expected(at_most) == pytest.approx(sum(cut) / len(cut))


@given(answers, st.integers(1, 25_000))
def test_a_limit_never_makes_an_answer_longer(seen: list[int], at_most: int) -> None:
    lengths = after(seen)
    assert lengths.expected(at_most) <= min(at_most, lengths.mean) * (1 + 1e-12)
    assert lengths.expected(at_most) <= lengths.expected(at_most + 1) + 1e-9


@pytest.mark.parametrize(
    ("so_far", "rest"),
    [(0, 212.0), (63, 149.0), (64, 784 / 3 - 64), (399, SHORTEST_REST), (400, SHORTEST_REST), (9000, SHORTEST_REST)],
)
def test_the_rest_before_any_answer(so_far: int, rest: float) -> None:
    assert NO_LENGTHS.rest(so_far) == pytest.approx(rest)


def test_a_distribution_is_known_well_after_some_hundred_answers() -> None:
    rng = random.Random(1)
    lengths = after([1 + int(rng.expovariate(1 / 200)) for _ in range(500)])
    # Whoever has no memory goes on for as long as ever.
    assert lengths.mean == pytest.approx(200, rel=0.2)
    assert lengths.rest(300) == pytest.approx(200, rel=0.3)
