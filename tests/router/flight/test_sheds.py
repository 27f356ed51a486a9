"""Whoever was told to come back is told so again, from the line alone."""

import asyncio
import random
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.admission import Answer, Queue, Rejection, Shed, Terms, rejection_of
from router.balance.demand import Priority
from router.balance.policies import PolicyName
from router.errors import PolicyFault
from router.flight.choices import RecordedShed, shed_body, shed_of
from router.flight.replaying import Comparison, Remade, comparison_json, comparison_lines, shed_difference
from sidecar import Note, TraceInvalid
from sidecar.recording import read, write
from tests.fakes.sinks import Kept
from tests.fakes.upstreams import WHOLE_STREAM, Heard, upstream
from tests.fakes.waiting import until
from tests.router.balance.lines import Site
from tests.router.fleets import fleet

PREDICTED = PolicyName.PREDICTED


def note_of(shed: Shed) -> Note:
    """It after a way through a file."""
    note = read(write(Note(12.5, "shed", shed_body("d1", PREDICTED, shed))))
    assert isinstance(note, Note)
    return note


def again(shed: Shed) -> RecordedShed:
    note = note_of(shed)
    return shed_of(note.at, note.body)


@given(
    st.lists(st.tuples(st.sampled_from(Priority), st.integers(0, 3), st.sampled_from([0.5, 3.0, 60.0])), max_size=25),
    st.integers(1, 2),
    st.booleans(),
)
def test_whoever_comes_to_a_full_line_is_refused_again_for_the_same_reason(
    came: list[tuple[Priority, int, float]], slots: int, known: bool
) -> None:
    site = Site({"a": slots, "b": slots})
    if known:
        site.practised("a")
        site.practised("b")
    for priority, most, wait_seconds in came:
        ticket = site.ticket(priority=priority, terms=Terms(most=most, most_wait_seconds=wait_seconds))
        admission = site.comes(ticket)
        decided = rejection_of(admission.choice, ticket.demand, admission.queue)
        assert (admission.answer is Answer.SHED) is (decided is not None)
        if admission.rejection is not None:
            recorded = again(Shed(admission.rejection, admission.choice, admission.queue))
            assert recorded.queue == admission.queue
            assert recorded.again() is admission.rejection
            assert shed_difference(recorded) is None


async def test_in_a_storm_every_kind_of_refusal_is_recorded_and_is_given_again() -> None:
    rng = random.Random(5)
    held = asyncio.Event()

    async def script(heard: Heard) -> None:
        await held.wait()
        await asyncio.sleep(0.02)
        await heard.send(WHOLE_STREAM)

    refused = 0
    async with upstream(script) as one, fleet(one.url, slots=1) as storm:

        async def client(number: int, wait_seconds: float) -> None:
            nonlocal refused
            terms = Terms(most=4, most_wait_seconds=wait_seconds)
            try:
                await storm.send(Kept(), terms=terms, priority=Priority(number % 3))
            except PolicyFault:
                refused += 1

        async with asyncio.TaskGroup() as clients:
            clients.create_task(client(0, 1000.0))
            await until(lambda: storm.in_flight() == 1)
            await client(0, 0.05)  # nothing is known yet by which it could be told at once
            held.set()
            for number in range(120):
                clients.create_task(client(number, 0.05 if number % 3 else 1000.0))
                await asyncio.sleep(rng.random() * 0.006)
    assert len(storm.sheds) == refused == len(storm.counts.reasons)
    assert {one.rejection for one in storm.sheds} == set(Rejection)
    assert [shed_difference(again(one)) for one in storm.sheds] == [None] * refused


def refused_once() -> Shed:
    site = Site({"a": 1})
    site.comes(site.ticket())
    admission = site.comes(site.ticket(terms=Terms(most=0)))
    assert admission.rejection is not None
    return Shed(admission.rejection, admission.choice, admission.queue)


def test_where_all_rest_it_is_refused_again_though_nobody_could_be_chosen() -> None:
    shed = refused_once()
    nobody = replace(shed.choice, winner=None, place=None, rests_until=900.0, costs=[])
    nobody = replace(nobody, scene=nobody.scene._replace(able=(), before=()))
    resting = Shed(Rejection.QUEUE_FULL, nobody, shed.queue)
    assert shed_difference(again(resting)) is None
    dead = Shed(Rejection.QUEUE_FULL, replace(nobody, rests_until=None), shed.queue)
    assert again(dead).again() is None


@pytest.mark.parametrize(
    "queue",
    [
        Queue(waiting=1, most=2, displaced_by=0),
        Queue(waiting=2, most=2, displaced_by=1),
        Queue(left_seconds=2.0, waited_seconds=1.9),
        Queue(waiting=1, most=2),
    ],
)
def test_a_queue_that_was_not_like_that_refuses_nobody_and_is_a_difference(queue: Queue) -> None:
    shed = refused_once()._replace(queue=queue)
    found = shed_difference(again(shed))
    assert found is not None
    assert (found["decision"], found["recorded"], found["replayed"]) == (
        "d1",
        {"rejection": "queue_full"},
        {"rejection": None},
    )


def test_another_last_choice_is_a_difference_too() -> None:
    recorded = again(refused_once())
    other = recorded._replace(last=recorded.last._replace(cost=1e9))
    found = shed_difference(other)
    assert found is not None
    assert found["recorded"]["cost"] == 1e9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rejection": "mood"}, "a refusal that cannot be read: ValueError: 'mood' is not a valid Rejection"),
        ({"queue": [1] * 20}, "a refusal that cannot be read: TypeError: "),
        ({"form": 0}, "form: found 0; "),
    ],
)
def test_a_line_that_is_no_refusal_is_refused_with_what_is_wrong(change: dict[str, object], message: str) -> None:
    body = orjson.loads(orjson.dumps(shed_body("d1", PREDICTED, refused_once())))
    with pytest.raises(TraceInvalid) as refused:
        shed_of(1.0, body | change)
    assert str(refused.value).startswith(message)


def test_a_change_of_what_is_written_of_the_queue_is_a_change_of_the_form() -> None:
    """Whoever sees this fail counts `FORM` of router/flight/choices.py up: a recording of before would be misread."""
    assert Queue._fields == (
        "waiting", "most", "expected_seconds", "left_seconds", "believed", "makes_way", "waited_seconds",
        "displaced_by",
    )  # fmt: skip


def test_refusals_are_counted_and_compared() -> None:
    note = note_of(refused_once())
    remade, comparison = Remade(), Comparison(PolicyName.ROUND_ROBIN)
    assert remade.take(note) is None
    comparison.take_note(note)
    assert remade.sentence() == "1 refusal by the queue made again, 0 came out differently."
    told = comparison_json(comparison)
    assert (told["refused"], told["refused_with_room"]) == (1, 0)
    assert any(line.startswith("1 request was told to come back") for line in comparison_lines(comparison))
