from hypothesis import given
from hypothesis import strategies as st

from sidecar.prefixes import BLOCK_TOKENS, MOST_BLOCKS, Prefixes

prompts = st.lists(st.lists(st.integers(0, 6), max_size=6).map(tuple), max_size=8)


def noted(*seen: tuple[int, ...]) -> Prefixes:
    known = Prefixes()
    for blocks in seen:
        known.note(blocks)
    return known


@given(prompts, st.lists(st.integers(0, 6), max_size=6).map(tuple))
def test_the_longest_known_beginning_counts(seen: list[tuple[int, ...]], asked: tuple[int, ...]) -> None:
    everything = {block for blocks in seen for block in blocks}
    brute = next((place for place, block in enumerate(asked) if block not in everything), len(asked))
    assert noted(*seen).cached_tokens(asked) == brute * BLOCK_TOKENS


def test_what_was_never_seen_is_not_there() -> None:
    assert noted().cached_tokens((1, 2)) == 0
    assert noted((1, 2, 3)).cached_tokens((9, 2, 3)) == 0
    assert noted((1, 2, 3)).cached_tokens(()) == 0


def test_the_oldest_is_forgotten_and_of_one_prompt_its_end_first() -> None:
    half = MOST_BLOCKS // 2
    old, young = tuple(range(half)), tuple(range(10_000, 10_000 + half))
    known = noted(old, young)
    assert known.cached_tokens(old) == known.cached_tokens(young) == half * BLOCK_TOKENS
    known.note((99_999,))
    assert known.cached_tokens(old) == (half - 1) * BLOCK_TOKENS
    assert known.cached_tokens(young) == half * BLOCK_TOKENS


def test_whatever_is_asked_for_again_is_young_again() -> None:
    half = MOST_BLOCKS // 2
    old, young = tuple(range(half)), tuple(range(10_000, 10_000 + half))
    known = noted(old, young, old, (99_999,))
    assert known.cached_tokens(old) == half * BLOCK_TOKENS
    assert known.cached_tokens(young) == (half - 1) * BLOCK_TOKENS
