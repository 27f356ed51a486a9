"""The machine that strides is the machine that steps."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.balance.machine import Machine
from bench.balance.prefixes import PrefixCache
from bench.balance.sequence import Kv
from simulator.batch import Batch, Work
from simulator.profiles import PRESETS, Profile

MODEL = "one"
SMALL = Profile(
    base_seconds=0.01,
    per_sequence_seconds=0.001,
    per_context_token_seconds=0.0001,
    per_prefill_token_seconds=0.002,
    prefill_chunk_tokens=32,
    slots=3,
    kv_capacity_tokens=1000,
)


@dataclass
class Seen:
    """What clients saw: the first and the last token of every key, and its tokens at the times somebody looked."""

    first: dict[int, float] = field(default_factory=dict)
    last: dict[int, float] = field(default_factory=dict)
    looks: list[object] = field(default_factory=list)


@dataclass(frozen=True)
class Act:
    """Something that happens to a machine."""

    after_seconds: float
    kind: str
    number: int = 0
    prompt: int = 1
    output: int = 1


acts = st.lists(
    st.one_of(
        st.builds(
            Act,
            st.floats(0, 1.5),
            st.just("submit"),
            prompt=st.integers(1, 120),
            output=st.integers(1, 60),
        ),
        st.builds(Act, st.floats(0, 1.5), st.just("cancel"), number=st.integers(0, 20)),
        st.builds(Act, st.floats(0, 1.5), st.sampled_from(("freeze", "thaw", "unload", "look"))),
        st.builds(Act, st.floats(0, 1.5), st.just("pace"), number=st.integers(1, 6)),
    ),
    min_size=1,
    max_size=40,
)


def stepped(script: list[Act], batch: Batch) -> tuple[Seen, list[float]]:
    """What `Batch` makes of it, and when each of its steps ended."""
    seen, now, tokens, ends = Seen(), 0.0, dict[int, int](), list[float]()

    def advance(until: float) -> None:
        for end in batch.advance(until):
            ends.append(end.at)
            for key in end.tokens:
                tokens[key] = tokens.get(key, 0) + 1
                seen.first.setdefault(key, end.at)
            seen.last.update(dict.fromkeys(end.finished, end.at))

    for key, act in enumerate(script):
        now += act.after_seconds
        advance(now)
        match act.kind:
            case "submit":
                batch.submit(key, Work(MODEL, act.prompt, act.output), now)
            case "cancel":
                batch.cancel(act.number, now)
                tokens.pop(act.number, None)
            case "freeze":
                batch.freeze(now)
            case "thaw":
                batch.thaw(now)
            case "unload":
                # While it loads for somebody the two need not agree: no engine unloads then.
                if not batch.occupancy().waiting:
                    batch.unload(MODEL)
            case "pace":
                batch.pace = float(act.number)
            case _:
                full = batch.occupancy()
                streaming = {key: count for key, count in tokens.items() if key not in seen.last}
                resident = batch.is_resident(MODEL, now)
                seen.looks.append((full.running, full.waiting, full.kv_usage_ratio, resident, streaming))
    batch.thaw(now + 1)
    advance(1e9)
    return seen, ends


def strode(script: list[Act], machine: Machine) -> Seen:
    """What the machine makes of it."""
    seen, now = Seen(), 0.0

    def advance(until: float) -> None:
        for mark in machine.advance(until):
            (seen.last if mark.last else seen.first)[mark.key] = mark.at

    for key, act in enumerate(script):
        now += act.after_seconds
        advance(now)
        match act.kind:
            case "submit":
                machine.submit(key, act.prompt, act.output, now)
            case "cancel":
                machine.cancel(act.number, now)
            case "freeze":
                machine.freeze(now)
            case "thaw":
                machine.thaw(now)
            case "unload":
                machine.unload()
            case "pace":
                machine.set_pace(float(act.number), now)
            case _:
                streaming = {key: count for key in range(len(script)) if (count := machine.tokens(key, now))}
                usage = machine.kv_usage_ratio(now)
                seen.looks.append((machine.running, machine.waiting, usage, machine.is_resident(now), streaming))
    machine.thaw(now + 1)
    advance(1e9)
    return seen


@given(
    script=acts,
    cold_start_seconds=st.sampled_from((0.0, 0.7)),
    keep_alive_seconds=st.sampled_from((0.4, math.inf)),
    profile=st.sampled_from((SMALL, PRESETS["rtx4090"], PRESETS["l40s"])),
)
def test_it_gives_the_times_of_the_batch_that_steps(
    script: list[Act], cold_start_seconds: float, keep_alive_seconds: float, profile: Profile
) -> None:
    batch = Batch(profile, profile.slots, cold_start_seconds=cold_start_seconds, keep_alive_seconds=keep_alive_seconds)
    expected, ends = stepped(script, batch)
    # At the very instant of a boundary, rounding decides who was first; that is no property of the model.
    now, moments = 0.0, []
    for act in script:
        now += act.after_seconds
        moments.append(now)
    assume(all(abs(end - moment) > 1e-9 for end in ends for moment in moments))
    machine = Machine(
        profile,
        kv=Kv.REPORTED,
        cold_start_seconds=cold_start_seconds,
        keep_alive_seconds=keep_alive_seconds,
    )
    seen = strode(script, machine)
    assert seen.first == pytest.approx(expected.first, abs=1e-6)
    assert seen.last == pytest.approx(expected.last, abs=1e-6)
    assert seen.looks == expected.looks


PLAIN = Profile(
    base_seconds=1.0,
    per_sequence_seconds=0.0,
    per_context_token_seconds=0.0,
    per_prefill_token_seconds=0.01,
    prefill_chunk_tokens=100,
    slots=4,
    kv_capacity_tokens=100,
)
"""A step takes a second, and a hundredth for each prompt token."""


def ended(machine: Machine) -> dict[int, float]:
    """When each key got its last token."""
    return {mark.key: mark.at for mark in machine.advance(1e6) if mark.last}


@given(script=acts, profile=st.sampled_from((SMALL, PRESETS["rtx4090"])))
def test_the_last_token_is_when_the_last_step_with_tokens_ended(script: list[Act], profile: Profile) -> None:
    machine, batch = Machine(profile, kv=Kv.REPORTED), Batch(profile, profile.slots)
    now, ends = 0.0, list[float]()
    boundaries, streams = list[float](), set[int]()
    for key, act in enumerate(act for act in script if act.kind in ("submit", "look")):
        now += act.after_seconds
        machine.advance(now)
        for end in batch.advance(now):
            boundaries.append(end.at)
            if end.tokens:
                ends.append(end.at)
                streams = {*end.tokens} - {*end.finished}
        if act.kind == "submit":
            machine.submit(key, act.prompt, act.output, now)
            batch.submit(key, Work(MODEL, act.prompt, act.output), now)
        assume(all(abs(end - now) > 1e-9 for end in boundaries))
        last_at, gap_seconds = machine.last_boundary(now)
        assert last_at == pytest.approx(ends[-1] if ends else None, abs=1e-6)
        if any(machine.tokens(key, now) > 1 for key in streams):
            assert gap_seconds == pytest.approx(ends[-1] - ends[-2], abs=1e-6)


def test_nobody_is_admitted_whose_whole_sequence_does_not_fit_beside_the_others() -> None:
    machine = Machine(PLAIN, kv=Kv.RESERVED)
    machine.submit(1, 50, 10, 0.0)
    machine.submit(2, 30, 20, 0.0)
    machine.submit(3, 5, 5, 0.0)
    machine.advance(0.0)
    assert (machine.running, machine.waiting) == (1, 2)
    first = ended(machine)[1]
    assert first == 10.5


def test_a_sequence_that_never_fits_runs_alone() -> None:
    machine = Machine(PLAIN, kv=Kv.RESERVED)
    machine.submit(1, 400, 10, 0.0)
    assert ended(machine) == {1: 4 * 2.0 + 9}


def test_who_leaves_the_head_of_the_queue_lets_the_next_one_in_at_the_next_boundary() -> None:
    machine = Machine(PLAIN, kv=Kv.RESERVED)
    machine.submit(1, 10, 60, 0.0)
    machine.submit(2, 90, 5, 0.0)
    machine.submit(3, 10, 5, 0.0)
    machine.advance(20.0)
    machine.cancel(2, 20.0)
    assert [mark for mark in machine.advance(22.0) if mark.key == 3] == [pytest.approx((21.2, 3, False))]


def test_answers_that_outgrow_the_cache_put_the_latest_back_and_it_is_computed_anew() -> None:
    machine = Machine(PLAIN, kv=Kv.PREEMPTED)
    machine.submit(1, 40, 40, 0.0)
    machine.submit(2, 40, 40, 0.0)
    machine.advance(0.0)
    assert machine.running == 2
    # Two steps of prefill and tokens; then 82 tokens grow by two a step until 100 are reached.
    machine.advance(11.0)
    assert (machine.running, machine.waiting) == (1, 1)
    assert machine.tokens(2, 11.0) > 1
    ends = ended(machine)
    assert ends[1] < ends[2]
    assert sum(mark.key == 2 and not mark.last for mark in machine.advance(1e6)) == 0


@given(
    sizes=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=1, max_size=12),
    gap=st.floats(0, 5),
)
def test_with_preemption_everybody_still_gets_one_first_and_one_last_token(
    sizes: list[tuple[int, int]], gap: float
) -> None:
    machine = Machine(PLAIN, kv=Kv.PREEMPTED)
    marks = []
    for key, (prompt, output) in enumerate(sizes):
        marks += machine.advance(key * gap)
        machine.submit(key, prompt, output, key * gap)
    marks += machine.advance(1e9)
    assert sorted((mark.key, mark.last) for mark in marks) == [
        (key, last) for key in range(len(sizes)) for last in (False, True)
    ]
    assert machine.running == machine.waiting == 0
    assert machine.kv_usage_ratio(1e9) == 0.0


def test_a_prefix_that_is_cached_is_not_computed_again() -> None:
    machine = Machine(PLAIN, kv=Kv.REPORTED, cached_tokens=1000)
    blocks = tuple(range(3))
    machine.submit(1, 200, 1, 0.0, blocks)
    assert ended(machine) == {1: 4.0}
    assert machine.uncached(200, blocks) == 8
    machine.submit(2, 200, 1, 10.0, (*blocks, 99))
    assert ended(machine) == {2: pytest.approx(11.08)}


def test_the_last_token_of_a_prompt_is_always_computed() -> None:
    machine = Machine(PLAIN, kv=Kv.REPORTED, cached_tokens=1000)
    machine.submit(1, 128, 1, 0.0, (1, 2))
    machine.advance(1e6)
    assert machine.uncached(128, (1, 2)) == 1


def test_the_cache_forgets_what_was_not_used_for_longest_and_the_end_of_a_prompt_first() -> None:
    cache = PrefixCache(4)
    cache.add((1, 2, 3))
    cache.add((7, 8))
    assert cache.count((1, 2, 3)) == 2
    assert cache.use((1, 2, 3)) == 2
    cache.add((9,))
    assert (cache.count((1, 2)), cache.count((7, 8))) == (2, 1)


def test_a_restart_drops_everybody_and_the_cache() -> None:
    machine = Machine(PLAIN, cached_tokens=1000)
    machine.submit(2, 64, 9, 0.0, (1,))
    machine.submit(1, 9, 9, 0.0)
    machine.advance(3.0)
    assert machine.restart() == [1, 2]
    assert machine.due == math.inf
    assert machine.uncached(64, (1,)) == 64


def test_a_model_that_is_loaded_ahead_of_demand_answers_without_a_cold_start() -> None:
    machine = Machine(PLAIN, cold_start_seconds=15.0, keep_alive_seconds=60.0)
    machine.load(0.0)
    assert not machine.is_resident(14.9)
    assert machine.is_resident(15.0)
    machine.advance(20.0)
    machine.submit(1, 100, 1, 20.0)
    assert ended(machine) == {1: 22.0}
    assert not machine.is_resident(82.0)
