from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.engines import ENGINES, Answer
from sidecar.engines.detect import (
    QUESTIONS,
    RECOGNISERS,
    USUAL_PORTS,
    Answers,
    Identity,
    as_openai,
    as_status,
    identify,
)
from tests.sidecar.engines.recordings import Recording, names
from tests.sidecar.engines.test_engines import DEEP, MAYBE

LLAMACPP = Identity("llamacpp", "b11434-unknown", "llama.cpp")
MLX = Identity("mlx", None, "MLX LM")
OLLAMA = Identity("ollama", "0.12.6", "Ollama")

IDENTITIES = {
    "koboldcpp": Identity("koboldcpp", None, "KoboldCpp"),
    "llamacpp-b11434/loading": Identity("llamacpp", None, "llama.cpp"),
    "llamacpp": LLAMACPP,
    "llamacpppython": Identity("openai", None, "OpenAI-compatible"),
    "lmdeploy": Identity("lmdeploy", None, "LMDeploy"),
    "lmstudio": Identity("lmstudio", None, "LM Studio"),
    "localai": Identity("localai", "v3.8.0 (b1f6c2e)", "LocalAI"),
    "maek": Identity("status", None, "Maek"),
    "mlx": MLX,
    "not": None,
    "ollama": OLLAMA,
    "sglang": Identity("sglang", None, "SGLang"),
    "tgi": Identity("tgi", "3.3.5", "TGI"),
    "triton": Identity("triton", "2.58.0", "Triton"),
    "trtllm": Identity("trtllm", "1.2.0", "TensorRT-LLM"),
    "vllm": Identity("vllm", "0.32.0", "vLLM"),
}


def expected(name: str) -> Identity | None:
    return IDENTITIES[name] if name in IDENTITIES else IDENTITIES[name.partition("-")[0]]


@pytest.mark.parametrize("name", names())
def test_every_recorded_server_is_recognised_and_nothing_else_is(name: str) -> None:
    assert Recording(name).identity() == expected(name)


@pytest.mark.parametrize(
    "name", [name for name in names() if expected(name) is not None and not name.startswith("maek")]
)
def test_a_sidecar_before_a_server_is_recognised_as_that_server(name: str) -> None:
    told = {"active_jobs": 0, "total_requests": 0, "backend": {"name": "x", "url": "http://mini:1", "engine": None}}
    identity = changed(name, status=Answer(200, orjson.dumps(told)))
    known = expected(name)
    assert known is not None
    assert identify(identity) == replace(known, fronts="http://mini:1")


TOO_GENERAL = {as_openai, as_status}
"""Any server may fit these as well: they stand behind those that know better, which the order says."""


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("recognise", RECOGNISERS)
def test_nobody_but_its_own_recogniser_takes_a_server_for_its_own(
    name: str, recognise: Callable[[Answers], Identity | None]
) -> None:
    found = recognise(Answers(*Recording(name).answers(QUESTIONS)))
    if recognise in TOO_GENERAL:
        return
    assert found is None or found == expected(name)


def test_every_engine_is_recognised_somewhere() -> None:
    found = {identity.engine for identity in IDENTITIES.values() if identity is not None}
    assert found == set(ENGINES)


def changed(name: str, **instead: Answer | None) -> tuple[Answer | None, ...]:
    """A recording's answers with others in place of some, named by their path without slashes."""
    recording = Recording(name)
    paths = [question.path.replace("/", "") for question in QUESTIONS]
    return tuple(
        instead[path] if path in instead else recording.answer(question)
        for path, question in zip(paths, QUESTIONS, strict=True)
    )


def test_a_server_that_lists_models_and_nothing_more_is_openai_compatible() -> None:
    listing = Answer(200, b'{"object": "list", "data": [{"id": "a", "object": "model", "owned_by": "me"}]}')
    answers = (listing, *[None] * (len(QUESTIONS) - 1))
    assert identify(answers) == Identity("openai", None, "OpenAI-compatible")


def test_ollamas_api_from_another_server_is_not_ollama() -> None:
    answers = changed("ollama-0.12.6/idle", **{"": Answer(200, b"Another server is running")})
    assert identify(answers) == Identity("openai", None, "OpenAI-compatible")


def test_a_status_with_one_count_only_is_somebody_elses() -> None:
    answers = changed("lmstudio-0.4.2/idle", status=Answer(200, b'{"active_jobs": 1}'))
    assert identify(answers) == IDENTITIES["lmstudio"]


STATUS = Answer(200, b'{"active_jobs": 0, "total_requests": 0}')


@pytest.mark.parametrize("name", ["mlx-0.32.2/idle", "ollama-0.12.6/idle", "lmstudio-0.4.2/idle", "localai-3.8.0/idle"])
def test_a_server_that_does_not_tell_its_load_is_asked_for_a_status_that_somebody_put_before_it(name: str) -> None:
    assert identify(changed(name, status=STATUS)) == Identity("status", None, "OpenAI-compatible with /status")


