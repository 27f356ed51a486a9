"""The waiting line, by laws and at the edges: order, room, patience, and who is told to come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.admission import MOST_COSTS, MOST_PLANNED, Answer, Terms, Ticket
from router.balance.demand import Priority
from router.balance.policies import POLICIES, PolicyName
from router.balance.policy import Policy, Scene
from router.balance.pools import Candidate
from sidecar import Outcome
from sidecar.facts import DrainSwitched, EngineIdentified
from tests.router.balance.lines import Site, full

priorities = st.sampled_from(Priority)
policies = st.sampled_from([POLICIES[name] for name in PolicyName])


def one_ends(site: Site) -> list[Ticket]:
    """The oldest request ends, and whoever may go goes."""
    site.ends(next(iter(site.running)))
    return site.settle()


# Order


def test_who_finds_room_goes_at_once_and_stands_in_no_line() -> None:
    site = Site({"a": 1})
    admission = site.comes(site.ticket())
    assert (admission.answer, admission.expected_seconds, len(site.line)) == (Answer.ADMITTED, 0.0, 0)


@given(st.lists(st.sampled_from(["comes", "ends", "leaves"]), max_size=60), st.integers(1, 3), priorities)
def test_equals_go_in_the_order_of_their_coming(steps: list[str], slots: int, priority: Priority) -> None:
    site = Site({"a": slots})
    came: list[Ticket] = []
    for step in steps:
        site.now += 1.0
        if step == "comes":
            came.append(site.ticket(priority=priority))
            site.comes(came[-1])
        elif step == "ends" and site.running:
            one_ends(site)
        elif step == "leaves" and len(site.line):
            leaver = next(ticket for ticket in reversed(came) if ticket in site.line)
            site.line.remove(leaver)
            came.remove(leaver)
    assert site.gone == came[: len(site.gone)]


def test_a_better_class_goes_first() -> None:
    site = full()
    batch, normal, interactive = (site.ticket(priority=p) for p in reversed(Priority))
    for ticket in (batch, normal, interactive):
        site.comes(ticket)
    assert [site.line.position(ticket) for ticket in (batch, normal, interactive)] == [3, 2, 1]
    assert [one_ends(site) for _ in range(3)] == [[interactive], [normal], [batch]]


@pytest.mark.parametrize(("later_seconds", "first"), [(29.9, "new"), (30.0, "old"), (30.1, "old")])
def test_a_ticket_that_has_waited_goes_before_a_better_class(later_seconds: float, first: str) -> None:
    site = full()
    old = site.ticket(priority=Priority.NORMAL)
    site.comes(old)
    site.now += later_seconds
    new = site.ticket(priority=Priority.INTERACTIVE)
    site.comes(new)
    assert one_ends(site) == [old if first == "old" else new]


@given(st.floats(0.5, 10.0), st.floats(1.0, 15.0))
def test_nobody_starves_however_many_better_ones_come(every_seconds: float, rise_seconds: float) -> None:
    terms = Terms(most=10_000, most_wait_seconds=1e9, rise_seconds=rise_seconds)
    site = full()
    batch = site.ticket(priority=Priority.BATCH, terms=terms)
    site.comes(batch)
    came_before = int(Priority.BATCH * rise_seconds / every_seconds) + 1
    for grants in range(came_before + 2):
        site.comes(site.ticket(priority=Priority.INTERACTIVE, terms=terms))
        site.now += every_seconds
        if one_ends(site) == [batch]:
            assert grants <= came_before
            return
    raise AssertionError("the batch was never served")


def test_a_request_that_comes_back_stands_where_it_would_have_stood() -> None:
    site = full()
    early = site.ticket()
    site.now += 5.0
    site.comes(site.ticket())
    assert site.comes(early).answer is Answer.QUEUED
    assert site.line.position(early) == 1


# Room


@given(
    st.lists(
        st.tuples(st.sampled_from(["comes", "ends", "leaves", "drains", "fails"]), st.integers(0, 99)), max_size=80
    ),
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 3), min_size=1),
    policies,
)
def test_never_more_than_there_is_room_for_and_nobody_waits_beside_a_place_that_he_wants(
    steps: list[tuple[str, int]], slots: dict[str, int | None], policy: Policy
) -> None:
    site = Site(slots, policy)
    names = sorted(slots)
    for step, number in steps:
        site.now += 0.25
        match step:
            case "comes":
                site.comes(site.ticket(priority=Priority(number % 3)))
            case "ends" | "fails" if site.running:
                outcome = Outcome.OK if step == "ends" else Outcome.CLIENT_GONE
                site.ends([*site.running][number % len(site.running)], outcome)
            case "leaves" if len(site.line):
                site.line.remove([*site.line][number % len(site.line)])
            case "drains":
                site.store.apply(DrainSwitched(site.now, names[number % len(names)], draining=number % 2 == 0))
        site.settle()
        assert all(site.in_flight(name) <= (many or 0) for name, many in slots.items())
        for ticket in site.line:
            choice = site.line.consider(ticket, site.snapshot(), 0.5)
            assert choice.full or choice.winner is None
    for ticket in tuple(site.line):
        site.line.remove(ticket)
    assert len(site.line) == 0


@given(st.sampled_from([name for name in PolicyName if not POLICIES[name].waits]), st.integers(0, 99))
def test_a_policy_that_knows_nothing_of_waiting_takes_whoever_has_room(name: PolicyName, number: int) -> None:
    site = Site({"a": 1, "b": 3, "c": 2}, POLICIES[name])
    for come in range(number % 6 + 1):
        assert site.comes(site.ticket()).answer is Answer.ADMITTED, come
    for _ in range(6 - len(site.running)):
        site.comes(site.ticket())
    assert site.comes(site.ticket()).answer is Answer.QUEUED


def test_who_waits_for_the_fast_one_lets_others_pass_to_the_slow_one() -> None:
    def costs(scene: Scene) -> list[float]:
        """`a` is worth waiting for, unless two wait already."""
        return [
            waiting / 2 if one.candidate.backend == "a" else 0.9
            for one, waiting in zip(scene.able, scene.before, strict=True)
        ]

    site = Site({"a": 1, "b": 1}, Policy(costs, "test", waits=True))
    site.comes(site.ticket())
    first, second, third = site.ticket(), site.ticket(), site.ticket()
    assert [site.comes(ticket).answer for ticket in (first, second, third)] == ["queued", "queued", "admitted"]
    assert site.running[third][0] == "b"
    assert [ticket.waits_for for ticket in (first, second)] == ["a", "a"]
    site.ends(third)
    assert site.settle() == []
    assert one_ends(site) == [first]


def test_a_place_that_somebody_waits_for_is_not_given_to_who_comes_just_then() -> None:
    site = full()
    waiting = site.ticket()
    site.comes(waiting)
    site.ends(next(iter(site.running)))
    assert site.comes(site.ticket()).answer is Answer.QUEUED
    assert site.settle() == [waiting]


def test_but_who_goes_before_them_may_take_it() -> None:
    site = full()
    site.comes(site.ticket())
    site.ends(next(iter(site.running)))
    assert site.comes(site.ticket(priority=Priority.INTERACTIVE)).answer is Answer.ADMITTED


def test_all_who_may_go_are_named_at_once_and_no_more() -> None:
    site = full(slots=3)
    tickets = [site.ticket() for _ in range(5)]
    for ticket in tickets:
        site.comes(ticket)
    for ticket in [*site.running][:2]:
        site.ends(ticket)
    assert [ticket for ticket, _ in site.line.ready(site.snapshot(), lambda: 0.5)] == tickets[:2]
    assert len(site.line) == 5


def test_one_role_does_not_stand_in_the_way_of_another() -> None:
    site = Site({"a": 1, "b": 1})
    a, b = ((candidate,) for candidate in site.pool)
    for _ in range(MOST_PLANNED * 3):
        site.comes(site.ticket(pool=a, role="reasoner"))
    assert site.comes(site.ticket(pool=b, role="classifier")).answer is Answer.ADMITTED
    waiting = site.ticket(pool=b, role="classifier")
    assert site.comes(waiting).answer is Answer.QUEUED
    assert site.line.position(waiting) == 1
    site.ends(next(ticket for ticket, (name, _) in site.running.items() if name == "b"))
    assert site.settle() == [waiting]


def test_two_roles_of_one_backend_stand_in_one_line() -> None:
    site = full()
    reasoner, classifier = site.ticket(role="reasoner"), site.ticket(role="classifier")
    site.comes(reasoner)
    site.comes(classifier)
    assert (site.line.waiting("reasoner"), site.line.waiting("classifier")) == (1, 1)
    assert classifier.expected_wait(site.now) > reasoner.expected_wait(site.now)
    assert [one_ends(site), one_ends(site)] == [[reasoner], [classifier]]


# Leaving


@given(st.lists(st.tuples(priorities, st.booleans()), max_size=MOST_PLANNED), st.integers(0, 3))
def test_who_leaves_leaves_no_trace(came: list[tuple[Priority, bool]], free: int) -> None:
    def grants(*, with_leavers: bool) -> list[int]:
        site = full(slots=4)
        tickets = []
        for number, (priority, leaves) in enumerate(came):
            site.now = float(number)
            ticket = site.ticket(priority=priority)
            if with_leavers or not leaves:
                site.comes(ticket)
            tickets.append((ticket, leaves))
        for ticket, leaves in tickets:
            if leaves:
                site.line.remove(ticket)
        for ticket in [*site.running][:free]:
            site.ends(ticket)
        gone = site.settle()
        return [number for number, (ticket, _) in enumerate(tickets) if ticket in gone]

    assert grants(with_leavers=True) == grants(with_leavers=False)


def test_leaving_twice_changes_nothing() -> None:
    site = full()
    ticket, other = site.ticket(), site.ticket()
    site.comes(ticket)
    site.comes(other)
    site.line.remove(ticket)
    site.line.remove(ticket)
    assert (len(site.line), site.line.position(other)) == (1, 1)


# What it costs


def test_a_long_line_costs_what_a_short_one_does() -> None:
    asked = 0

    def costs(scene: Scene) -> list[float]:
        nonlocal asked
        asked += 1
        return [0.0] * len(scene.able)

    site = full(policy=Policy(costs, "test", waits=True))
    for _ in range(MOST_PLANNED * 10):
        site.comes(site.ticket())
    asked = 0
    site.settle()
    assert asked == MOST_PLANNED
    asked = 0
    assert len(one_ends(site)) == 1
    assert asked <= MOST_PLANNED + 1


def test_a_large_pool_costs_no_more_than_a_small_one_and_whoever_may_go_goes() -> None:
    asked = 0

    def costs(scene: Scene) -> list[float]:
        nonlocal asked
        asked += len(scene.able)
        return [one.outlook.in_flight + waiting for one, waiting in zip(scene.able, scene.before, strict=True)]

    site = Site({f"b{number}": 1 for number in range(100)}, Policy(costs, "test", waits=True))
    tickets = [site.ticket() for _ in range(140)]
    for ticket in tickets:
        site.comes(ticket)
    asked = 0
    site.settle()
    assert asked <= MOST_COSTS
    for ticket in tickets[:30]:
        site.ends(ticket)
    assert site.settle() == tickets[100:130]


def test_depth_is_told_for_each_priority() -> None:
    site = full()
    for priority in (Priority.BATCH, Priority.BATCH, Priority.INTERACTIVE):
        site.comes(site.ticket(priority=priority))
    assert [site.line.depth(priority) for priority in Priority] == [1, 0, 2]


# Models that have slots of their own.


def ollama() -> Site:
    """One Ollama with one slot for each model."""
    site = Site({"a": 1})
    site.store.apply(EngineIdentified(0.0, "a", "ollama"))
    return site


def test_on_an_ollama_nobody_waits_for_the_slot_of_another_model() -> None:
    site = ollama()
    one, other = (Candidate("a", "m"),), (Candidate("a", "n"),)
    first, second = site.ticket(pool=one), site.ticket(pool=other)
    assert {site.comes(ticket).answer for ticket in (first, second)} == {Answer.ADMITTED}
    behind = [site.ticket(pool=pool) for pool in (one, one, other)]
    assert {site.comes(ticket).answer for ticket in behind} == {Answer.QUEUED}
    assert site.settle() == []
    site.ends(second)
    assert site.settle() == [behind[2]]
    site.ends(first)
    assert site.settle() == [behind[0]]


def test_elsewhere_models_share_the_slots() -> None:
    site = Site({"a": 1})
    assert site.comes(site.ticket(pool=(Candidate("a", "m"),))).answer is Answer.ADMITTED
    assert site.comes(site.ticket(pool=(Candidate("a", "n"),))).answer is Answer.QUEUED


def test_on_an_ollama_those_who_wait_for_one_model_are_not_before_those_of_another() -> None:
    site = ollama()
    one, other = (Candidate("a", "m"),), (Candidate("a", "n"),)
    site.comes(site.ticket(pool=one))
    for _ in range(5):
        site.comes(site.ticket(pool=one))
    assert site.comes(site.ticket(pool=other)).answer is Answer.ADMITTED
