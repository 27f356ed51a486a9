"""Replay by the seed's rules against an oracle that was written from their description alone."""

import itertools

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.replay import Rules, answers
from tests.sidecar import seed_oracle

LATENCIES = st.one_of(
    st.sampled_from(
        [0, 0.04, 0.05, 9, 9.94, 9.95, 9.99, 10.0, 10.1, 12.34, 12.35, 20, 20.0, 20.1, 30.0, 30.1, 50.0, 50.1]
    ),
    st.sampled_from([100.0, 100.1, 150.0, 150.1, 250.0, 250.1, 1, 500]),
    st.integers(min_value=0, max_value=3000).map(lambda tenths: tenths / 10),
    st.floats(min_value=0, max_value=400),
)
INFERENCES = st.sampled_from([-1, -1.0, -0.1, 0, 0.0, 12.34, 3999.9, 4000, 4000.0, 4000.1, 8000.0, 8000.1, 12_000])
PAUSES = st.sampled_from([0, 0.0, 0.5, 1, 9.9, 10, 15, 29.9, 30, 30.0, 30.1])
BACKENDS = st.sampled_from(["mlx", "gpu"])


STATUSES = (
    st.tuples(st.integers(0, 5), st.integers(0, 99)) | st.just((None, None)) | st.tuples(st.integers(0, 5), st.none())
)

HEALTH = st.builds(
    lambda backend, ok, latency: {"event": "health", "backend": backend, "ok": ok, "latency_ms": latency},
    BACKENDS,
    st.sampled_from([True, True, False]),
    LATENCIES,
)
STATUS = st.builds(
    lambda backend, said: {"event": "status", "backend": backend, "active_jobs": said[0], "total_requests": said[1]},
    BACKENDS,
    STATUSES,
)
INFERENCE = st.builds(
    lambda backend, latency: {"event": "inference", "backend": backend, "latency_ms": latency}, BACKENDS, INFERENCES
)
QUEUE = st.builds(lambda active: {"event": "queue", "active": active}, st.integers(0, 3))
QUERY = st.builds(lambda backend: {"event": "query", "backend": backend}, BACKENDS)
LINES = st.one_of(HEALTH, HEALTH, HEALTH, STATUS, INFERENCE, QUEUE, QUERY, QUERY)


def in_time(start: float, paused: list[tuple[float, dict[str, object]]]) -> list[bytes]:
    """Lines at their moments; at the end everybody is asked about."""
    moments = itertools.accumulate((pause for pause, _ in paused), initial=start)
    asked = [(0, {"event": "query", "backend": backend}) for backend in ("mlx", "gpu")]
    lines = [line for _, line in [*paused, *asked]]
    times = [*moments][1:]
    times += [times[-1] if times else start] * len(asked)
    return [orjson.dumps({"t": t, **line}) for t, line in zip(times, lines, strict=True)]


recordings = st.builds(in_time, st.sampled_from([0, 0.0, 1.5]), st.lists(st.tuples(PAUSES, LINES), max_size=30))


@settings(max_examples=400, deadline=None)
@given(recordings)
def test_replay_by_the_seeds_rules_gives_the_oracles_answers(lines: list[bytes]) -> None:
    assert list(answers(lines, Rules.SEED)) == seed_oracle.answers(lines)


@settings(max_examples=100, deadline=None)
@given(recordings)
def test_the_printed_lines_are_equal_to_the_byte_but_for_whole_numbers_of_milliseconds(lines: list[bytes]) -> None:
    for ours, theirs in zip(answers(lines, Rules.SEED), seed_oracle.answers(lines), strict=True):
        assert list(ours) == list(theirs)
        milliseconds = {key: float(theirs[key]) for key in ("health_ms", "health_baseline_ms")}
        inference = {"inference_ms": None if theirs["inference_ms"] is None else float(theirs["inference_ms"])}
        assert orjson.dumps(ours) == orjson.dumps(theirs | milliseconds | inference)
