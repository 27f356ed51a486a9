"""The line before a session: who is next, and that nobody holds it up."""

import asyncio
from contextlib import suppress

import pytest

from router.errors import SessionBusy, TurnTimeout
from router.sessions.line import RETRY_AFTER_SECONDS, Lines
from tests.fakes.waiting import until

KIM, LEE, ROOM = "0123456789ab", "ba9876543210", "room-1"
LONG_SECONDS = 60.0


def lines(most_waiting: int = 8, wait_seconds: float = LONG_SECONDS, turn_seconds: float = LONG_SECONDS) -> Lines:
    return Lines(most_waiting=most_waiting, wait_seconds=wait_seconds, turn_seconds=turn_seconds)


async def nobody_told() -> None:
    pass


class Speaker:
    """Somebody who wants a turn, keeps it until told to end, and notes when it had it."""

    def __init__(self, line: Lines, name: str, heard: list[str], owner: str = KIM, session: str = ROOM) -> None:
        self.may_end = asyncio.Event()
        self.speaks = asyncio.Event()
        self._line, self._name, self._heard, self._owner, self._session = line, name, heard, owner, session
        self.task = asyncio.create_task(self._speak())

    async def _speak(self) -> None:
        async with self._line.turn(self._owner, self._session, LONG_SECONDS, nobody_told):
            self._heard.append(f"{self._name} begins")
            self.speaks.set()
            await self.may_end.wait()
            self._heard.append(f"{self._name} ends")


async def in_line(line: Lines, number: int) -> None:
    """Until so many wait."""
    await until(lambda: line.waiting(KIM, ROOM) == number)


async def test_messages_of_one_session_are_answered_one_after_the_other_in_the_order_they_came() -> None:
    line, heard = lines(), list[str]()
    speakers = []
    for number in range(4):
        speakers.append(Speaker(line, str(number), heard))
        await (speakers[0].speaks.wait() if number == 0 else in_line(line, number))
    for speaker in reversed(speakers):
        speaker.may_end.set()
    await asyncio.gather(*(speaker.task for speaker in speakers))
    assert heard == [f"{number} {what}" for number in range(4) for what in ("begins", "ends")]
    assert len(line) == 0


async def test_other_sessions_and_the_same_name_of_another_owner_do_not_wait() -> None:
    line, heard = lines(), list[str]()
    speakers = [Speaker(line, "a", heard), Speaker(line, "b", heard, owner=LEE), Speaker(line, "c", heard, session="2")]
    await asyncio.gather(*(speaker.speaks.wait() for speaker in speakers))
    assert len(line) == 3
    for speaker in speakers:
        speaker.may_end.set()
        await speaker.task
    assert len(line) == 0


async def test_one_more_than_may_wait_is_refused_at_once_and_told_when_to_come_back() -> None:
    line, heard = lines(most_waiting=1), list[str]()
    first = Speaker(line, "first", heard)
    await first.speaks.wait()
    second = Speaker(line, "second", heard)
    await in_line(line, 1)
    with pytest.raises(SessionBusy, match="1 messages of this session wait already") as refused:
        async with line.turn(KIM, ROOM, LONG_SECONDS, nobody_told):
            pass
    assert (refused.value.status, refused.value.retry_after_seconds) == (429, RETRY_AFTER_SECONDS)
    for speaker in (first, second):
        speaker.may_end.set()
        await speaker.task
    assert heard[-1] == "second ends"


async def test_nobody_waits_longer_than_configured_and_whoever_gave_up_holds_nobody_up() -> None:
    line, heard = lines(wait_seconds=0.01), list[str]()
    first = Speaker(line, "first", heard)
    await first.speaks.wait()
    with pytest.raises(SessionBusy, match=r"has not been answered for 0\.01 s"):
        async with line.turn(KIM, ROOM, LONG_SECONDS, nobody_told):
            pass
    assert line.waiting(KIM, ROOM) == 0
    first.may_end.set()
    await first.task
    assert len(line) == 0


async def test_a_turn_that_hangs_is_ended_and_the_next_has_its_turn() -> None:
    line, heard = lines(turn_seconds=0.02), list[str]()
    hanging = Speaker(line, "hanging", heard)
    await hanging.speaks.wait()
    async with line.turn(KIM, ROOM, LONG_SECONDS, nobody_told):
        heard.append("next")
    with pytest.raises(TurnTimeout, match=r"ended after 0\.02 s"):
        await hanging.task
    assert heard == ["hanging begins", "next"]
    assert len(line) == 0


async def test_a_timeout_of_the_turns_own_stays_what_it_is() -> None:
    line = lines()
    with pytest.raises(TimeoutError, match="its own"):
        async with line.turn(KIM, ROOM, LONG_SECONDS, nobody_told):
            raise TimeoutError("its own")
    assert len(line) == 0


async def test_whoever_leaves_while_waiting_gives_up_the_place_and_the_one_behind_moves_up() -> None:
    line, heard = lines(), list[str]()
    first = Speaker(line, "first", heard)
    await first.speaks.wait()
    gone, last = Speaker(line, "gone", heard), Speaker(line, "last", heard)
    await in_line(line, 2)
    gone.task.cancel()
    await in_line(line, 1)
    first.may_end.set()
    last.may_end.set()
    await asyncio.gather(first.task, last.task)
    assert heard == ["first begins", "first ends", "last begins", "last ends"]
    assert len(line) == 0


async def test_a_turn_given_to_somebody_who_leaves_in_the_same_moment_goes_to_the_next() -> None:
    line, heard = lines(), list[str]()
    first = Speaker(line, "first", heard)
    await first.speaks.wait()
    leaving, last = Speaker(line, "leaving", heard), Speaker(line, "last", heard)
    await in_line(line, 2)
    first.may_end.set()
    await first.task  # the turn is the leaving one's now, who has not run since
    leaving.task.cancel()
    last.may_end.set()
    await last.task
    with suppress(asyncio.CancelledError):
        await leaving.task
    assert "last ends" in heard
    assert len(line) == 0


async def test_whoever_waits_is_heard_of_so_that_connections_do_not_fall_silent_and_may_leave_by_it() -> None:
    line, heard = lines(), list[str]()
    first = Speaker(line, "first", heard)
    await first.speaks.wait()
    told = 0

    async def tell() -> None:
        nonlocal told
        told += 1
        if told == 3:
            raise ConnectionError("the client is gone")

    with pytest.raises(ConnectionError):
        async with line.turn(KIM, ROOM, 0.001, tell):
            pass
    assert line.waiting(KIM, ROOM) == 0
    first.may_end.set()
    await first.task
    assert len(line) == 0


async def test_whatever_happens_in_a_turn_the_next_one_has_it() -> None:
    line = lines()
    with pytest.raises(ValueError, match="wrong"):
        async with line.turn(KIM, ROOM, LONG_SECONDS, nobody_told):
            raise ValueError("wrong")
    async with line.turn(KIM, ROOM, LONG_SECONDS, nobody_told):
        assert len(line) == 1
    assert len(line) == 0
