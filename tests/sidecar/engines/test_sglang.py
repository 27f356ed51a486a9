from collections.abc import Mapping

import orjson
import pytest

from sidecar.engines import Answer, Model, Reading, Unreadable
from sidecar.engines.sglang import ENGINE
from tests.sidecar.engines.recordings import Recording

LOADS = "/v1/loads?include=core"


def reading(*ranks: Mapping[str, object]) -> Reading:
    return ENGINE.read_stats((Answer(200, orjson.dumps({"loads": ranks})),))


@pytest.mark.parametrize(
    ("name", "asked", "expected"),
    [
        ("sglang-0.5.9/idle", (LOADS,), Reading(0, 0, 0.0, slots=256)),
        ("sglang-0.5.9/busy", (LOADS,), Reading(43, 3, (0.7303 + 0.5551) / 2, slots=512)),
        ("sglang-0.5.9/before-the-first-batch", (LOADS,), Reading()),
        ("sglang-0.5.3/idle", (LOADS, "/metrics"), Reading()),
        ("sglang-0.5.3/busy-with-metrics", (LOADS, "/metrics"), Reading(2, 1, 0.28)),
    ],
)
def test_load_is_asked_where_no_flag_is_needed_and_else_on_the_page(
    name: str, asked: tuple[str, ...], expected: Reading
) -> None:
    recording = Recording(name)
    assert recording.stats_asked("sglang") == asked
    assert recording.reading("sglang") == expected


def test_a_list_without_ranks_is_broken_and_not_idle() -> None:
    with pytest.raises(Unreadable, match="without any rank"):
        Recording("sglang-0.5.9/without-ranks").reading("sglang")


@pytest.mark.parametrize("body", [b"{}", b'{"loads": {}}', b'{"loads": [1]}', b"[]"])
def test_another_shape_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        ENGINE.read_stats((Answer(200, body),))


def test_one_rank_that_is_not_ready_or_does_not_say_makes_the_whole_unknown() -> None:
    ready = {"num_running_reqs": 2, "num_waiting_reqs": 1, "max_total_num_tokens": 9, "token_usage": 0.5}
    assert reading(ready) == Reading(2, 1, 0.5)
    assert reading(ready, ready | {"max_total_num_tokens": 0}) == Reading()
    assert reading(ready, {"max_total_num_tokens": 9}) == Reading()
    assert reading({"num_running_reqs": 2, "token_usage": True}) == Reading(2)


def test_an_impossible_usage_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="token_usage"):
        reading({"token_usage": 73})


def test_what_it_lists_is_loaded() -> None:
    model = Model("qwen/qwen2.5-0.5b-instruct", parameters=5e8, loaded=True, context_tokens=32768)
    assert Recording("sglang-0.5.9/idle").models("sglang") == (model,)


def test_another_status_is_not_taken_for_an_older_server() -> None:
    assert ENGINE.asks((Answer(503, b""),)) == ()
    with pytest.raises(Unreadable, match="HTTP 503"):
        ENGINE.read_stats((Answer(503, b""),))
