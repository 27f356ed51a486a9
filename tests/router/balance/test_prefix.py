"""Beginnings of prompts as hashes of their blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.prefix import BLOCK_BYTES, MOST_BLOCKS, blocks_of

BLOCK = "x" * BLOCK_BYTES
texts = st.lists(st.text(max_size=3 * BLOCK_BYTES), max_size=4)


@given(texts, texts, texts)
def test_what_begins_alike_has_the_same_hashes_as_far_as_that_goes(
    common: list[str], one: list[str], other: list[str]
) -> None:
    shared = blocks_of(common)
    assert blocks_of([*common, *one])[: len(shared)] == blocks_of([*common, *other])[: len(shared)] == shared


def test_a_difference_in_one_block_is_one_in_all_behind_it() -> None:
    one, other = blocks_of([BLOCK * 4]), blocks_of([BLOCK + "y" + BLOCK * 3])
    assert one[0] == other[0]
    assert not set(one[1:]) & set(other[1:])


@pytest.mark.parametrize(
    ("characters", "blocks"), [(0, 0), (BLOCK_BYTES - 2, 0), (BLOCK_BYTES - 1, 1), (BLOCK_BYTES, 1)]
)
def test_only_whole_blocks_count_and_the_end_of_a_text_is_a_byte(characters: int, blocks: int) -> None:
    assert len(blocks_of(["x" * characters])) == blocks


def test_two_texts_are_not_the_same_as_one() -> None:
    assert blocks_of([BLOCK, BLOCK]) != blocks_of([BLOCK + BLOCK])


@pytest.mark.parametrize("texts", [[BLOCK * 2 * MOST_BLOCKS, BLOCK], [BLOCK] * 2 * MOST_BLOCKS])
def test_no_more_than_the_first_blocks_are_looked_at(texts: list[str]) -> None:
    assert len(blocks_of(texts)) == MOST_BLOCKS


def test_characters_that_cannot_be_written_are_no_trouble() -> None:
    assert len(blocks_of(["\ud800" * BLOCK_BYTES])) == 1
