"""How many chats run here."""

import pytest

from router.errors import Shed
from router.occupancy import Occupancy


def test_a_chat_counts_from_its_beginning_to_its_end() -> None:
    occupancy = Occupancy(2)
    with occupancy.chat():
        with occupancy.chat():
            assert (occupancy.active, occupancy.total) == (2, 2)
        assert (occupancy.active, occupancy.total) == (1, 2)
    assert (occupancy.active, occupancy.total) == (0, 2)


def test_a_chat_that_fails_has_ended_too() -> None:
    occupancy = Occupancy(1)
    with pytest.raises(KeyError), occupancy.chat():
        raise KeyError
    assert occupancy.active == 0


def test_one_too_many_is_refused_and_not_counted() -> None:
    occupancy = Occupancy(1)
    with occupancy.chat():
        with pytest.raises(Shed) as shed, occupancy.chat():
            pass
        assert (occupancy.active, occupancy.total) == (1, 1)
    assert shed.value.message == "1 of 1 chats run already (router.limits.streams); try again soon."
    assert shed.value.retry_after_seconds == 1.0
    with occupancy.chat():
        assert occupancy.active == 1


def test_a_limit_that_was_lowered_holds_for_those_who_come_and_spares_those_who_are_in() -> None:
    occupancy = Occupancy(2)
    with occupancy.chat(), occupancy.chat():
        occupancy.most = 1
        with pytest.raises(Shed), occupancy.chat():
            pass
    with occupancy.chat():
        assert occupancy.active == 1
