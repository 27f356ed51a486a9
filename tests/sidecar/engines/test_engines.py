"""What holds for every engine."""

import re

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.engines import ENGINES, Answer, Answers, Ask, Engine, Liveness, Reading, Unreadable, detect
from tests.sidecar.engines.recordings import Recording, names

COSTLY = re.compile(r"completion|generate|chat|embed|pull|wake|unload|/sleep|/load\b|/models/load")
"""In paths of questions that make tokens, or change what is in memory."""

DEEP = b"[" * 100_000
WIDE = b'{"models":' + b"[{}," * 20_000

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
LISTING_KEYS = ["object", "data", "id", "owned_by", "meta", "n_params", "n_ctx", "size", "status", "value", "state"]
LISTING_KEYS += ["key", "params_string", "size_bytes", "loaded_instances", "config", "context_length", "parallel"]
OLLAMA_KEYS = ["models", "name", "details", "family", "parameter_size", "version", "error", "size_vram", "expires_at"]
STATS_KEYS = [
    "active_jobs",
    "total_requests",
    "total_slots",
    "role",
    "is_sleeping",
    "is_processing",
    "endpoint_metrics",
    *["loads", "num_running_reqs", "num_waiting_reqs", "max_total_num_tokens", "token_usage", "max_running_requests"],
    *["result", "idle", "queue", "total_gens", "model_id", "router", "loaded_models", "backends"],
]
KEYS = st.sampled_from(LISTING_KEYS + OLLAMA_KEYS + STATS_KEYS)
WORDS = st.sampled_from(["list", "router", "loaded", "model", "vllm", "llamacpp"])
JSON = st.recursive(
    SCALARS | WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)
PAGES = [engine.page for engine in ENGINES.values() if engine.page is not None]
SELECTORS = [one for page in PAGES for one in (*page.running, *page.waiting, *page.also_waiting, *page.kv_usage)]
PROMETHEUS = st.lists(
    st.tuples(
        st.sampled_from([one.name for one in SELECTORS]),
        st.floats(),
    ),
    max_size=3,
).map(lambda rows: "".join(f"{name} {value}\n" for name, value in rows).encode())


def as_json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS) if fits(value) else b"{}"


def fits(value: object) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


BODIES = st.binary(max_size=200) | JSON.map(as_json) | PROMETHEUS
STATUSES = st.sampled_from([200, 200, 200, 200, 204, 301, 400, 401, 404, 429, 500, 501, 503])
HEADERS = st.dictionaries(st.sampled_from(["server", "content-type"]), st.sampled_from(["llama.cpp", "BaseHTTP/0.6"]))
ANSWERS = st.builds(Answer, STATUSES, BODIES, HEADERS)
MAYBE = st.none() | ANSWERS
ENGINE = st.sampled_from(sorted(ENGINES.values(), key=lambda engine: engine.name))


def engines_and_answers(count_of: str) -> st.SearchStrategy[tuple[Engine, tuple[Answer | None, ...]]]:
    return ENGINE.flatmap(
        lambda engine: st.tuples(st.just(engine), st.tuples(*[MAYBE] * len(getattr(engine, count_of))))
    )


def test_each_engine_stands_under_its_own_name() -> None:
    assert {name: engine.name for name, engine in ENGINES.items()} == {name: name for name in ENGINES}
    assert list(ENGINES) == sorted(ENGINES)
    assert len(ENGINES) == 14


def all_questions() -> set[tuple[str, str]]:
    """Whatever is asked of any engine in any of its recorded states, and of a server that nobody knows yet."""
    asked = {("", str(ask)) for ask in detect.QUESTIONS}
    for engine in ENGINES.values():
        further = () if engine.condition is None else (engine.condition,)
        asked |= {(engine.name, str(ask)) for ask in (engine.liveness, *further, *engine.models, *engine.asks())}
    for name in names():
        if (known := Recording(name).content["engine"]) is not None:
            asked |= {(known, f"GET {path}") for path in Recording(name).stats_asked(known)}
    return asked


def test_no_question_costs_tokens_or_changes_anything() -> None:
    asked = all_questions()
    assert not [question for question in asked if COSTLY.search(question[1])]
    assert [question for question in asked if not question[1].startswith("GET ")] == [
        ("triton", "POST /v2/repository/index")
    ]


def test_nobody_is_asked_for_a_health_that_runs_the_model() -> None:
    assert not [path for engine, path in all_questions() if engine in ("", "sglang", "tgi") and "/health" in path]


@given(ENGINE, ANSWERS)
@example(ENGINES["openai"], Answer(200, DEEP))
@example(ENGINES["ollama"], Answer(200, WIDE))
def test_whatever_answers_the_liveness_question_has_a_health(engine: Engine, answer: Answer) -> None:
    health = engine.read_liveness(answer)
    assert health in Liveness
    assert health is not Liveness.OK or answer.status == 200


@given(engines_and_answers("models"))
@example((ENGINES["openai"], (Answer(200, DEEP),)))
@example((ENGINES["ollama"], (Answer(200, WIDE), Answer(200, DEEP))))
@example((ENGINES["llamacpp"], (Answer(200, b'{"object":"list","data":[{"id":"a","meta":{"n_params":1e400}}]}'),)))
def test_whatever_answers_the_models_questions_is_read_or_unreadable(
    asked: tuple[Engine, tuple[Answer | None, ...]],
) -> None:
    engine, answers = asked
    try:
        models = engine.read_models(answers)
    except Unreadable:
        return
    for model in models:
        assert model.name
        assert model.parameters is None or model.parameters > 0
        for number in (model.size_bytes, model.memory_bytes, model.accelerator_bytes, model.expires_in_seconds):
            assert number is None or number >= 0
        assert model.context_tokens is None or model.context_tokens > 0
        assert not (model.loaded and model.loading)


