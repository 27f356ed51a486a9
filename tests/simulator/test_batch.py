"""The laws of continuous batching, on virtual time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import Batch, Profile, QueueFullError, Work

MACHINE = Profile(0.010, 0.001, 1e-6, 0.0001, 64, 4, 10_000)
MODEL = "m"

works = st.builds(Work, st.just(MODEL), st.integers(1, 300), st.integers(1, 30))
arrivals = st.lists(st.tuples(st.floats(0, 2), works), min_size=1, max_size=12).map(
    lambda pairs: sorted(pairs, key=lambda pair: pair[0])
)
slots = st.integers(1, 5)


def token_times(batch: Batch, requests: list[tuple[float, Work]]) -> dict[int, list[float]]:
    """Run to the end; return the moments of each request's tokens."""
    times: dict[int, list[float]] = {key: [] for key in range(len(requests))}
    pending = list(enumerate(requests))
    while pending or batch.next_at() is not None:
        due_at = batch.next_at()
        if pending and (due_at is None or pending[0][1][0] <= due_at):
            key, (at, work) = pending.pop(0)
            batch.submit(key, work, at)
            continue
        assert due_at is not None
        for end in batch.advance(due_at):
            for key in end.tokens:
                times[key].append(end.at)
        assert batch.occupancy().running <= batch.slots
    return times


@given(arrivals, slots)
def test_every_token_comes_once_and_in_order(requests, slots):
    times = token_times(Batch(MACHINE, slots), requests)
    for key, (arrived_at, work) in enumerate(requests):
        assert len(times[key]) == work.output_tokens
        assert times[key] == sorted(times[key])
        assert times[key][0] > arrived_at


@given(arrivals, slots)
def test_who_comes_first_is_served_first(requests, slots):
    times = token_times(Batch(MACHINE, slots), requests)
    firsts = [times[key][0] for key in range(len(requests))]
    assert firsts == sorted(firsts)


@given(arrivals, st.lists(works, max_size=6), slots)
def test_company_that_comes_later_never_gets_anyone_a_token_sooner(requests, later, slots):
    alone = token_times(Batch(MACHINE, slots), requests)
    last_arrival = requests[-1][0]
    crowd = requests + [(last_arrival, work) for work in later]
    crowded = token_times(Batch(MACHINE, slots), crowd)
    for key in range(len(requests)):
        assert all(with_crowd >= without for with_crowd, without in zip(crowded[key], alone[key], strict=True))


@given(st.integers(0, 50), st.integers(0, 5000), st.integers(0, 500), st.integers(1, 100))
def test_a_step_takes_longer_with_more_of_anything(decoding, context, prefill, more):
    least = MACHINE.step_seconds(decoding, context, prefill)
    assert MACHINE.step_seconds(decoding + more, context, prefill) > least
    assert MACHINE.step_seconds(decoding, context + more, prefill) > least
    assert MACHINE.step_seconds(decoding, context, prefill + more) > least


@given(arrivals, slots, st.integers(0, 11), st.floats(0, 3))
def test_a_cancelled_request_gets_nothing_more_and_the_others_everything(requests, slots, victim, after):
    batch = Batch(MACHINE, slots)
    for key, (_, work) in enumerate(requests):
        batch.submit(key, work, 0.0)
    made = [0] * len(requests)
    for end in batch.advance(after):
        for key in end.tokens:
            made[key] += 1
    victim %= len(requests)
    running_before = batch.occupancy().running
    batch.cancel(victim, after)
    assert running_before - batch.occupancy().running in (0, 1)
    at_cancel = made[victim]
    for end in batch.advance(1e6):
        for key in end.tokens:
            made[key] += 1
    assert made[victim] == at_cancel
    assert all(made[k] == work.output_tokens for k, (_, work) in enumerate(requests) if k != victim)


@given(st.lists(works, min_size=1, max_size=8), slots, st.lists(st.floats(0, 1), max_size=10))
def test_it_does_not_matter_how_often_one_looks(requests, slots, looks):
    def run(moments):
        batch = Batch(MACHINE, slots)
        for key, work in enumerate(requests):
            batch.submit(key, work, 0.0)
        return [end for moment in moments for end in batch.advance(moment)]

    assert run([*sorted(looks), 1e6]) == run([1e6])


