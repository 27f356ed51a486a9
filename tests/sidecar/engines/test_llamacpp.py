import orjson
import pytest

from sidecar.engines import Answer, Liveness, Reading, Unreadable
from sidecar.engines.llamacpp import ENGINE
from tests.sidecar.engines.recordings import Recording

B = "llamacpp-b11434"


def props(**told: object) -> Answer:
    return Answer(200, orjson.dumps(told))


def paths_after(*answers: Answer | None) -> tuple[str, ...]:
    return tuple(question.path for question in ENGINE.asks(answers))


@pytest.mark.parametrize(
    ("state", "asked", "reading"),
    [
        ("idle", ("/props", "/metrics"), Reading(running=0, waiting=0, slots=4)),
        ("busy", ("/props", "/metrics"), Reading(running=4, waiting=2, slots=4)),
        ("idle-without-metrics", ("/props", "/slots"), Reading(running=0, slots=2)),
        ("busy-without-metrics", ("/props", "/slots"), Reading(running=1, slots=2)),
        ("sleeping", ("/props",), Reading(running=0, waiting=0, slots=2)),
        ("router-nothing-loaded", ("/props", "/v1/models"), Reading(running=0, waiting=0)),
        (
            "router-one-loaded",
            ("/props", "/v1/models", "/metrics?model=tiny&autoload=false"),
            Reading(running=0, waiting=0),
        ),
        ("router-one-sleeping", ("/props", "/v1/models"), Reading(running=0, waiting=0)),
        ("router-one-loading", ("/props", "/v1/models"), Reading(running=0, waiting=0)),
    ],
)
def test_each_state_is_asked_with_care_and_read(state: str, asked: tuple[str, ...], reading: Reading) -> None:
    recording = Recording(f"{B}/{state}")
    assert recording.stats_asked("llamacpp") == asked
    assert recording.reading("llamacpp") == reading


def test_a_server_that_loads_is_loading_and_its_load_is_unreadable() -> None:
    recording = Recording(f"{B}/loading")
    (answer,) = recording.answers((ENGINE.liveness,))
    assert answer is not None
    assert ENGINE.read_liveness(answer) is Liveness.LOADING
    assert recording.stats_asked("llamacpp") == ("/props",)
    with pytest.raises(Unreadable, match=r"HTTP 503.*Loading model"):
        recording.reading("llamacpp")


def test_another_503_is_a_failure() -> None:
    assert ENGINE.read_liveness(Answer(503, b'{"error":{"message":"no slot available"}}')) is Liveness.BAD_STATUS


def test_a_sleeping_model_is_asked_nothing_that_wakes_it() -> None:
    assert paths_after(props(is_sleeping=True, endpoint_metrics=True, endpoint_slots=True)) == ()


def test_nothing_is_asked_of_a_server_that_did_not_say_whether_it_sleeps() -> None:
    assert paths_after(None) == ()
    assert paths_after(Answer(404, b"{}")) == ()


def test_an_older_server_is_asked_for_metrics_and_then_for_slots() -> None:
    old = props(total_slots=1)
    refusal = Answer(501, b'{"error":{"message":"... Start it with `--metrics`","code":501}}')
    assert paths_after(old) == ("/metrics",)
    assert paths_after(old, refusal) == ("/slots",)
    slots = Answer(200, b'[{"id": 0, "is_processing": true}]')
    assert paths_after(old, refusal, slots) == ()
    assert ENGINE.read_stats((old, refusal, slots)) == Reading(running=1, slots=1)


def test_a_server_with_neither_page_is_unknown_and_not_idle() -> None:
    assert paths_after(props(endpoint_metrics=False, endpoint_slots=False)) == ()
    no_slots = Answer(501, b"Start it with `--slots`")
    assert paths_after(props(endpoint_metrics=False), no_slots) == ()
    old = props(total_slots=3)
    no_metrics = Answer(501, b"Start it with `--metrics`")
    assert ENGINE.read_stats((old, no_metrics, no_slots)) == Reading(slots=3)


def test_a_page_that_does_not_come_in_time_is_unknown() -> None:
    assert ENGINE.read_stats((props(total_slots=4, endpoint_metrics=True), None)) == Reading(slots=4)


def test_no_model_of_a_router_is_named_without_forbidding_to_load_it() -> None:
    listing = {"object": "list", "data": [model("a/b&c", "loaded"), model("d", "sleeping"), model("e", "unloaded")]}
    asked = paths_after(props(role="router"), Answer(200, orjson.dumps(listing)))
    assert asked == ("/metrics?model=a%2Fb%26c&autoload=false",)


def test_a_routers_models_are_summed_and_unknown_if_one_is() -> None:
    listing = {"object": "list", "data": [model("a", "loaded"), model("b", "loaded")]}
    start = (props(role="router"), Answer(200, orjson.dumps(listing)))
    one = Answer(200, b"llamacpp:requests_processing 1\nllamacpp:requests_deferred 2\n")
    gone = Answer(400, b'{"error":{"message":"model is not loaded"}}')
    assert ENGINE.read_stats((*start, one, one)) == Reading(running=2, waiting=4)
    assert ENGINE.read_stats((*start, one, gone)) == Reading()
    assert ENGINE.read_stats((*start, one, None)) == Reading()
    assert ENGINE.read_stats((start[0], None)) == Reading()


def model(name: str, state: str) -> dict[str, object]:
    return {"id": name, "status": {"value": state}}


def test_models_come_with_what_the_server_knows_of_them() -> None:
    (found,) = Recording(f"{B}/idle").models("llamacpp")
    assert found.name == "gguf/tiny.gguf"
    assert found.context_tokens == 32768
    assert found.loaded is True
    assert found.parameters is not None
    assert 0.5e6 < found.parameters < 2e6
    assert found.size_bytes is not None
    assert found.size_bytes > 1e6


def test_a_router_says_which_models_are_loaded() -> None:
    models = Recording(f"{B}/router-one-loaded").models("llamacpp")
    assert [(found.name, found.loaded) for found in models] == [("other", False), ("tiny", True)]


def test_a_routers_model_that_sleeps_is_not_in_memory() -> None:
    models = Recording(f"{B}/router-one-sleeping").models("llamacpp")
    assert [(found.name, found.loaded) for found in models] == [("other", False), ("tiny", False)]


def test_a_routers_model_that_is_being_loaded_is_on_its_way() -> None:
    models = Recording(f"{B}/router-one-loading").models("llamacpp")
    assert [(found.name, found.loaded, found.loading) for found in models] == [
        ("other", False, True),
        ("tiny", False, False),
    ]


def test_the_model_of_a_server_that_sleeps_is_not_in_memory() -> None:
    recording = Recording(f"{B}/sleeping")
    (model,) = recording.models("llamacpp")
    assert model.loaded is False
    listed, _ = recording.answers(ENGINE.models)
    assert [model.loaded for model in ENGINE.read_models((listed, None))] == [True]


def test_the_cache_of_older_builds_is_read() -> None:
    page = Answer(200, b"llamacpp:requests_processing 1\nllamacpp:kv_cache_usage_ratio 0.5\n")
    assert ENGINE.read_stats((props(), page)) == Reading(running=1, kv_usage_ratio=0.5)


@pytest.mark.parametrize("body", [b"{}", b'[{"id": 0}]', b"[1]", b'[{"is_processing": 1}]'])
def test_slots_of_another_shape_are_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        ENGINE.read_stats((props(endpoint_metrics=False), Answer(200, body)))


def test_a_router_whose_list_makes_no_sense_is_asked_nothing_more() -> None:
    assert paths_after(props(role="router"), Answer(200, b"<html>")) == ()
