import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.errors import NoBackend, ToolFailed, ToolOutcome
from router.tools.call import MAX_TEXT_BYTES, call
from router.tools.parameters import NoParams
from router.tools.registry import build
from router.tools.spec import Operation, Tool, ToolCall, ToolResult
from tests.router.tools.given import ctx

TOOLS = build()


@dataclass
class Doing:
    """An operation's coroutine: fails with the given errors first, then answers."""

    errors: list[Exception] = field(default_factory=list)
    text: str = "done"
    calls: int = 0

    async def __call__(self, _call: ToolCall, _params: Any) -> ToolResult:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return ToolResult(self.text, {})


def tool(run: Any, *, writes: bool = False, timeout_seconds: float = 5.0) -> dict[str, Tool]:
    operation = Operation("go", "하기", "do", NoParams, run, writes=writes, timeout_seconds=timeout_seconds)
    return {"thing": Tool("thing", "것", "thing", {"go": operation})}


async def test_the_result_of_the_operation_comes_back() -> None:
    assert (await call(tool(Doing()), "thing", "go", {}, ctx())).text == "done"


@pytest.mark.parametrize(
    ("name", "operation", "language", "sentence"),
    [
        ("weather", "today", "ko", "그런 도구는 없어요. 쓸 수 있는 도구: calendar, email, document, infra"),
        ("weather", "today", "en", "There is no such tool. There are: calendar, email, document, infra."),
        ("email", "send", "ko", "email 도구로는 할 수 없는 일이에요. 할 수 있는 일: search, read"),
        ("email", "send", "en", "The email tool cannot do that. It can do: search, read."),
    ],
)
async def test_what_is_not_in_the_registry_is_refused_with_what_is(
    name: str, operation: str, language: str, sentence: str
) -> None:
    with pytest.raises(ToolFailed) as raised:
        await call(TOOLS, name, operation, {}, ctx(language=language))
    assert raised.value.message == sentence


@pytest.mark.parametrize("name", ["calendar", "email", "document"])
@pytest.mark.parametrize(("language", "said"), [("ko", "설정되어 있지 않아서"), ("en", "is not configured yet")])
async def test_an_unconfigured_tool_says_so_before_it_looks_at_parameters(name: str, language: str, said: str) -> None:
    for operation in TOOLS[name].operations.values():
        with pytest.raises(ToolFailed, match=said):
            await call(TOOLS, name, operation.name, {"nonsense": 1}, ctx(language=language))
        with pytest.raises(ToolFailed, match=said):
            await operation.run(ctx(language=language), None)


@pytest.mark.parametrize(
    ("params", "language", "sentence"),
    [
        ({"host": 5}, "ko", "'host' 값이 맞지 않아요"),
        ({"moon": "x"}, "ko", "'moon'은(는) 없는 항목이에요"),
        ({"moon": "x"}, "en", "'moon' is not known here"),
    ],
)
async def test_wrong_parameters_are_told_in_the_user_s_language(
    params: dict[str, Any], language: str, sentence: str
) -> None:
    with pytest.raises(ToolFailed) as raised:
        await call(TOOLS, "infra", "status", params, ctx(language=language))
    assert sentence in raised.value.message


@pytest.mark.parametrize("error", [OSError, aiohttp.ClientConnectionError, ConnectionResetError])
async def test_reading_is_tried_once_more_after_a_broken_connection(error: Callable[[], Exception]) -> None:
    doing = Doing([error()])
    assert (await call(tool(doing), "thing", "go", {}, ctx())).text == "done"
    assert doing.calls == 2


async def test_reading_that_fails_twice_ends_in_a_plain_sentence() -> None:
    doing = Doing([OSError("secret path"), OSError("secret path"), OSError()])
    with pytest.raises(ToolFailed, match="연결하지 못했어요") as raised:
        await call(tool(doing), "thing", "go", {}, ctx())
    assert "secret" not in raised.value.message
    assert doing.calls == 2


async def test_writing_is_never_tried_twice() -> None:
    doing = Doing([OSError()])
    with pytest.raises(ToolFailed, match="could not be reached"):
        await call(tool(doing, writes=True), "thing", "go", {}, ctx(language="en"))
    assert doing.calls == 1