@given(ENGINE, st.lists(MAYBE, min_size=1, max_size=5))
@example(ENGINES["llamacpp"], [Answer(200, b"{}"), Answer(501, b"--metrics"), Answer(200, DEEP)])
@example(ENGINES["vllm"], [Answer(200, b"vllm:num_requests_running +Inf\n")])
@example(ENGINES["status"], [Answer(200, b'{"active_jobs": true}')])
def test_whatever_answers_the_stats_questions_is_read_or_unreadable(
    engine: Engine, given_answers: list[Answer | None]
) -> None:
    answers = with_more(engine, given_answers)
    try:
        reading = engine.read_stats(answers)
    except Unreadable:
        return
    assert_sensible(reading)


def with_more(engine: Engine, given_answers: list[Answer | None]) -> tuple[Answer | None, ...]:
    """The answers that the engine's questions get, the given ones over and over; fails if the asking does not end."""
    endless = iter(given_answers * 100)
    answers: Answers = ()
    for _ in range(4):
        more: tuple[Ask, ...] = engine.asks(answers)
        if not more:
            return answers
        answers += tuple(next(endless) for _ in more)
    raise AssertionError(f"{engine.name} does not stop asking")


def assert_sensible(reading: Reading) -> None:
    for count in (reading.running, reading.waiting, reading.slots, reading.total_requests):
        assert count is None or (type(count) is int and count >= 0)
    assert reading.kv_usage_ratio is None or 0 <= reading.kv_usage_ratio <= 1


@pytest.mark.parametrize("engine", ENGINES.values(), ids=sorted(ENGINES))
def test_no_answer_to_the_statistics_is_unknown_and_not_idle(engine: Engine) -> None:
    assert engine.read_stats(tuple(None for _ in engine.asks())) == Reading()


@pytest.mark.parametrize("engine", ENGINES.values(), ids=sorted(ENGINES))
def test_no_answer_to_the_models_is_unreadable_and_not_an_empty_list(engine: Engine) -> None:
    with pytest.raises(Unreadable, match="no answer to /"):
        engine.read_models(tuple(None for _ in engine.models))


@pytest.mark.parametrize("engine", ENGINES.values(), ids=sorted(ENGINES))
@pytest.mark.parametrize("body", [b"<!doctype html><html>", b"  \n<html>"])
def test_a_page_for_people_is_a_bad_body(engine: Engine, body: bytes) -> None:
    page = Answer(200, body, {"content-type": "text/html"})
    assert engine.read_liveness(page) is Liveness.BAD_BODY
    with pytest.raises(Unreadable, match="<"):
        engine.read_models(tuple(page for _ in engine.models))


@pytest.mark.parametrize("engine", ENGINES.values(), ids=sorted(ENGINES))
@pytest.mark.parametrize("status", [301, 401, 404, 500, 502, 503])
def test_another_status_is_a_bad_status(engine: Engine, status: int) -> None:
    assert engine.read_liveness(Answer(status, b"{}")) is Liveness.BAD_STATUS


@pytest.mark.parametrize("engine", ENGINES.values(), ids=sorted(ENGINES))
def test_a_refused_key_is_told_as_such(engine: Engine) -> None:
    with pytest.raises(Unreadable, match="set api_key of this backend"):
        engine.read_models(tuple(Answer(401, b'{"error": "Unauthorized"}') for _ in engine.models))


@pytest.mark.parametrize("name", [name for name in names() if Recording(name).content["engine"]])
def test_every_recorded_server_answers_the_questions_of_its_engine(name: str) -> None:
    recording = Recording(name)
    engine = ENGINES[recording.content["engine"]]
    (answer,) = recording.answers((engine.liveness,))
    health = Liveness.BAD_STATUS if answer is None else engine.read_liveness(answer)
    if health is Liveness.OK and engine.condition is not None:
        (further,) = recording.answers((engine.condition,))
        assert further is not None
        health = engine.read_condition(further)
    assert health is STATES.get(name, Liveness.OK)


STATES = {
    "llamacpp-b11434/loading": Liveness.LOADING,
    "llamacpp-b11434/sleeping": Liveness.SLEEPING,
    "lmdeploy-0.11.0/sleeping": Liveness.SUSPENDED,
    "lmstudio-0.4.2/wants-a-token": Liveness.BAD_STATUS,
    "triton-2.58.0/loading": Liveness.LOADING,
    "vllm-0.32.0/sleeping": Liveness.SUSPENDED,
}
"""Of the recordings whose servers are in another state than well."""


@pytest.mark.parametrize("engine", ENGINES.values(), ids=sorted(ENGINES))
@pytest.mark.parametrize("answer", [Answer(404, b"{}"), Answer(200, b"{}"), Answer(200, b"<html>"), Answer(500, b"")])
def test_what_says_nothing_of_its_condition_leaves_a_server_well(engine: Engine, answer: Answer) -> None:
    assert engine.read_condition(answer) is Liveness.OK


@given(ENGINE, ANSWERS)
def test_whatever_answers_the_question_for_its_condition_is_a_condition(engine: Engine, answer: Answer) -> None:
    assert engine.read_condition(answer) in {Liveness.OK, Liveness.SLEEPING, Liveness.SUSPENDED}
