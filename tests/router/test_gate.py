"""The gate before real servers: who waits, who goes, who leaves, and that nobody leaves a trace."""

import asyncio
from typing import Any

import pytest

from router.attempt import ClientGone
from router.balance.admission import Rejection, Terms, Ticket
from router.balance.demand import Priority
from router.balance.policies import POLICIES
from router.balance.pools import Candidate
from router.errors import NoBackend, QueueFull, QueueTimeout
from router.gate import ROUND_SECONDS, Seen, rounded
from router.journey import Journey
from sidecar import BackendRemoved, BackendSpec, Fact, Outcome, RequestFinished
from sidecar.facts import DrainSwitched, ProbeOutcome
from tests.fakes.sinks import Kept
from tests.fakes.upstreams import WHOLE_STREAM, Heard, upstream
from tests.fakes.waiting import until
from tests.router.fleets import ROLE, Fleet, add, fleet, now
from tests.router.relaying import SOON, deadlines

Sending = asyncio.Task[Journey]


class Desk:
    """A server's script: every request waits until it is told to end. Knows the most that it had at once."""

    def __init__(self) -> None:
        self.held: list[Heard] = []
        self.most = 0

    async def __call__(self, heard: Heard) -> None:
        self.held.append(heard)
        self.most = max(self.most, len(self.held))
        try:
            await heard.hung_up()
        finally:
            if heard in self.held:
                self.held.remove(heard)

    async def end_one(self) -> None:
        """The oldest request is answered. More of it would be seen as a second one at the same time."""
        heard = self.held.pop(0)
        await heard.send(WHOLE_STREAM)
        heard.close()


async def queue_up(one: Fleet, number: int, **call: Any) -> list[tuple[Sending, Kept]]:
    """So many clients, each in the line before the next one comes."""
    clients: list[tuple[Sending, Kept]] = []
    for _ in range(number):
        before = one.in_flight() + len(one.line)
        sink = Kept()
        clients.append((asyncio.create_task(one.send(sink, **call)), sink))
        await until(lambda before=before: one.in_flight() + len(one.line) == before + 1)  # type: ignore[misc]
    return clients


async def leave(*sendings: Sending) -> None:
    """Hang up."""
    for sending in sendings:
        sending.cancel()
    await asyncio.gather(*sendings, return_exceptions=True)


# Waiting and going


async def test_a_backend_with_one_slot_has_one_request_and_ten_clients_go_in_their_order() -> None:
    desk = Desk()
    ended: list[int] = []
    async with upstream(desk) as server, fleet(server.url, slots=1) as one:
        clients = await queue_up(one, 10)
        for number, (sending, _) in enumerate(clients):
            sending.add_done_callback(lambda _, number=number: ended.append(number))  # type: ignore[misc]
        assert (one.in_flight(), len(one.line)) == (1, 9)
        for number in range(10):
            await until(lambda: desk.held)
            await desk.end_one()
            await until(lambda number=number: len(ended) == number + 1)  # type: ignore[misc]
        assert (desk.most, one.in_flight(), len(one.line)) == (1, 0, 0)
    assert ended == list(range(10))
    assert (len(one.counts.waits), one.counts.waits[0], min(one.counts.waits[1:]) > 0) == (10, 0.0, True)


async def test_where_the_limit_is_only_guessed_one_more_is_sent_to_find_out() -> None:
    desk = Desk()
    async with upstream(desk) as server, fleet(server.url, engine="ollama") as one:
        clients = await queue_up(one, 6)
        for _ in clients:
            await until(lambda: desk.held)
            await desk.end_one()
        await asyncio.gather(*(sending for sending, _ in clients))
    assert desk.most == 2


async def test_who_waits_is_told_at_once_and_again_as_the_line_moves() -> None:
    desk = Desk()
    async with upstream(desk) as server, fleet(server.url, slots=1) as one:
        clients = await queue_up(one, 4)
        last = clients[-1][1]
        for position in (3, 2, 1):
            await until(lambda position=position: last.waits and last.waits[-1][0] == position)  # type: ignore[misc]
            await desk.end_one()
        await until(lambda: desk.held)
        await desk.end_one()
        journeys = await asyncio.gather(*(sending for sending, _ in clients))
        assert clients[0][1].waits == []
    positions = [position for position, _ in last.waits]
    assert positions == sorted(positions, reverse=True)
    assert all(expected_seconds in ROUND_SECONDS for _, expected_seconds in last.waits)
    waited = [journey.queued_ms for journey in one.journeys]
    assert waited[0] is None
    assert waited[1] is not None
    assert waited[3] is not None
    assert waited[1] < waited[3]
    assert len(journeys) == 4


async def test_a_connection_is_kept_while_nothing_changes() -> None:
    desk = Desk()
    async with upstream(desk) as server, fleet(server.url, slots=1, keepalive_seconds=0.01) as one:
        clients = await queue_up(one, 2)
        await until(lambda: clients[1][1].quiets)
        await leave(*(sending for sending, _ in clients))