async def test_a_tool_s_own_failure_passes_as_it_is_and_is_not_retried() -> None:
    doing = Doing([ToolFailed("그건 안 돼요.")])
    with pytest.raises(ToolFailed, match=r"그건 안 돼요\."):
        await call(tool(doing), "thing", "go", {}, ctx())
    assert doing.calls == 1


@pytest.mark.parametrize(("language", "said"), [("ko", "고장이 있어서"), ("en", "is broken")])
async def test_a_bug_of_a_tool_is_told_plainly_and_is_in_the_log_with_its_trace(
    language: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ToolFailed, match=said) as raised:
        await call(tool(Doing([KeyError("secret")])), "thing", "go", {}, ctx(language=language))
    assert raised.value.outcome is ToolOutcome.BROKEN
    assert "secret" not in raised.value.message
    [record] = caplog.records
    assert record.exc_info is not None
    assert record.getMessage() == "tool broken tool=thing operation=go"


async def test_a_router_s_own_error_passes_through_a_tool() -> None:
    with pytest.raises(NoBackend):
        await call(tool(Doing([NoBackend("nobody")])), "thing", "go", {}, ctx())


@pytest.mark.parametrize("error", [OSError(), TimeoutError(), KeyError()])
async def test_after_writing_went_wrong_nobody_is_told_to_just_try_again(error: Exception) -> None:
    with pytest.raises(ToolFailed, match="look before you try again"):
        await call(tool(Doing([error]), writes=True), "thing", "go", {}, ctx(language="en"))


@pytest.mark.parametrize(
    ("errors", "outcome"),
    [
        ([ToolFailed("no")], ToolOutcome.FAILED),
        ([OSError(), OSError()], ToolOutcome.UNREACHABLE),
        ([TimeoutError(), TimeoutError()], ToolOutcome.TIMEOUT),
    ],
)
async def test_a_failure_says_of_which_kind_it_is(errors: list[Exception], outcome: ToolOutcome) -> None:
    with pytest.raises(ToolFailed) as raised:
        await call(tool(Doing(errors)), "thing", "go", {}, ctx())
    assert raised.value.outcome is outcome


async def test_data_that_is_too_long_is_left_out_and_says_so() -> None:
    async def much(_call: ToolCall, _params: Any) -> ToolResult:
        return ToolResult("much", {"rows": ["x" * 1000] * 300})

    assert (await call(tool(much), "thing", "go", {}, ctx())).data == {"too_long": True}


@pytest.mark.parametrize("value", [10**30, "\ud800", {1: "a key that is no text"}, Path("of a plugin")])
async def test_data_that_no_program_could_be_sent_is_left_out_and_says_so(value: Any) -> None:
    async def odd(_call: ToolCall, _params: Any) -> ToolResult:
        return ToolResult("odd", {"value": value})

    assert (await call(tool(odd), "thing", "go", {}, ctx())).data == {"unreadable": True}


async def test_half_a_character_in_a_text_is_shown_as_one_that_cannot_be_read() -> None:
    # Nothing that has one can be sent, or kept.
    assert (await call(tool(Doing(text="a\ud800b")), "thing", "go", {}, ctx())).text == "a?b"


@pytest.mark.parametrize(("language", "said"), [("ko", "0.05초 안에"), ("en", "within 0.05 seconds")])
async def test_a_slow_tool_is_given_up_at_its_deadline(language: str, said: str) -> None:
    async def never(_call: ToolCall, _params: Any) -> ToolResult:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    with pytest.raises(ToolFailed, match=said):
        await call(tool(never, timeout_seconds=0.05), "thing", "go", {}, ctx(language=language))


@pytest.mark.parametrize("text", ["가" * MAX_TEXT_BYTES, "a" * (MAX_TEXT_BYTES + 1)])
async def test_a_long_text_is_cut_at_a_character_and_says_so(text: str) -> None:
    result = await call(tool(Doing(text=text)), "thing", "go", {}, ctx(language="en"))
    kept, _, note = result.text.partition("\n")
    assert len(kept.encode()) <= MAX_TEXT_BYTES
    assert text.startswith(kept)
    assert note == "… (cut, it is too long)"


async def test_a_text_of_just_the_limit_is_left_whole() -> None:
    result = await call(tool(Doing(text="a" * MAX_TEXT_BYTES)), "thing", "go", {}, ctx())
    assert len(result.text) == MAX_TEXT_BYTES
