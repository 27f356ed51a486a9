from dataclasses import replace
from math import inf

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sidecar.errors import TraceInvalid
from sidecar.facts import (
    BackendAdded,
    BackendSpec,
    DrainSwitched,
    FirstTokenCame,
    HealthProbed,
    LoadAsked,
    LoadEnded,
    Outcome,
    ProbeOutcome,
    QueueChanged,
    RequestFinished,
    RequestStarted,
)
from sidecar.load import LoadRules
from sidecar.progress import Rhythm
from sidecar.recording import KINDS, Entry, Note, Query, RulesInForce, note_in, read, write
from tests.strategies import entries, json_values


@given(entries)
@example(RulesInForce(0.5, 3, LoadRules(inference_seconds=(inf, inf, inf))))
@example(Query(7, "mini"))
def test_what_is_written_is_read_again(entry: Entry) -> None:
    line = write(entry)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert read(line) == entry


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            HealthProbed(0.5, "mlx", ProbeOutcome.OK, 12.3),
            b'{"t":0.5,"event":"health","backend":"mlx","outcome":"ok","latency_ms":12.3,"ok":true}\n',
        ),
        (
            HealthProbed(0.5, "mlx", ProbeOutcome.LOADING, 12.3),
            b'{"t":0.5,"event":"health","backend":"mlx","outcome":"loading","latency_ms":12.3,"ok":false}\n',
        ),
        (QueueChanged(1.0, 2), b'{"t":1.0,"event":"queue","active":2}\n'),
        (Query(2, "mlx"), b'{"t":2,"event":"query","backend":"mlx"}\n'),
        (FirstTokenCame(0.5, "mlx", "7"), b'{"t":0.5,"event":"first_token","backend":"mlx","request":"7"}\n'),
        (LoadAsked(0.5, "mlx", "a"), b'{"t":0.5,"event":"load_asked","backend":"mlx","model":"a"}\n'),
        (LoadEnded(0.5, "mlx", "a"), b'{"t":0.5,"event":"load_ended","backend":"mlx","model":"a"}\n'),
        (DrainSwitched(0.5, "mlx", True), b'{"t":0.5,"event":"drain","backend":"mlx","draining":true}\n'),
    ],
)
def test_a_line_has_the_keys_of_its_kind(entry: Entry, line: bytes) -> None:
    assert write(entry) == line


def test_a_threshold_that_is_never_reached_is_null() -> None:
    line = orjson.loads(write(RulesInForce(0.0, 3, LoadRules(kv_usage_ratio=(0.5, inf, inf)))))
    assert line["rules"]["kv_usage_ratio"] == [0.5, None, None]


def test_a_key_is_never_written() -> None:
    added = BackendAdded(0.0, BackendSpec("mini", "1", api_key="sk-secret"))
    assert b"secret" not in write(added)
    assert read(write(added)) == replace(added, spec=replace(added.spec, api_key=None))


def test_a_question_tells_what_the_streams_had_shown_by_then() -> None:
    asked = Query(2, "mlx", Rhythm(1.5, 0.25, so_far={"7": 12}))
    assert orjson.loads(write(asked))["rhythm"]["so_far"] == {"7": 12}
    assert read(write(asked)) == asked


def test_an_older_recording_says_less_of_its_requests() -> None:
    begun = b'{"t":1,"event":"started","backend":"mlx","request":"7"}'
    assert read(begun) == RequestStarted(1.0, "mlx", "7")
    ended = b'{"t":2,"event":"finished","backend":"mlx","request":"7","outcome":"ok"}'
    assert read(ended) == RequestFinished(2.0, "mlx", "7", Outcome.OK)
    added = b'{"t":0,"event":"backend_added","backend":"mlx","place":"1"}'
    assert read(added) == BackendAdded(0.0, BackendSpec("mlx", "1"))


def test_a_line_that_only_says_ok_or_not_is_enough() -> None:
    line = b'{"t":1,"event":"health","backend":"mlx","ok":%s,"latency_ms":5}'
    assert read(line % b"true") == HealthProbed(1.0, "mlx", ProbeOutcome.OK, 5.0)
    assert read(line % b"false") == HealthProbed(1.0, "mlx", ProbeOutcome.READ_TIMEOUT, 5.0)


def test_rules_that_an_older_recording_does_not_tell_have_their_defaults() -> None:
    assert read(b'{"t":0,"event":"rules","failures_to_down":3,"rules":{}}') == RulesInForce(0.0, 3, LoadRules())


DEEP = b'{"t":0,"event":"%s","backend":"mlx","more":' + b"[" * 1000 + b"]" * 1000 + b"}"


@pytest.mark.parametrize(
    "line",
    [
        DEEP % b"query",
        b'{"t":0,"event":"rules","failures_to_down":3,"rules":{"kv_usage_ratio":' + b"[" * 1000 + b"]" * 1000 + b"}}",
        b'{"t":0,"event":"rules","failures_to_down":3,"rules":7}',
        b'{"t":0,"event":"rules","failures_to_down":3,"rules":{"kv_usage_ratio":[1]}}',
        b'{"t":0,"event":{"a":1},"backend":"mlx"}',
        b'{"t":0,"event":"backend_added","backend":7}',
        b'{"t":0,"event":"backend_added"}',
        b'{"t":0,"event":"models","backend":"mlx","models":[{"name":"a","kind":"painter"}]}',
        b'{"t":1e999,"event":"query","backend":"mlx"}',
        b"\xff\xfe",
        b"",
    ],
)
def test_a_line_that_is_none_is_refused_whatever_is_wrong_with_it(line: bytes) -> None:
    with pytest.raises(TraceInvalid):
        read(line)


def test_the_message_names_the_key_as_the_line_has_it() -> None:
    with pytest.raises(TraceInvalid, match=r"^backend: "):
        read(b'{"t":0,"event":"backend_added","backend":7}')


def read_or_refuse(line: bytes) -> None:
    try:
        read(line)
    except TraceInvalid as error:
        assert str(error)  # noqa: PT017 - whichever line it is: either it is read, or the refusal has a text


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(line: bytes) -> None:
    read_or_refuse(line)


KEYS = {"t", "at", "ok", "outcome", "latency_ms", "active_jobs", "total_requests", "active", "reading", "request"} | {
    *("backend", "spec", "place", "slots", "engine", "version", "models", "rules", "failures_to_down"),
    *("rhythm", "model", "role", "prompt_tokens", "streamed", "output_tokens", "last_token_at", "draining"),
}


# The first text of a fresh checkout takes seconds: a table of all characters is made.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.dictionaries(st.sampled_from(sorted(KEYS)), json_values, max_size=6))
def test_any_json_under_any_key_is_read_or_refused(kind: str, record: dict[str, object]) -> None:
    try:
        line = orjson.dumps(record | {"event": kind, "t": record.get("t", 0)})
    except TypeError:
        return  # numbers that no JSON of ours can have
    read_or_refuse(line)


def test_of_a_line_the_note_is_wanted_or_what_is_wrong_with_it() -> None:
    note = Note(1.0, "decision", {"id": "d1"})
    assert note_in(write(note)) == note
    assert note_in(write(QueueChanged(1.0, 2))) is None
    assert isinstance(note_in(b'{"t":1.0,"event":"tea"}\n'), str)
    assert isinstance(note_in(b"\xff\n"), str)
