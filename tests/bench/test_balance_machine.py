"""The machine that strides is the machine that steps."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.balance.machine import Machine
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
    cold = {"cold_start_seconds": cold_start_seconds, "keep_alive_seconds": keep_alive_seconds}
    expected, ends = stepped(script, Batch(profile, profile.slots, **cold))
    # At the very instant of a boundary, rounding decides who was first; that is no property of the model.
    now, moments = 0.0, []
    for act in script:
        now += act.after_seconds
        moments.append(now)
    assume(all(abs(end - moment) > 1e-9 for end in ends for moment in moments))
    seen = strode(script, Machine(profile, kv=Kv.REPORTED, **cold))
    assert seen.first == pytest.approx(expected.first, abs=1e-6)
    assert seen.last == pytest.approx(expected.last, abs=1e-6)
    assert seen.looks == expected.looks
