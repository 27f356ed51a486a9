"""Names of messages: each leads to one message or nowhere."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.mailbox.names import Name, check_of, name_of, parse
from router.tools.letters import UID_SHAPE

places = st.tuples(st.text(max_size=20), st.text(max_size=20), st.integers(1, 2**32 - 1))


@given(st.integers(1, 2**32 - 1), places)
def test_a_name_is_read_back_as_it_was_written(number: int, place: tuple[str, str, int]) -> None:
    check = check_of(*place)
    assert parse(name_of(number, check)) == Name(number, check)
    assert re.fullmatch(UID_SHAPE, name_of(number, check))


@given(places, places)
def test_other_accounts_folders_and_validities_have_other_names(
    one: tuple[str, str, int], other: tuple[str, str, int]
) -> None:
    assert (check_of(*one) == check_of(*other)) == (one == other)


def test_a_person_may_write_it_large_and_with_space_around() -> None:
    assert parse(" 45-ABCDEFGH ") == Name(45, "abcdefgh")


@pytest.mark.parametrize("text", ["", "45", "045-abcdefgh", "45-abcdefg", "45-abcdefgh1", "x-abcdefgh", "1:*-abcdefgh"])
def test_what_is_no_name_leads_nowhere(text: str) -> None:
    assert parse(text) is None
