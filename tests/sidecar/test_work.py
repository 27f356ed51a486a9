import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.facts import Outcome
from sidecar.work import NO_SHARE, Share, Work

Life = tuple[float, float | None, float, bool, int, Outcome]
"""Start, first token or None, end, streamed, prompt tokens, outcome of one request."""


@st.composite
def lives(draw: st.DrawFn) -> Life:
    start = draw(st.sampled_from([0.0, 1.0, 5.0]) | st.floats(0, 50))
    streamed = draw(st.booleans())
    waited = draw(st.sampled_from([0.0, 1.0]) | st.floats(0, 20)) if streamed and draw(st.booleans()) else None
    ran = draw(st.sampled_from([0.0, 2.0]) | st.floats(0, 20))
    first = None if waited is None else start + waited
    end = (start if first is None else first) + ran
    return start, first, end, streamed, draw(st.integers(0, 5000)), draw(st.sampled_from(Outcome))


moments = st.floats(0, 120)
START, FIRST, END = range(3)


def steps(all_lives: list[Life]) -> list[tuple[float, int, Life]]:
    """Everything that happens, in the order of time; what happens to one request in its own order."""
    begun = [(life[0], START, life) for life in all_lives]
    firsts = [(life[1], FIRST, life) for life in all_lives if life[1] is not None]
    ended = [(life[2], END, life) for life in all_lives]
    return sorted([*begun, *firsts, *ended], key=lambda step: step[:2])


def step(work: Work, at: float, kind: int, life: Life, model: str = "") -> Work:
    _start, first, _end, streamed, prompt_tokens, outcome = life
    match kind:
        case 0:
            return work.after_start(at, prompt_tokens, streamed=streamed, model=model)
        case 1:
            return work.after_first_token(at, prompt_tokens, model)
        case _:
            ran = first is not None or not streamed
            return work.after_end(at, outcome, prompt_tokens, streamed=streamed, ran=ran, model=model)


@given(st.lists(lives(), max_size=8), moments)
def test_every_count_is_what_counting_one_by_one_gives(all_lives: list[Life], until: float) -> None:
    """Also at moments that many share: `until` is looked at after everything that happened by then."""
    work = Work()
    for at, kind, life in steps(all_lives):
        if at <= until:
            work = step(work, at, kind, life)
    begun = [life for life in all_lives if life[0] <= until]
    here = [life for life in begun if life[2] > until]
    waiting = [life for life in here if life[3] and (life[1] is None or life[1] > until)]
    assert work.started == len(begun) == work.in_flight + sum(work.finished.values())
    assert work.in_flight == len(here)
    assert work.awaited == len(waiting)
    assert work.due_tokens == sum(life[4] for life in waiting)
    assert work.running == len(here) - len(waiting)
    assert work.streams == sum(life[3] for life in here)
    for outcome in Outcome:
        assert work.finished.get(outcome, 0) == sum(life[5] is outcome for life in begun if life[2] <= until)


@given(st.lists(st.tuples(lives(), st.sampled_from("abc")), max_size=8), moments)
def test_each_models_part_is_what_counting_its_requests_alone_gives(
    all_lives: list[tuple[Life, str]], until: float
) -> None:
    together, alone = Work(), {model: Work() for model in "abc"}
    model_of = {id(life): model for life, model in all_lives}
    for at, kind, life in steps([life for life, _ in all_lives]):
        if at <= until:
            model = model_of[id(life)]
            together = step(together, at, kind, life, model)
            alone[model] = step(alone[model], at, kind, life)
    for model, work in alone.items():
        assert together.share(model) == Share(work.in_flight, work.running, work.streaming)
        assert (model in together.of_model) is (work.in_flight > 0)
    assert sum(share.in_flight for share in together.of_model.values()) == together.in_flight
    assert together.share("unheard-of") == NO_SHARE


@given(st.lists(lives(), max_size=8), moments)
def test_company_is_the_area_under_those_that_run(all_lives: list[Life], until: float) -> None:
    work = Work()
    for at, kind, life in steps(all_lives):
        if at <= until:
            work = step(work, at, kind, life)
    area = 0.0
    for start, first, end, streamed, *_ in all_lives:
        runs_from = start if not streamed else end if first is None else first
        area += max(0.0, min(end, until) - runs_from)
    assert work.running_seconds_at(until) == pytest.approx(area, abs=1e-6)


@given(st.lists(lives(), max_size=8))
def test_when_all_have_ended_nothing_is_left_over(all_lives: list[Life]) -> None:
    work = Work()
    for at, kind, life in steps(all_lives):
        work = step(work, at, kind, life)
    assert (work.in_flight, work.awaited, work.due_tokens, work.running, work.streams) == (0, 0, 0, 0, 0)
    assert work.silent_since is None


@given(st.lists(lives(), max_size=6))
def test_silence_begins_with_the_first_stream_after_there_was_none(all_lives: list[Life]) -> None:
    work, since = Work(), None
    for at, kind, life in steps(all_lives):
        before = work.streams
        work = step(work, at, kind, life)
        if work.streams == 0:
            since = None
        elif before == 0:
            since = at
        assert work.silent_since == since


def test_the_area_does_not_run_backwards() -> None:
    work = Work().after_start(5.0, 10, streamed=False)
    assert [work.running_seconds_at(at) for at in (3.0, 5.0, 7.0)] == [0.0, 0.0, 2.0]


@pytest.mark.parametrize("streamed", [True, False])
def test_one_request_from_start_to_end(streamed: bool) -> None:
    work = Work().after_start(1.0, 700, streamed=streamed)
    assert (work.in_flight, work.awaited, work.due_tokens, work.running) == (
        (1, 1, 700, 0) if streamed else (1, 0, 0, 1)
    )
    if streamed:
        work = work.after_first_token(3.0, 700)
    assert (work.awaited, work.due_tokens, work.running) == (0, 0, 1)
    work = work.after_end(7.0, Outcome.OK, 700, streamed=streamed, ran=True)
    assert (work.started, work.in_flight, work.finished, work.running) == (1, 0, {Outcome.OK: 1}, 0)
    assert work.running_seconds_at(99.0) == (4.0 if streamed else 6.0)


def test_one_that_never_got_a_token_takes_its_prompt_with_it() -> None:
    two = Work().after_start(1.0, 700, streamed=True).after_start(2.0, 30, streamed=True)
    left = two.after_end(3.0, Outcome.TIMEOUT, 700, streamed=True, ran=False)
    assert (left.due_tokens, left.awaited, left.silent_since) == (30, 1, 1.0)


def test_steps_leave_the_value_before_as_it_was() -> None:
    before = Work()
    after = before.after_start(1.0, 5, streamed=True)
    for one, other in itertools.pairwise([before, after, after.after_first_token(2.0, 5)]):
        assert one != other
    assert before == Work()