async def test_who_finds_room_is_let_in_without_a_turn_of_the_loop() -> None:
    async with fleet("http://127.0.0.1:9", slots=1) as one:
        call = one.call()
        ticket = Ticket(call.demand, call.pool, POLICIES[call.policy], now(), call.terms)
        passing = one.gate.passed(ticket, now() + 1, Kept(), lambda: call.pool)
        with pytest.raises(StopIteration) as passed:
            passing.send(None)
        seen: Seen = passed.value.value
        assert (seen.choice.winner is not None, seen.choice.full, seen.waited_seconds) == (True, False, 0.0)


async def test_a_better_priority_goes_first() -> None:
    desk = Desk()
    async with upstream(desk) as server, fleet(server.url, slots=1) as one:
        clients = await queue_up(one, 1)
        for priority in (Priority.BATCH, Priority.NORMAL, Priority.INTERACTIVE):
            clients += await queue_up(one, 1, priority=priority, body={"priority": priority.name})
        for _ in clients:
            await until(lambda: desk.held)
            await desk.end_one()
        await asyncio.gather(*(sending for sending, _ in clients))
        asked = [heard.json().get("priority") for heard in server.heard]
    assert asked == [None, "INTERACTIVE", "NORMAL", "BATCH"]


async def test_who_is_called_too_late_goes_on_waiting() -> None:
    desk = Desk()
    better: list[Sending] = []
    async with upstream(desk) as server, fleet(server.url, slots=1) as one:
        one.gate.look_again_seconds = 60.0
        clients = await queue_up(one, 2)

        def come(fact: Fact) -> None:
            if isinstance(fact, RequestFinished) and not better:
                sending = one.send(Kept(), priority=Priority.INTERACTIVE, body={"who": "better"})
                better.append(asyncio.create_task(sending))

        one.store.witness(come)
        for _ in range(3):
            await until(lambda: desk.held)
            await desk.end_one()
        await asyncio.gather(*(sending for sending, _ in clients), *better)
        assert [heard.json().get("who") for heard in server.heard] == [None, "better", None]


async def test_whoever_has_room_first_takes_the_next_one() -> None:
    first, second = Desk(), Desk()
    async with upstream(first) as one, upstream(second) as two, fleet(one.url, two.url, slots=1) as both:
        clients = await queue_up(both, 3)
        await until(lambda: (len(first.held), len(second.held), len(both.line)) == (1, 1, 1))
        await second.end_one()
        await until(lambda: second.held)
        await leave(*(sending for sending, _ in clients))


@pytest.mark.parametrize("what", ["joins", "comes back", "is drained no longer"])
async def test_a_backend_that_comes_takes_those_who_wait(what: str) -> None:
    desk, other = Desk(), Desk()
    async with upstream(desk) as server, upstream(other) as late, fleet(server.url, slots=1) as one:
        spec = BackendSpec("late", late.url, models={ROLE: "m"}, slots=1)
        if what != "joins":
            add(one.store, spec)
            one.pool = (*one.pool, Candidate("late", "m"))
        if what == "comes back":
            one.probed("late", ProbeOutcome.REFUSED)
        elif what == "is drained no longer":
            one.store.apply(DrainSwitched(now(), "late", draining=True))
        clients = await queue_up(one, 2)
        assert other.held == []
        match what:
            case "joins":
                one.pool = (*one.pool, Candidate("late", "m"))
                add(one.store, spec)
            case "comes back":
                one.probed("late", ProbeOutcome.OK)
            case _:
                one.store.apply(DrainSwitched(now(), "late", draining=False))
        await until(lambda: other.held)
        await leave(*(sending for sending, _ in clients))


@pytest.mark.parametrize("how", ["down", "removed"])
async def test_when_the_last_backend_goes_nobody_goes_on_waiting(how: str) -> None:
    desk = Desk()
    async with upstream(desk) as server, fleet(server.url, slots=1) as one:
        clients = await queue_up(one, 40)
        if how == "down":
            one.probed("b0", ProbeOutcome.REFUSED)
        else:
            one.store.apply(BackendRemoved(now(), "b0"))
        for sending, _ in clients[1:]:
            with pytest.raises(NoBackend):
                await sending
        assert len(one.line) == 0
        await leave(clients[0][0])


# Leaving


async def test_who_hangs_up_in_the_line_has_left_it_at_once_and_the_others_move_up() -> None:
    desk = Desk()
    async with upstream(desk) as server, fleet(server.url, slots=1) as one:
        clients = await queue_up(one, 3)
        await leave(clients[1][0])
        assert len(one.line) == 1
        await desk.end_one()
        await until(lambda: desk.held)
        assert len(server.heard) == 2
        await leave(clients[2][0])
        assert (one.in_flight(), one.finished()) == (0, {Outcome.OK: 1, Outcome.CLIENT_GONE: 1})


