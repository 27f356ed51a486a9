"""Whatever strangers send: a 4xx in the dialect of the path, with a stable code, and nothing reaches a backend."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from router.keys import new_key
from simulator import SimSettings
from tests.fakes.routers import Maek, config_for, maek, maek_with_simulators

CANARY = "c4n4ry-7f3a"
"""Stands in every bad request; it may show up nowhere."""


@pytest.fixture
async def router() -> AsyncIterator[Maek]:
    async with maek_with_simulators(SimSettings(), limits={"body_bytes": 4000, "message_chars": 1000}) as (running, _):
        yield running


MESSAGES = [{"role": "user", "content": CANARY}]

OPENAI = "/v1/chat/completions"
BAD: list[tuple[str, str, bytes | dict[str, Any], int, str]] = [
    ("no JSON", "/chat", f"message={CANARY}".encode(), 400, "bad_request"),
    ("an empty body", "/chat", b"", 400, "bad_request"),
    ("bad UTF-8", "/chat", b'{"message": "\xff\xfe"}', 400, "bad_request"),
    ("a list", "/chat", b"[1]", 400, "bad_request"),
    ("no message", "/chat", {}, 400, "bad_request"),
    ("an empty message", "/chat", {"message": "   "}, 400, "bad_request"),
    ("a number as message", "/chat", {"message": 5}, 400, "bad_request"),
    ("a text as stream", "/chat", {"message": CANARY, "stream": "yes"}, 400, "bad_request"),
    ("an unknown key", "/chat", {"message": CANARY, "mesage": CANARY}, 400, "bad_request"),
    ("another language", "/chat", {"message": CANARY, "lang": "fr"}, 400, "bad_request"),
    ("a bad session id", "/chat", {"message": CANARY, "session": "a b"}, 400, "bad_request"),
    ("an unknown role", "/chat", {"message": CANARY, "role": CANARY}, 404, "unknown_model"),
    ("a long message", "/chat", {"message": CANARY * 100}, 413, "too_large"),
    ("a huge body", "/chat", {"message": CANARY * 1000}, 413, "too_large"),
    ("no JSON", OPENAI, CANARY.encode(), 400, "bad_request"),
    ("deep nesting", OPENAI, b"[" * 3000, 400, "bad_request"),
    ("no model", OPENAI, {"messages": MESSAGES}, 400, "bad_request"),
    ("an unknown model", OPENAI, {"model": CANARY, "messages": MESSAGES}, 404, "unknown_model"),
    ("no messages", OPENAI, {"model": "auto"}, 400, "bad_request"),
    ("no message at all", OPENAI, {"model": "auto", "messages": []}, 400, "bad_request"),
    ("texts as messages", OPENAI, {"model": "auto", "messages": [CANARY]}, 400, "bad_request"),
    (
        "a number as content",
        OPENAI,
        {"model": "auto", "messages": [{"role": "user", "content": 1}]},
        400,
        "bad_request",
    ),
    ("empty content", OPENAI, {"model": "auto", "messages": [{"role": "user", "content": ""}]}, 400, "bad_request"),
    ("a text as stream", OPENAI, {"model": "auto", "messages": MESSAGES, "stream": "yes"}, 400, "bad_request"),
    ("a huge body", OPENAI, {"model": "auto", "messages": MESSAGES * 200}, 413, "too_large"),
    ("no prompt", "/v1/completions", {"model": "reasoner"}, 400, "bad_request"),
    ("auto without a chat", "/v1/embeddings", {"model": "auto", "input": CANARY}, 400, "bad_request"),
    ("no input", "/v1/embeddings", {"model": "reasoner"}, 400, "bad_request"),
    ("an unknown path", f"/{CANARY}", {}, 404, "not_found"),
    ("an unknown path", f"/v1/{CANARY}", {}, 404, "not_found"),
]


@pytest.mark.parametrize(("what", "path", "body", "status", "code"), BAD, ids=[f"{p}: {w}" for w, p, *_ in BAD])
async def test_a_bad_request_is_refused_in_its_dialect_and_reaches_no_backend(
    router: Maek, caplog: pytest.LogCaptureFixture, what: str, path: str, body: Any, status: int, code: str
) -> None:
    caplog.set_level(logging.DEBUG)
    kind = {"data": body} if isinstance(body, bytes) else {"json": body}
    async with router.client.post(router.url + path, **kind) as response:
        answer = await response.json()
        request_id = response.headers["x-request-id"]
    assert (response.status, answer["error"]["code"]) == (status, code)
    assert answer["error"]["message"].endswith((".", "MODEL}."))
    expected = {"message", "type", "param", "code"} if path.startswith("/v1/") else {
        "code", "message", "fault", "param", "request_id"
    }  # fmt: skip
    assert set(answer["error"]) == expected
    assert request_id
    assert router.house.snapshot().backends["sim0"].work.started == 0
    assert CANARY not in str(answer)
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/chat"), ("DELETE", "/v1/chat/completions"), ("POST", "/metrics")]
)
async def test_a_wrong_method_is_told_the_right_one(router: Maek, method: str, path: str) -> None:
    async with router.client.request(method, router.url + path) as response:
        answer = await response.json()
    assert (response.status, answer["error"]["code"]) == (405, "method_not_allowed")
    assert ("GET" if path == "/metrics" else "POST") in answer["error"]["message"]


async def test_a_huge_header_is_refused(router: Maek) -> None:
    async with router.client.get(router.url + "/livez", headers={"x-long": "a" * 20_000}) as response:
        assert response.status == 400


@pytest.mark.parametrize(
    "body", [CANARY.encode(), gzip.compress(CANARY.encode())[:10] + b"\xff" * 20], ids=["no gzip", "damaged gzip"]
)
async def test_a_body_that_cannot_be_unpacked_is_the_callers_fault_and_no_error_of_ours(
    router: Maek, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    async with router.client.post(router.url + "/chat", data=body, headers=headers) as response:
        answer = await response.json()
    assert (response.status, answer["error"]["code"]) == (400, "bad_request")
    assert caplog.text == ""


@pytest.mark.parametrize(
    "line",
    [f"authorization: Bearer {CANARY}\x01", f"authori\x01zation: Bearer {CANARY}", f"content-length: {CANARY}"],
    ids=["a control character", "a bad name", "no number"],
)
async def test_a_header_that_cannot_be_read_is_refused_and_not_logged(
    router: Maek, caplog: pytest.LogCaptureFixture, line: str
) -> None:
    caplog.set_level(logging.DEBUG)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(router.url.rsplit(":", 1)[1]))
    writer.write(f"GET /livez HTTP/1.1\r\nhost: x\r\n{line}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.0 400 ")
    assert CANARY not in caplog.text


async def test_a_callers_request_id_comes_back_and_a_strange_one_is_replaced(router: Maek) -> None:
    async with router.client.get(router.url + "/livez", headers={"x-request-id": "mine-1"}) as response:
        assert response.headers["x-request-id"] == "mine-1"
    for strange in ("a b", "", "-", "a=b", 'a"b', "kim@example.com", "http://x/", "${x}", "é", "a" * 65):
        async with router.client.get(router.url + "/livez", headers={"x-request-id": strange}) as response:
            assert len(response.headers["x-request-id"]) == 16
            assert response.headers["x-request-id"] != strange
    for usual in ("a" * 64, "0199f0c2-7e4b-7c1a-9d52-1f8f3f0e8a11", "01JDQ5W8Z3V8S0E6YH3Q2M4K7T", "7.b_c"):
        async with router.client.get(router.url + "/livez", headers={"x-request-id": usual}) as response:
            assert response.headers["x-request-id"] == usual


async def test_who_shows_no_key_chooses_no_request_id() -> None:
    key, digest = new_key()
    async with maek(config_for(keys=[digest])) as router:
        for path in ("/livez", "/backends"):
            async with router.client.get(router.url + path, headers={"x-request-id": "mine"}) as response:
                assert len(response.headers["x-request-id"]) == 16
        headers = {"x-request-id": "mine", "authorization": f"Bearer {key}"}
        async with router.client.get(router.url + "/backends", headers=headers) as response:
            assert (response.status, response.headers["x-request-id"]) == (200, "mine")


async def test_errors_are_counted_by_fault_and_code(router: Maek) -> None:
    await router.post("/chat", {})
    async with router.client.get(router.url + "/metrics") as response:
        text = await response.text()
    assert 'maek_errors_total{code="bad_request",fault="caller"} 1.0' in text


async def test_too_many_chats_at_once_are_told_to_come_back_later() -> None:
    async with maek_with_simulators(SimSettings(preset="demo"), limits={"streams": 1}) as (router, _):
        body = {"message": "양자역학 설명해줘", "stream": True}
        async with router.client.post(router.url + "/chat", json=body) as response:
            await response.content.readany()
            async with router.client.post(router.url + "/chat", json=body) as refused:
                answer = await refused.json()
    assert (refused.status, answer["error"]["code"], refused.headers["retry-after"]) == (503, "overloaded", "1")


async def test_an_unforeseen_error_is_internal_and_its_log_line_has_the_request_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with maek_with_simulators(SimSettings()) as (router, _):
        # The session store is closed under the router's feet: nobody foresaw that.
        router.house.current.service = _broken(router)
        async with router.client.post(router.url + "/chat", json={"message": CANARY}) as response:
            answer = await response.json()
    assert (response.status, answer["error"]["code"]) == (500, "internal")
    assert answer["error"]["request_id"] in caplog.text
    assert CANARY not in caplog.text


def _broken(router: Maek) -> Any:
    """A service whose turns are nothing that runs."""
    from dataclasses import replace  # noqa: PLC0415

    return replace(router.house.current.service, turns=None)  # type: ignore[arg-type]


async def test_hanging_up_in_the_middle_of_a_body_harms_nobody(router: Maek) -> None:
    connector = aiohttp.TCPConnector(force_close=True)

    async def half() -> AsyncIterator[bytes]:
        yield b'{"message": "'
        raise ConnectionResetError

    async with aiohttp.ClientSession(connector=connector) as client:
        with pytest.raises((aiohttp.ClientError, ConnectionResetError)):
            await client.post(router.url + "/chat", data=half())
    status, _ = await router.post("/chat", {"message": "안녕"})
    assert status == 200
