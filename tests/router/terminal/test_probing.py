import asyncio

import pytest

from router.terminal.probing import report, verdict
from sidecar import BackendSpec, Examination, Model, Prober, examine, probing_session
from sidecar.engines import Reading
from tests.fakes import backends as fakes
from tests.fakes import recorded
from tests.sidecar.engines.recordings import Recording, names


async def examined(name: str, **more: object) -> Examination:
    async with recorded.serving(name) as url:
        return await look(BackendSpec("mini", url, **more))  # type: ignore[arg-type]


async def look(spec: BackendSpec) -> Examination:
    async with probing_session() as session:
        return await examine(Prober(session, asyncio.get_running_loop().time), spec)


def line(found: Examination, label: str, language: str = "en") -> str:
    said = [one for one in report(found, language) if one.startswith(label)]
    return said[-1].removeprefix(label).strip()


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("language", ["ko", "en"])
async def test_whatever_is_found_can_be_shown_and_says_a_verdict(name: str, language: str) -> None:
    found = await examined(name)
    for raw in (False, True):
        said = report(found, language, raw=raw)
        assert all(one.isprintable() for one in said)
        assert verdict(found, language) in "\n".join(said)
        assert "{" not in verdict(found, language)


@pytest.mark.parametrize("name", [name for name in names() if Recording(name).content["engine"]])
async def test_every_recorded_server_is_examined_as_its_engine_reads_it(name: str) -> None:
    recording = Recording(name)
    found = await examined(name)
    if recording.content["engine"] == "triton":
        assert found.reading == Reading()  # its metrics are on a port of their own, where nobody listens
        return
    assert found.engine.name == recording.content["engine"]
    assert (found.models is None) == name.endswith(("/loading", "/wants-a-token", "vllm-0.32.0/without-stats"))
    if found.reading is not None:
        assert found.reading == recording.reading(found.engine.name)


async def test_metrics_on_another_port_are_found_there() -> None:
    async with recorded.serving("triton-2.58.0/busy") as url:
        port = url.rpartition(":")[2]
        found = await look(BackendSpec("gpu", url, metrics_path=f":{port}/metrics"))
    assert line(found, "load") == "running 8, waiting 3, cache 42.8%, 512 at once"


@pytest.mark.parametrize(
    ("name", "said", "available"),
    [
        ("vllm-0.32.0/idle", "up: it takes requests.", True),
        ("llamacpp-b11434/loading", "loading: it still reads its weights. That is no failure", False),
        ("triton-2.58.0/loading", "loading: ", False),
        ("llamacpp-b11434/sleeping", "asleep: it takes requests. The next one wakes it", True),
        ("vllm-0.32.0/sleeping", "suspended: put to sleep by its operator", False),
        ("lmdeploy-0.11.0/sleeping", "suspended: put to sleep by its operator", False),
        ("lmstudio-0.4.2/wants-a-token", "down: it wants a key. Set the api_key of this backend.", False),
        ("not-an-llm-server/page-for-every-path", "down: something answers there, but no LLM server", False),
        ("not-an-llm-server/silence", "down: it broke the connection", False),
    ],
)
async def test_the_verdict_is_a_sentence(name: str, said: str, available: bool) -> None:
    found = await examined(name)
    assert line(found, "verdict").startswith(said)
    assert found.health.available is available


async def test_where_nobody_listens_the_verdict_says_so() -> None:
    found = await look(BackendSpec("mini", f"http://127.0.0.1:{await fakes.unused_port()}"))
    assert line(found, "verdict") == "down: nobody listens at that address (the connection was refused)."
    assert line(found, "판정", "ko").startswith("중단: 그 주소에서 듣고 있는 서버가 없습니다")


async def test_a_server_of_another_engine_than_configured_is_told_apart() -> None:
    found = await examined("llamacpp-b11434/idle", engine="vllm")
    assert line(found, "engine") == "vllm  (as configured, but it looks like llama.cpp b11434-unknown)"
    found = await examined("ollama-0.12.6/idle", engine="ollama")
    assert line(found, "engine") == "ollama  (Ollama 0.12.6, as configured)"
    found = await examined("ollama-0.12.6/idle", engine="koboldcpp")
    assert line(found, "verdict") == "down: it answered the sign of life with HTTP 404."
    found = await examined("not-an-llm-server/json-for-every-path", engine="ollama")
    assert line(found, "verdict").startswith("down: this is not how Ollama answers.")


GEMMA = "in memory, 6.6 GB, 81% of it on the accelerator, context 4096, leaves in 181 s"


async def test_models_are_told_with_what_is_known_of_them() -> None:
    found = await examined("ollama-0.12.6/one-loaded")
    start = next(i for i, said in enumerate(report(found, "en")) if said.startswith("models"))
    assert report(found, "en")[start : start + 3] == [
        f"models     gemma3:latest            {GEMMA}",
        "           nomic-embed-text:latest  not in memory",
        "           qwen3:30b-a3b            not in memory",
    ]
    assert "메모리에 있음" in line(found, "모델", "ko")


async def test_a_list_that_wants_a_key_says_so_though_the_server_is_well() -> None:
    found = await examined("vllm-0.32.0/without-stats")
    assert line(found, "verdict") == "up: it takes requests."
    assert line(found, "models") == "unknown: HTTP 401: it wants a key; set api_key of this backend"


async def test_many_models_are_counted() -> None:
    found = await examined("ollama-0.12.6/nothing-installed")
    assert line(found, "models") == "none"
    found.models = tuple(Model(f"m{number}") for number in range(25))
    assert "           and 5 more" in report(found, "en")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("vllm-0.32.0/without-stats", "it does not say how many requests run: start it without --disable-log-stats"),
        ("trtllm-1.2.0/without-metrics", "it does not say how many requests run: set return_perf_metrics: true"),
        ("mlx-0.32.2/idle", "it has no way to tell: Maek counts its own requests"),
        ("sglang-0.5.9/without-ranks", "it cannot be read"),
    ],
)
async def test_load_that_is_not_told_says_what_to_do_about_it(name: str, said: str) -> None:
    assert said in "\n".join(report(await examined(name), "en"))


async def test_no_key_is_shown_and_nothing_moves_the_cursor() -> None:
    hostile = b'{"error": "no: sk-open-sesame-1, \x1b[2Jopen-sesame", "api_key": "another-sesame"}\n\x1b]0;x\x07'
    async with fakes.serving(fakes.saying(fakes.http(hostile, "401 Unauthorized"))) as fake:
        found = await look(BackendSpec("mini", fake.url, api_key="open-sesame"))
    for raw in (False, True):
        text = "\n".join(report(found, "en", raw=raw))
        assert "sesame" not in text
        assert "\x1b" not in text
        assert "HTTP 401" in text


async def test_of_a_page_of_metrics_those_are_shown_that_are_read() -> None:
    found = await examined("vllm-0.32.0/busy")
    short, whole = report(found, "en"), report(found, "en", raw=True)
    assert any("vllm:num_requests_running{" in said for said in short)
    assert not any("python_gc" in said for said in short)
    assert any("python_gc" in said for said in whole)
    assert len(short) < 50 < len(whole)


async def test_a_token_that_was_generated_is_told_with_its_time() -> None:
    found = await examined("vllm-0.32.0/idle")
    found.inference_ms = 12.5
    assert line(found, "inference") == "12.5 ms"
    found.inference_ms = -1.0
    assert line(found, "inference") == "it did not generate one token"
