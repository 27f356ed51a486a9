"""Reading faults strictly, and when they hold."""

import pytest

from simulator.faults import (
    KINDS,
    Cut,
    CutHow,
    FaultBoard,
    FaultError,
    Flap,
    RateLimit,
    Slow,
    Stall,
    parse_fault,
    read_faults,
)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], 'faults must be a JSON object such as {"slow": {"factor": 6}}'),
        ({"fire": {}}, f"unknown fault 'fire'; known are {', '.join(KINDS)}"),
        ({"stall": None}, "stall: parameters must be an object, {} for the defaults"),
        ({"stall": {"second": 1}}, "stall: unknown parameter 'second'; known are seconds"),
        ({"slow": {}}, "slow: factor is required"),
        ({"slow": {"factor": "6"}}, "slow: factor must be a number, not '6'"),
        ({"slow": {"factor": True}}, "slow: factor must be a number, not True"),
        ({"slow": {"factor": 0.5}}, "slow: factor must be between 1 and 1000, not 0.5"),
        ({"error_500": {"ratio": 1.1}}, "error_500: ratio must be between 0 and 1, not 1.1"),
        ({"rate_limit": {"retry_after_seconds": 1.5}},
         "rate_limit: retry_after_seconds must be a whole number, not 1.5"),
        ({"cut": {"how": "gently"}}, "cut: how must be one of reset, close, end, not 'gently'"),
        ({"garbage": {"where": 1}}, "garbage: where must be one of chunks, html, not 1"),
        ({"stall": {"seconds": -1}}, "stall: seconds must be between 0 and 86400, not -1"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_what_would_be_right(document, message):
    with pytest.raises(FaultError) as caught:
        read_faults(document)
    assert str(caught.value) == message


def test_the_command_line_says_the_same_as_json():
    assert parse_fault("stall") == Stall()
    assert parse_fault("slow:factor=6,seconds=120") == Slow(factor=6, seconds=120)
    assert parse_fault("cut:after_tokens=2,how=close") == Cut(after_tokens=2, how=CutHow.CLOSE)
    with pytest.raises(FaultError, match="'fast' is not key=value"):
        parse_fault("slow:fast")


def test_a_fault_with_seconds_ends_of_itself():
    board = FaultBoard()
    board.replace([Stall(seconds=20), RateLimit()], now=100.0)
    assert board.get(Stall, 119.9) is not None
    assert board.next_change_at(100.0) == 120.0
    limit = {"retry_after_seconds": 1, "burst": 1.0}
    assert board.describe(105.0) == {"stall": {"seconds": 15.0}, "rate_limit": limit}
    assert board.get(Stall, 120.0) is None
    assert board.get(RateLimit, 1e9) is not None
    assert board.next_change_at(120.0) is None


def test_a_rate_limit_with_a_rate_grows_again_up_to_its_burst_and_says_when_to_come_back():
    board = FaultBoard()
    board.replace([RateLimit(per_second=0.25, burst=2)], now=100.0)
    assert [board.refusal_seconds(100.0) for _ in range(3)] == [None, None, 4]
    assert board.refusal_seconds(103.0) == 1
    assert board.refusal_seconds(104.0) is None
    assert [board.refusal_seconds(200.0) for _ in range(3)] == [None, None, 4]
    board.replace([RateLimit(retry_after_seconds=7)], now=200.0)
    assert board.refusal_seconds(200.0) == 7
    board.replace([], now=200.0)
    assert board.refusal_seconds(200.0) is None


def test_what_is_described_can_be_read_again():
    board = FaultBoard()
    faults = [parse_fault(text) for text in ("slow:factor=6,seconds=120", "cut", "garbage:where=html", "loading")]
    board.replace(faults, now=5.0)
    assert read_faults(board.describe(5.0)) == faults


@pytest.mark.parametrize(
    ("now", "down", "next_change_at"),
    [(0.0, False, 3.0), (2.9, False, 3.0), (3.0, True, 5.0), (4.9, True, 5.0), (5.0, False, 8.0)],
)
def test_flapping_goes_up_and_down_and_up(now, down, next_change_at):
    board = FaultBoard()
    board.replace([Flap(up_seconds=3, down_seconds=2)], now=0.0)
    assert board.is_down(now) is down
    assert board.next_change_at(now) == pytest.approx(next_change_at)
