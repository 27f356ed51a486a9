"""The bench of choices: the fleet that it stands up, and what its tables say."""

from bench.choice.fleet import SLOTS, Fleet
from bench.choice.measure import Case, Cost
from bench.choice.table import dearer, table, verdicts
from router.balance.admission import Answer, Line, Ticket
from router.balance.policies import POLICIES, PolicyName


def in_flight(fleet: Fleet) -> list[int]:
    return [fleet.snapshot().backends[one.backend].work.in_flight for one in fleet.pool]


def test_the_fleet_is_idle_busy_and_full_by_turns_and_has_learnt_its_speeds() -> None:
    fleet = Fleet(SLOTS + 2)
    assert in_flight(fleet) == [*range(SLOTS + 1), 0]
    assert all(state.forecast("model").trusted for state in fleet.snapshot().backends.values())


def test_a_request_that_is_taken_leaves_as_much_at_work_as_there_was() -> None:
    fleet = Fleet(4)
    ticket = Ticket(fleet.demand(()), fleet.pool, POLICIES[PolicyName.PREDICTED], fleet.now)
    admission = Line().admit(ticket, fleet.snapshot(), 0.5)
    before = in_flight(fleet)
    fleet.take(admission.choice)
    assert admission.answer is Answer.ADMITTED
    assert in_flight(fleet) == before


def test_streams_get_the_tokens_that_are_due() -> None:
    fleet = Fleet(3)

    def tokens() -> int:
        return sum(fleet.snapshot().tokens_from(one.backend) for one in fleet.pool)

    before = tokens()
    fleet.work(1.0)
    assert tokens() - before == 3 * 50


def test_a_target_is_met_by_the_best_round_of_the_dearer_state() -> None:
    good, bad = Cost((40.0, 90.0), (49.0, 99.0), (1.0, 1.0)), Cost((40.0, 40.0), (51.0, 52.0), (1.0, 1.0))
    case = Case(PolicyName.PREDICTED, 16)
    assert list(verdicts({case: good}).values()) == [True]
    assert list(verdicts({case: bad}).values()) == [False]
    assert verdicts({Case(PolicyName.P2C, 16): bad}) == {}


def test_whoever_costs_less_than_the_default_is_named() -> None:
    default, other = Case(PolicyName.PREDICTED, 4), Case(PolicyName.P2C, 4)
    told = {default: Cost((9.0,), (10.0,), (1.0,)), other: Cost((4.0,), (5.0,), (1.0,))}
    assert dearer(told) == ["p2c with 4 candidates: 2.00 times"]
    assert "predicted+prefix" in table({Case(PolicyName.PREDICTED, 4, prefix=True): told[default]})