@given(arrivals, slots)
def test_a_cold_start_is_paid_once_while_the_model_stays(requests, slots):
    warm = token_times(Batch(MACHINE, slots), [(0.0, work) for _, work in requests])
    cold = token_times(Batch(MACHINE, slots, cold_start_seconds=7.0), [(0.0, work) for _, work in requests])
    for key in warm:
        assert cold[key] == pytest.approx([at + 7.0 for at in warm[key]])


def test_an_idle_model_leaves_after_keep_alive_and_its_return_costs_a_load():
    batch = Batch(MACHINE, 1, cold_start_seconds=5.0, keep_alive_seconds=60.0)
    batch.submit(1, Work(MODEL, 1, 1), 0.0)
    (end,) = batch.advance(10.0)
    assert 5.0 < end.at < 5.1
    assert batch.is_resident(MODEL, end.at + 59.9)
    assert not batch.is_resident(MODEL, end.at + 60.0)

    batch.submit(2, Work(MODEL, 1, 1), end.at + 59.0)
    (warm,) = batch.advance(end.at + 60.0)
    batch.submit(3, Work(MODEL, 1, 1), warm.at + 61.0)
    (cold,) = batch.advance(1000.0)
    assert warm.at - (end.at + 59.0) < 0.1
    assert cold.at - (warm.at + 61.0) > 5.0


def test_a_model_does_not_leave_while_someone_uses_it():
    batch = Batch(MACHINE, 1, cold_start_seconds=1.0, keep_alive_seconds=0.5)
    batch.submit(1, Work(MODEL, 1, 1000), 0.0)
    batch.advance(5.0)
    assert batch.is_resident(MODEL, 5.0)
    batch.unload(MODEL)
    assert batch.is_resident(MODEL, 5.0)


def test_the_prompt_is_taken_in_chunks_that_share_the_step_with_decoding():
    batch = Batch(MACHINE, 2)
    batch.submit(1, Work(MODEL, 1, 100), 0.0)
    batch.advance(0.05)
    batch.submit(2, Work(MODEL, 3 * 63 + 1, 1), 0.05)
    ends = batch.advance(1.0)
    first = next(index for index, end in enumerate(ends) if 2 in end.tokens)
    # Step 0 was under way; of the 64 tokens of each later one, 63 are left for the prompt: one too few for three.
    assert first == 4
    assert all(1 in end.tokens for end in ends[:first])


def test_a_full_queue_refuses():
    batch = Batch(MACHINE, 1, max_queue=1)
    batch.submit(1, Work(MODEL, 1, 10), 0.0)
    batch.advance(0.001)
    batch.submit(2, Work(MODEL, 1, 10), 0.002)
    with pytest.raises(QueueFullError):
        batch.submit(3, Work(MODEL, 1, 10), 0.003)


def test_a_frozen_machine_makes_nothing_and_loses_nothing():
    batch, undisturbed = Batch(MACHINE, 2), Batch(MACHINE, 2)
    for each in (batch, undisturbed):
        each.submit(1, Work(MODEL, 10, 5), 0.0)
    batch.advance(0.001)
    batch.freeze(0.005)
    assert batch.next_at() is None
    assert batch.advance(100.0) == []
    batch.thaw(100.005)
    shifted = [end.at - 100.0 for end in batch.advance(200.0)]
    assert shifted == pytest.approx([end.at for end in undisturbed.advance(200.0)])


def test_who_arrives_while_frozen_starts_after_the_thaw():
    batch = Batch(MACHINE, 2)
    batch.freeze(0.0)
    batch.submit(1, Work(MODEL, 1, 1), 1.0)
    batch.thaw(50.0)
    (end,) = batch.advance(100.0)
    assert end.at > 50.0


def test_a_slow_machine_takes_its_factor_longer():
    batch = Batch(MACHINE, 1)
    batch.pace = 6.0
    batch.submit(1, Work(MODEL, 1, 1), 0.0)
    (end,) = batch.advance(1.0)
    assert end.at == pytest.approx(6 * MACHINE.step_seconds(0, 0, 1))
