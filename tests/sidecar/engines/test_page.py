import pytest

from sidecar.engines import ENGINES, Answer, Ask, Reading, Unreadable
from sidecar.engines.engine import Page, Selector
from sidecar.engines.page import METRICS, overridden, place_of, plan, read, reading_of

PAGE = Page(
    METRICS,
    running=(Selector("new"), Selector("old")),
    waiting=(Selector("wait"),),
    also_waiting=(Selector("door"), Selector("hall")),
    kv_usage=(Selector("cache", {"part": "kv"}),),
    slots=(Selector("most"),),
)


def said(page: str, status: int = 200) -> Answer:
    return Answer(status, page.encode())


@pytest.mark.parametrize(
    ("page", "reading"),
    [
        ("new 1\nold 2\n", Reading(running=1)),
        ("old 2\n", Reading(running=2)),
        ("new NaN\nold 2\n", Reading(running=2)),
        ("wait 1\ndoor 2\nhall 4\n", Reading(waiting=7)),
        ("wait 1\nhall 4\n", Reading(waiting=5)),
        ("door 2\n", Reading()),
        ('cache{part="kv"} 0.5\ncache{part="prefix"} 0.9\n', Reading(kv_usage_ratio=0.5)),
        ("most 8\n", Reading(slots=8)),
        ("most 0\n", Reading()),
        ("", Reading()),
    ],
)
def test_of_each_number_the_first_name_that_is_there_counts(page: str, reading: Reading) -> None:
    assert reading_of(PAGE, said(page)) == reading


@pytest.mark.parametrize("page", ["new -1\n", "wait 1\ndoor -1\n", 'cache{part="kv"} 50\n', "<html>"])
def test_what_cannot_be_is_unreadable(page: str) -> None:
    with pytest.raises(Unreadable):
        reading_of(PAGE, said(page))


def test_an_impossible_value_is_told_with_its_metric() -> None:
    with pytest.raises(Unreadable, match=r'^cache\{part="kv"\} is 50.0, not within 0..1$'):
        reading_of(PAGE, said('cache{part="kv"} 50\n'))


@pytest.mark.parametrize("status", [404, 501])
def test_a_page_that_was_not_switched_on_is_unknown(status: int) -> None:
    assert reading_of(PAGE, said("Not Found", status)) == Reading()


def test_a_page_that_wants_a_key_says_so() -> None:
    with pytest.raises(Unreadable, match="set api_key of this backend"):
        reading_of(PAGE, said("", 401))


def test_the_page_is_asked_once_and_only_where_there_is_one() -> None:
    assert plan(PAGE, ()) == (METRICS,)
    assert plan(PAGE, (None,)) == ()
    assert plan(None, ()) == ()
    assert read(None, ()) == Reading()
    assert read(PAGE, (None,)) == Reading()


@pytest.mark.parametrize(
    ("text", "ask"),
    [
        ("/metrics", Ask("/metrics")),
        ("/prometheus/metrics?name[]=x", Ask("/prometheus/metrics?name[]=x")),
        (":8002/metrics", Ask("/metrics", port=8002)),
        ("metrics", None),
        ("", None),
        (":0/metrics", None),
        (":70000/metrics", None),
        (":8002", None),
        ("http://elsewhere/metrics", None),
        ("/with space", None),
        ("/page#part", None),
    ],
)
def test_a_page_is_at_a_path_and_may_be_at_another_port(text: str, ask: Ask | None) -> None:
    assert place_of(text) == ask


def test_without_other_names_an_engine_is_what_it_was() -> None:
    for engine in ENGINES.values():
        assert overridden(engine, {}, None) is engine


def test_a_metric_that_was_renamed_is_read_under_its_new_name_and_the_others_stay() -> None:
    engine = overridden(ENGINES["vllm"], {"running": Selector("vllm:jobs", {"state": "on"})}, None)
    page = (
        'vllm:jobs{state="on"} 3\nvllm:jobs{state="off"} 9\nvllm:num_requests_running 7\nvllm:num_requests_waiting 1\n'
    )
    assert engine.asks() == (METRICS,)
    assert engine.read_stats((said(page),)) == Reading(running=3, waiting=1)


def test_whoever_names_what_waits_means_all_that_waits() -> None:
    engine = overridden(ENGINES["lmdeploy"], {"waiting": Selector("lmdeploy:num_requests_waiting")}, None)
    page = "lmdeploy:num_requests_waiting 1\nlmdeploy:num_api_requests_waiting 5\n"
    assert engine.read_stats((said(page),)) == Reading(waiting=1)
    assert ENGINES["lmdeploy"].read_stats((said(page),)) == Reading(waiting=6)


def test_the_page_may_be_elsewhere() -> None:
    engine = overridden(ENGINES["triton"], {}, Ask("/metrics", port=9102))
    assert engine.asks() == (Ask("/metrics", port=9102),)
    page = 'nv_trt_llm_request_metrics{request_type="scheduled"} 2\n'
    assert engine.read_stats((said(page),)) == Reading(running=2)


@pytest.mark.parametrize("name", ["openai", "mlx", "ollama", "lmstudio", "localai", "sglang", "status", "koboldcpp"])
def test_an_engine_without_a_page_is_asked_for_one_instead_of_what_it_is_asked_otherwise(name: str) -> None:
    names = {"running": Selector("jobs"), "waiting": Selector("queue"), "kv_usage": Selector("cache")}
    engine = overridden(ENGINES[name], names, None)
    assert engine.asks() == (METRICS,)
    assert engine.asks((None,)) == ()
    assert engine.read_stats((said("jobs 1\nqueue 2\ncache 0.5\n"),)) == Reading(1, 2, 0.5)
    assert engine.liveness == ENGINES[name].liveness


def test_llama_cpp_is_still_asked_first_whether_it_sleeps() -> None:
    engine = overridden(ENGINES["llamacpp"], {"running": Selector("jobs")}, None)
    awake, asleep = said('{"total_slots": 2}'), said('{"is_sleeping": true}')
    assert [ask.path for ask in engine.asks()] == ["/props"]
    assert [ask.path for ask in engine.asks((awake,))] == ["/metrics"]
    assert engine.asks((asleep,)) == ()
    page = said("jobs 1\nllamacpp:requests_processing 5\nllamacpp:requests_deferred 3\n")
    assert engine.read_stats((awake, page)) == Reading(running=1, waiting=3, slots=2)
