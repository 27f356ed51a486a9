import logging
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.engines.engine import Reading
from sidecar.facts import BackendAdded, BackendSpec, Fact, HealthProbed, LoadRead, ProbeOutcome, QueueChanged
from sidecar.load import LoadRules
from sidecar.recorder import Recorder
from sidecar.recording import Query, RulesInForce, read
from sidecar.replay import Rules, answers, default_answer
from sidecar.store import Store
from tests.fakes.disks import room_for
from tests.strategies import NAMES, flights, histories, load_rules

MINI = BackendSpec("mini", "http://10.0.0.1:8080", api_key="sk-secret")


def recorded(path: Path, *facts: Fact) -> bytes:
    store, recorder = Store(), Recorder(path)
    recorder.follow(store)
    for fact in facts:
        store.apply(fact)
    recorder.close()
    return path.read_bytes()


def tokens_come(store: Store, at: float, tokens: int) -> None:
    """So many, of every stream that has had its first."""
    for pulse in store.snapshot(at).pulses.values():
        for place in pulse.places.values():
            if tokens and place.first_at is not None:
                place.token(at, tokens)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flights() | histories(), st.lists(st.integers(0, 3), min_size=3, max_size=3), st.integers(1, 4), load_rules)
def test_a_recording_of_a_live_store_replays_to_the_answers_that_were_given(
    tmp_path: Path, facts: list[Fact], tokens: list[int], failures_to_down: int, rules: LoadRules
) -> None:
    path = tmp_path / "flight.jsonl"
    store, recorder = Store(failures_to_down), Recorder(path)
    recorder.follow(store)
    recorder.rules(0.0, failures_to_down, rules)
    live = []
    for number, fact in enumerate(facts):
        store.apply(fact)
        tokens_come(store, fact.at, tokens[number % 3])
        snapshot = store.snapshot(fact.at)
        for name in NAMES:
            if (state := snapshot.backends.get(name)) is not None:
                recorder.query(snapshot.now, name)
                live.append(default_answer(Query(snapshot.now, name), state, snapshot, rules))
    recorder.close()
    assert list(answers(path.read_bytes().splitlines(), Rules.DEFAULT)) == live


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flights() | histories(), st.lists(st.integers(0, 3), min_size=3, max_size=3))
def test_whoever_replays_has_learnt_what_the_live_store_had_learnt(
    tmp_path: Path, facts: list[Fact], tokens: list[int]
) -> None:
    """All that any rule may rest on: states, lengths of answers, and what streams had shown when somebody asked."""
    path = tmp_path / "flight.jsonl"
    live, recorder = Store(), Recorder(path)
    recorder.follow(live)
    for number, fact in enumerate(facts):
        live.apply(fact)
        tokens_come(live, fact.at, tokens[number % 3])
        for name in NAMES:
            recorder.query(fact.at, name)
    recorder.close()
    replayed = Store()
    for line in path.read_bytes().splitlines():
        match read(line):
            case Query(backend=backend, rhythm=rhythm):
                replayed.recall(backend, rhythm)
            case RulesInForce():
                pass
            case entry:
                replayed.apply(entry)
    now = facts[-1].at if facts else 0.0
    one, other = live.snapshot(now), replayed.snapshot(now)
    assert one.lengths == other.lengths
    for state, again in zip(one.backends.values(), other.backends.values(), strict=True):
        # A recording says where a backend is by a number.
        assert replace(again, spec=state.spec) == state
        assert live.rhythm(state.name) == replayed.rhythm(state.name)


def test_neither_key_nor_address_is_recorded_but_that_a_backend_moved_is(tmp_path: Path) -> None:
    moved = replace(MINI, url="http://10.0.0.2:8080")
    text = recorded(tmp_path / "flight.jsonl", *(BackendAdded(0.0, spec) for spec in (MINI, moved, MINI)))
    assert b"10.0.0" not in text
    assert b"sk-secret" not in text
    assert [line.split(b'"place":')[1][:3] for line in text.splitlines()] == [b'"1"', b'"2"', b'"1"']


def test_a_line_stands_in_the_file_as_soon_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "flight.jsonl"
    recorder = Recorder(path)
    recorder.query(1.5, "mini")
    assert path.read_bytes() == b'{"t":1.5,"event":"query","backend":"mini"}\n'
    recorder.close()


def test_a_file_that_cannot_be_opened_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Recorder(tmp_path / "nowhere" / "flight.jsonl")


def test_nothing_is_written_after_the_end(tmp_path: Path) -> None:
    path = tmp_path / "flight.jsonl"
    recorder = Recorder(path)
    recorder.close()
    recorder.close()
    recorder.query(1.0, "mini")
    assert path.read_bytes() == b""


def test_a_full_disk_ends_the_recording_once_and_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    store, recorder = Store(), Recorder(Path("/dev/full"))
    recorder.follow(store)
    for at in (1.0, 2.0, 3.0):
        store.apply(HealthProbed(at, "mini", ProbeOutcome.OK, 5.0))
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "recording ended file=/dev/full reason=" in record.getMessage()


def test_a_disk_that_fills_up_within_a_line_leaves_a_file_that_replays(tmp_path: Path) -> None:
    path = tmp_path / "flight.jsonl"
    recorder = Recorder(path)
    with room_for(60):
        for at in (1.0, 2.0, 3.0):
            recorder.query(at, "mini")
    assert [answer["t"] for answer in answers(path.read_bytes().splitlines(), Rules.SEED)] == [1.0]


def test_a_number_that_no_json_can_hold_ends_the_recording_and_not_the_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lie = LoadRead(1.0, "mini", Reading(total_requests=10**30))
    text = recorded(tmp_path / "flight.jsonl", QueueChanged(0.5, 1), lie, QueueChanged(2.0, 1))
    assert text == b'{"t":0.5,"event":"queue","active":1}\n'
    assert len(caplog.records) == 1
