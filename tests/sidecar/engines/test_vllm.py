import pytest

from sidecar.engines import Answer, Ask, Liveness, Model, Reading, Unreadable
from sidecar.engines.vllm import ENGINE
from tests.sidecar.engines.recordings import Recording


def reading(page: str) -> Reading:
    return ENGINE.read_stats((Answer(200, page.encode()),))


def test_running_waiting_and_cache_are_read() -> None:
    assert Recording("vllm-0.32.0/idle").reading("vllm") == Reading(running=0, waiting=0, kv_usage_ratio=0.0)
    busy = Recording("vllm-0.32.0/busy").reading("vllm")
    assert (busy.running, busy.waiting) == (2, 1)
    assert busy.kv_usage_ratio == pytest.approx(0.000244, abs=1e-6)


def test_what_it_lists_is_loaded() -> None:
    assert Recording("vllm-0.32.0/idle").models("vllm") == (Model("tiny", loaded=True, context_tokens=32768),)


def test_a_page_without_the_gauges_is_unknown_and_not_idle() -> None:
    assert Recording("vllm-0.32.0/without-stats").reading("vllm") == Reading()
    assert reading("") == Reading()


def test_the_series_by_reason_is_never_taken_for_the_one_that_waits() -> None:
    page = 'vllm:num_requests_running 1\nvllm:num_requests_waiting_by_reason{reason="deferred"} 5\n'
    assert reading(page) == Reading(running=1)
    assert reading(page + "vllm:num_requests_waiting 2\n") == Reading(running=1, waiting=2)


def test_only_those_that_wait_for_capacity_wait_where_the_server_tells_them_apart() -> None:
    page = "".join(
        f'vllm:num_requests_waiting{{engine="{engine}"}} 7\n'
        f'vllm:num_requests_waiting_by_reason{{engine="{engine}",reason="capacity"}} {engine + 1}\n'
        f'vllm:num_requests_waiting_by_reason{{engine="{engine}",reason="deferred"}} {6 - engine}\n'
        for engine in (0, 1)
    )
    assert reading(page).waiting == 3


def test_the_engines_of_one_server_are_summed_and_their_caches_averaged() -> None:
    page = "".join(
        f'vllm:num_requests_running{{engine="{engine}"}} {engine + 1}.0\n'
        f'vllm:kv_cache_usage_perc{{engine="{engine}"}} 0.{engine * 5}\n'
        for engine in (0, 1)
    )
    assert reading(page) == Reading(running=3, kv_usage_ratio=0.25)


def test_the_caches_old_name_is_read_where_the_new_one_is_missing() -> None:
    assert reading("vllm:gpu_cache_usage_perc 0.5\n").kv_usage_ratio == 0.5
    both = "vllm:gpu_cache_usage_perc 0.5\nvllm:kv_cache_usage_perc 0.25\n"
    assert reading(both).kv_usage_ratio == 0.25


@pytest.mark.parametrize(
    "page", ["vllm:num_requests_running -1\n", "vllm:num_requests_running +Inf\n", "vllm:kv_cache_usage_perc 12.5\n"]
)
def test_impossible_values_are_unreadable(page: str) -> None:
    with pytest.raises(Unreadable, match="vllm:"):
        reading(page)


def test_a_cache_a_hair_above_full_is_full() -> None:
    assert reading("vllm:kv_cache_usage_perc 1.0000001\n").kv_usage_ratio == 1


def test_put_to_sleep_it_is_well_and_serves_nothing() -> None:
    recording = Recording("vllm-0.32.0/sleeping")
    health, sleeping = recording.answers((ENGINE.liveness, Ask("/is_sleeping")))
    assert health is not None
    assert sleeping is not None
    assert ENGINE.read_liveness(health) is Liveness.OK
    assert ENGINE.read_condition(sleeping) is Liveness.SUSPENDED
    assert recording.reading("vllm") == Reading(running=0, waiting=0, kv_usage_ratio=0.0)


@pytest.mark.parametrize("answer", [Answer(200, b'{"is_sleeping": false}'), Answer(404, b'{"detail":"Not Found"}')])
def test_awake_or_without_a_way_to_sleep_it_is_well(answer: Answer) -> None:
    assert ENGINE.read_condition(answer) is Liveness.OK


def test_health_says_nothing_when_well_and_503_when_its_engine_has_died() -> None:
    assert ENGINE.read_liveness(Answer(200, b"")) is Liveness.OK
    assert ENGINE.read_liveness(Answer(503, b"")) is Liveness.BAD_STATUS