@pytest.mark.parametrize("name", ["vllm-0.32.0/idle", "sglang-0.5.9/idle", "tgi-3.3.5/idle", "koboldcpp-1.103/idle"])
def test_a_server_that_tells_more_of_its_load_is_asked_itself(name: str) -> None:
    assert identify(changed(name, status=STATUS)) == Recording(name).identity()


def test_models_of_several_owners_come_from_no_single_one_of_them() -> None:
    rows = [{"id": "a", "owned_by": "sglang"}, {"id": "b", "owned_by": "lmdeploy"}]
    mixed = Answer(200, orjson.dumps({"object": "list", "data": rows}))
    assert identify(changed("sglang-0.5.9/idle", v1models=mixed)) == IDENTITIES["llamacpppython"]


def test_tritons_openai_frontend_is_asked_as_openai_compatible() -> None:
    rows = [{"id": "llama", "object": "model", "owned_by": "Triton Inference Server"}]
    listing = Answer(200, orjson.dumps({"object": "list", "data": rows}))
    found = identify((listing, *[None] * (len(QUESTIONS) - 1)))
    assert found == Identity("openai", None, "Triton's OpenAI frontend")


def test_a_system_of_somebody_else_is_not_localai() -> None:
    for system in (Answer(200, b'{"backends": []}'), Answer(200, b"[]"), Answer(404, b"{}"), None):
        assert identify(changed("localai-3.8.0/idle", system=system)) == IDENTITIES["llamacpppython"]


def test_an_embeddings_server_that_has_an_info_too_is_not_tgi() -> None:
    info = Answer(200, b'{"model_id": "bge", "model_type": {"embedding": {}}, "version": "1.8.2"}')
    assert identify(changed("not-an-llm-server/nothing-found", info=info)) is None


def test_vllm_with_a_key_that_we_lack_is_still_recognised() -> None:
    refusal = Answer(401, b'{"error": "Unauthorized"}')
    assert identify(changed("vllm-0.32.0/idle", v1models=refusal)) == IDENTITIES["vllm"]


def test_a_router_that_passes_vllms_models_on_is_not_vllm() -> None:
    answers = changed("vllm-0.32.0/idle", version=Answer(404, b"{}"))
    assert identify(answers) == Identity("openai", None, "OpenAI-compatible")


def test_llama_cpp_behind_a_proxy_that_names_itself_is_recognised_by_its_models() -> None:
    recording = Recording("llamacpp-b11434/idle")
    answers = [recording.answer(question) for question in QUESTIONS]
    hidden = tuple(answer and Answer(answer.status, answer.body, {"server": "nginx"}) for answer in answers)
    assert identify(hidden) == LLAMACPP


@pytest.mark.parametrize(
    ("root", "server"),
    [
        (Answer(404, b"Not Found", {"content-type": "application/json"}), "uvicorn"),
        (Answer(404, b"Not Found", {"content-type": "text/plain"}), "BaseHTTP/0.6"),
        (Answer(404, b"{}", {"content-type": "application/json"}), "BaseHTTP/0.6"),
        (Answer(200, b"Not Found", {"content-type": "application/json"}), "BaseHTTP/0.6"),
        (None, "BaseHTTP/0.6"),
    ],
)
def test_what_only_resembles_mlx_is_asked_as_openai_compatible(root: Answer | None, server: str) -> None:
    listing = Answer(200, b'{"object": "list", "data": [{"id": "a"}]}', {"server": server})
    assert identify(changed("mlx-0.32.2/idle", **{"v1models": listing, "": root})) == IDENTITIES["llamacpppython"]


def test_a_python_server_whose_models_have_an_owner_or_that_refuses_us_is_not_mlx() -> None:
    python = {"server": "BaseHTTP/0.6"}
    owned = Answer(200, b'{"object": "list", "data": [{"id": "a", "owned_by": "me"}]}', python)
    assert identify(changed("mlx-0.32.2/idle", v1models=owned)) == IDENTITIES["llamacpppython"]
    assert identify(changed("mlx-0.32.2/idle", v1models=Answer(401, b"", python))) is None


@given(st.tuples(*[MAYBE] * len(QUESTIONS)))
@example((Answer(200, DEEP),) * len(QUESTIONS))
def test_whatever_answers_is_an_engine_that_there_is_or_none(answers: tuple[Answer | None, ...]) -> None:
    identity = identify(answers)
    assert identity is None or (identity.engine in ENGINES and identity.product)


@given(st.sampled_from([200, 301, 404, 500]), st.binary(max_size=60), st.booleans())
@example(200, b'{"object": "list"}', False)
@example(200, b'{"status": "ok", "version": "1"}', True)
def test_a_server_that_answers_everything_alike_is_no_engine(status: int, body: bytes, python: bool) -> None:
    same = Answer(status, body, {"server": "BaseHTTP/0.6"} if python else {})
    assert identify((same,) * len(QUESTIONS)) is None


def test_the_usual_ports_are_named_once_each() -> None:
    assert USUAL_PORTS == (11434, 1234, 8000, 8080, 30000, 23333, 3000, 5001, 8486)