@pytest.mark.parametrize("turns", range(8))
async def test_who_hangs_up_as_he_is_called_takes_no_place_with_him(turns: int) -> None:
    desk = Desk()
    async with upstream(desk) as server, fleet(server.url, slots=1) as one:
        one.gate.look_again_seconds = 60.0
        clients = await queue_up(one, 2) + await queue_up(one, 1, body={"who": "third"})

        def later(turns: int) -> None:
            if turns:
                asyncio.get_running_loop().call_soon(later, turns - 1)
            else:
                clients[1][0].cancel()

        def cancel(fact: Fact) -> None:
            if isinstance(fact, RequestFinished) and not clients[1][0].cancelling():
                later(turns)

        one.store.witness(cancel)
        await desk.end_one()
        await asyncio.gather(clients[1][0], return_exceptions=True)
        await until(lambda: [heard.json().get("who") for heard in desk.held] == ["third"])
        assert (one.in_flight(), len(one.line)) == (1, 0)
        await desk.end_one()
        await clients[2][0]
        assert one.finished()[Outcome.OK] == 2


async def test_a_client_that_is_found_gone_when_it_is_told_leaves_the_line() -> None:
    class Gone(Kept):
        async def waiting(self, position: int, expected_seconds: float) -> None:
            await super().waiting(position, expected_seconds)
            raise ClientGone

    desk = Desk()
    async with upstream(desk) as server, fleet(server.url, slots=1) as one:
        clients = await queue_up(one, 1)
        with pytest.raises(ClientGone):
            await one.send(Gone())
        assert len(one.line) == 0
        await leave(clients[0][0])


async def test_a_client_that_does_not_read_what_it_is_told_holds_up_nobody() -> None:
    desk = Desk()
    async with upstream(desk) as server, fleet(server.url, slots=1) as one:
        clients = await queue_up(one, 3)
        clients[1][1].reading.clear()
        await until(lambda: clients[1][1].waits)
        await desk.end_one()
        await until(lambda: desk.held)
        clients[1][1].reading.set()
        await desk.end_one()
        await until(lambda: desk.held)
        await desk.end_one()
        await asyncio.gather(*(sending for sending, _ in clients))


# Coming back later


async def test_a_full_line_sends_away_with_a_time_to_come_back() -> None:
    desk = Desk()
    terms = Terms(most=2)
    async with upstream(desk) as server, fleet(server.url, slots=1) as one:
        clients = await queue_up(one, 3, terms=terms)
        with pytest.raises(QueueFull) as full:
            await one.send(Kept(), terms=terms)
        assert full.value.message == (
            '2 requests wait for "reasoner" already (queue.most of its role); try again later.'
        )
        assert full.value.retry_after_seconds in ROUND_SECONDS
        assert one.counts.reasons == [Rejection.QUEUE_FULL]
        await leave(*(sending for sending, _ in clients))
        assert (one.in_flight(), len(one.line)) == (0, 0)


async def test_a_better_priority_displaces_the_last_of_a_full_line() -> None:
    desk = Desk()
    terms = Terms(most=2)
    async with upstream(desk) as server, fleet(server.url, slots=1) as one:
        clients = await queue_up(one, 3, terms=terms, priority=Priority.BATCH)
        better = asyncio.create_task(one.send(Kept(), terms=terms))
        with pytest.raises(QueueFull):
            await clients[2][0]
        assert (len(one.line), one.counts.reasons) == (2, [Rejection.DISPLACED])
        await leave(better, *(sending for sending, _ in clients))


async def test_who_has_waited_for_as_long_as_he_may_is_told_so() -> None:
    desk = Desk()
    async with upstream(desk) as server, fleet(server.url, slots=1) as one:
        clients = await queue_up(one, 1)
        with pytest.raises(QueueTimeout) as late:
            await one.send(Kept(), terms=Terms(most_wait_seconds=SOON))
        assert late.value.message == (
            'Nobody had room for "reasoner" in time (queue.most_wait_seconds and timeout_seconds of its role); '
            "try again later."
        )
        assert late.value.retry_after_seconds in ROUND_SECONDS
        assert (len(one.line), len(server.heard), one.counts.reasons) == (0, 1, [Rejection.WAITED_TOO_LONG])
        await leave(clients[0][0])


async def test_the_time_in_the_line_counts_as_time_for_the_answer() -> None:
    desk = Desk()
    async with upstream(desk) as server, fleet(server.url, slots=1) as one:
        clients = await queue_up(one, 1)
        with pytest.raises(QueueTimeout):
            await one.send(Kept(), limits=deadlines(total=SOON))
        await leave(clients[0][0])


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, 1), (0.2, 1), (1, 1), (1.1, 2), (5.1, 7), (44, 45), (600, 600), (1e9, 600), (1e400, 600)]
)
def test_waits_are_told_in_steps_upwards(seconds: float, told: float) -> None:
    assert rounded(seconds) == told
