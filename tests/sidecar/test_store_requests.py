"""What the store makes of requests and their tokens."""

import pytest

from sidecar.facts import (
    BackendAdded,
    BackendRemoved,
    Fact,
    Outcome,
    ProbeOutcome,
    RequestFinished,
    RequestStarted,
)
from sidecar.health import Health, Verdict
from sidecar.lengths import NO_LENGTHS
from sidecar.progress import Rhythm
from tests.sidecar.storing import MINI, after, counts, finished, first, mini, probed, started

# Requests.


def test_a_request_is_in_flight_until_it_ends() -> None:
    assert counts(mini(started()).work) == (1, 1, {})
    assert counts(mini(started(), finished()).work) == (1, 0, {Outcome.OK: 1})


def test_a_request_ends_once_and_begins_once() -> None:
    twice = mini(started(), started(), finished(), finished(Outcome.TIMEOUT))
    assert counts(twice.work) == (1, 0, {Outcome.OK: 1})


def test_a_refused_request_takes_the_backend_down_and_a_good_one_brings_it_up() -> None:
    down = mini(probed(1.0), started(), finished(Outcome.REFUSED, at=5.0))
    assert (down.health.verdict, down.verdict_since) == (Verdict.DOWN, 5.0)
    up = mini(probed(1.0, ProbeOutcome.REFUSED), started(), finished(at=5.0))
    assert (up.health.verdict, up.verdict_since) == (Verdict.UP, 5.0)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome not in (Outcome.OK, Outcome.REFUSED)])
def test_no_other_ending_of_a_request_moves_the_verdict(outcome: Outcome) -> None:
    before = mini(probed(1.0), started())
    state = mini(probed(1.0), started(), finished(outcome))
    assert (state.health, state.verdict_since) == (before.health, 1.0)


def test_a_good_answer_ends_the_loading() -> None:
    loading = mini(probed(1.0, ProbeOutcome.LOADING), started())
    assert not loading.health.available
    assert mini(probed(1.0, ProbeOutcome.LOADING), started(), finished()).health.available


def test_a_first_token_ends_loading_sleep_and_a_row_of_failures() -> None:
    for outcome in (ProbeOutcome.LOADING, ProbeOutcome.SLEEPING, ProbeOutcome.SUSPENDED, ProbeOutcome.REFUSED):
        state = mini(probed(1.0, outcome), started(streamed=True), first(at=5.0))
        assert (state.health, state.verdict_since) == (
            Health(Verdict.UP),
            5.0 if outcome is ProbeOutcome.REFUSED else 1.0,
        )
    assert mini(probed(1.0), probed(2.0, ProbeOutcome.READ_TIMEOUT), started(), first()).health.failures == 0


def test_a_first_token_of_a_request_that_is_not_there_says_nothing() -> None:
    down = probed(1.0, ProbeOutcome.REFUSED)
    assert mini(down, first()) == mini(down)
    assert mini(down, started(), finished(Outcome.CLIENT_GONE), first()).health.verdict is Verdict.DOWN


def test_answers_are_known_by_how_long_those_of_their_role_were() -> None:
    def answered(role: str, tokens: int, outcome: Outcome = Outcome.OK) -> list[Fact]:
        return [
            RequestStarted(1.0, "mini", "1", "gemma4", role),
            RequestFinished(2.0, "mini", "1", outcome, tokens),
        ]

    facts = [*answered("classifier", 30), *answered("reasoner", 900), *answered("reasoner", 0)]
    lengths = after(BackendAdded(0.0, MINI), *facts, *answered("reasoner", 5, Outcome.TRUNCATED)).snapshot(3.0)
    assert lengths.lengths_of("classifier").recent[-1] == 30
    assert lengths.lengths_of("reasoner").recent[-1] == 900
    assert lengths.lengths_of("coder") == NO_LENGTHS


# Tokens.


def test_progress_is_there_while_a_request_is_in_flight() -> None:
    store = after(BackendAdded(0.0, MINI), started())
    assert store.progress("mini", "1") is not None
    assert store.progress("mini", "2") is None
    assert store.progress("nobody", "1") is None
    store.apply(finished())
    assert store.progress("mini", "1") is None


def test_tokens_are_counted_and_the_last_one_shows_in_the_snapshot() -> None:
    store = after(BackendAdded(0.0, MINI), started())
    assert store.snapshot(1.0).last_token_at("mini") is None
    progress = store.progress("mini", "1")
    assert progress is not None
    progress.token(3.0)
    progress.token(4.0)
    assert (progress.started_at, progress.first_at, progress.last_at, progress.tokens) == (1.0, 3.0, 4.0, 2)
    snapshot = store.snapshot(5.0)
    assert (snapshot.last_token_at("mini"), snapshot.tokens_from("mini")) == (4.0, 2)
    assert (snapshot.last_token_at("nobody"), snapshot.tokens_from("nobody")) == (None, 0)


def test_a_token_for_a_removed_backend_disturbs_nobody() -> None:
    store = after(BackendAdded(0.0, MINI), started())
    progress = store.progress("mini", "1")
    store.apply(BackendRemoved(2.0, "mini"))
    assert progress is not None
    progress.token(3.0)
    assert store.snapshot(4.0).last_token_at("mini") is None
    store.apply(BackendAdded(5.0, MINI))
    progress.token(6.0)
    assert store.snapshot(7.0).last_token_at("mini") is None


def test_cells_that_stand_still_are_not_written_to() -> None:
    store = after(BackendAdded(0.0, MINI), started(streamed=True))
    progress = store.progress("mini", "1")
    assert progress is not None
    progress.token(2.0)
    still = store.snapshot(3.0).still()
    told = still.pulses["mini"].rhythm
    progress.token(4.0, 7)
    store.apply(started("2", at=5.0))
    assert still.pulses["mini"].rhythm == told == Rhythm(2.0, None, so_far={"1": 1})
    assert list(still.pulses["mini"].places) == ["1"]
    assert store.rhythm("mini") != told


def test_what_the_cells_said_can_be_said_again() -> None:
    live, replayed = (after(BackendAdded(0.0, MINI), started(streamed=True), started("2")) for _ in range(2))
    progress = live.progress("mini", "1")
    assert progress is not None
    for at in (2.0, 2.1, 2.5):
        progress.token(at, 3)
    replayed.recall("mini", live.rhythm("mini"))
    assert replayed.rhythm("mini") == live.rhythm("mini") != Rhythm()
    replayed.recall("mini", Rhythm())
    assert replayed.rhythm("mini") == live.rhythm("nobody") == Rhythm()
    replayed.recall("nobody", live.rhythm("mini"))
