"""Calling a tool: parameters checked, time and size bounded, every failure a plain sentence.

Rules of this file
- The only door to a tool's coroutine. What comes out is a result or `ToolFailed`, and nothing else: tools are also
  written by others, and a user is told plainly that one is broken. Here a broad `except` stands: the bug is in the log
  with its trace, and counted by the outcome that `ToolFailed` carries.
- Reading may be tried twice, writing never: the first try may have written before it failed.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
from pydantic import ValidationError

from router.errors import MaekError, ToolFailed, ToolOutcome
from router.language import pick
from router.tools.parameters import canonical, explain_invalid
from router.tools.spec import Operation, Tool, ToolCall, ToolResult
from router.tools.unconfigured import not_configured
from router.tools.writing import noted

log = logging.getLogger(__name__)

MAX_TEXT_BYTES = 64 * 1024
"""Of a result's text: forty printed pages, more than a chat shows or a prompt holds."""
MAX_DATA_BYTES = 256 * 1024
"""Of a result's data, as JSON: what a program reads at once."""


async def call(
    tools: Mapping[str, Tool], tool: str, operation: str, raw_params: Mapping[str, Any], ctx: ToolCall
) -> ToolResult:
    """The result of that operation. Raises ToolFailed, with a sentence in the call's language, whatever goes wrong."""
    spec = tools.get(tool)
    known = spec.operations.get(operation) if spec else None
    if spec is None or known is None:
        raise ToolFailed(_no_such(tools, tool, spec, ctx.language), ToolOutcome.INVALID)
    if not spec.configured:
        raise not_configured(tool, ctx.language)
    try:
        params = known.params.model_validate(canonical(known.params, raw_params))
    except ValidationError as error:
        raise ToolFailed(explain_invalid(error, ctx.language), ToolOutcome.INVALID) from error
    return _bounded(await _within_time(tool, known, ctx, params), ctx.language)


async def _within_time(tool: str, operation: Operation, ctx: ToolCall, params: Any) -> ToolResult:
    """The deadline holds for both tries together: the user waits once."""
    try:
        async with asyncio.timeout(operation.timeout_seconds):
            return await _tried(tool, operation, ctx, params)
    except MaekError:
        raise
    except TimeoutError as error:
        raise ToolFailed(_too_slow(tool, operation, ctx.language), ToolOutcome.TIMEOUT) from error
    except (OSError, aiohttp.ClientError) as error:
        log.info("tool unreachable tool=%s operation=%s error=%s", tool, operation.name, type(error).__name__)
        raise ToolFailed(_unreachable(tool, operation, ctx.language), ToolOutcome.UNREACHABLE) from error
    except Exception as error:
        log.exception("tool broken tool=%s operation=%s", tool, operation.name)
        raise ToolFailed(_broken(tool, operation, ctx.language), ToolOutcome.BROKEN) from error


def _too_slow(tool: str, operation: Operation, language: str) -> str:
    seconds = f"{operation.timeout_seconds:g}"
    said = pick(
        language,
        ko=f"{tool} 도구가 {seconds}초 안에 답하지 않았어요.",
        en=f"The {tool} tool did not answer within {seconds} seconds.",
    )
    return f"{said} {_what_now(operation, language)}"


def _unreachable(tool: str, operation: Operation, language: str) -> str:
    said = pick(
        language,
        ko=f"{tool} 도구에 연결하지 못했어요. 그 서버가 켜져 있는지 확인해 주세요.",
        en=f"The {tool} tool could not be reached. Check that its server is running.",
    )
    return f"{said} {_what_now(operation, language)}"


def _broken(tool: str, operation: Operation, language: str) -> str:
    said = pick(
        language,
        ko=f"{tool} 도구에 고장이 있어서 하지 못했어요. 자세한 내용은 Maek의 로그에 있어요.",
        en=f"The {tool} tool is broken and could not do it. Maek's log says more.",
    )
    return f"{said} {_what_now(operation, language)}"


def _what_now(operation: Operation, language: str) -> str:
    """Whoever wrote may have done it before it went wrong."""
    if operation.writes:
        return pick(
            language,
            ko="이미 처리되었을 수도 있으니, 다시 하기 전에 먼저 확인해 주세요.",
            en="It may have been done all the same: look before you try again.",
        )
    return pick(language, ko="잠시 뒤에 다시 시도해 주세요.", en="Try again later.")


async def _tried(tool: str, operation: Operation, ctx: ToolCall, params: Any) -> ToolResult:
    if operation.writes:
        return await noted(tool, operation, ctx, lambda: operation.run(ctx, params))
    try:
        return await operation.run(ctx, params)
    except (OSError, aiohttp.ClientError):
        return await operation.run(ctx, params)


def _bounded(result: ToolResult, language: str) -> ToolResult:
    """The result as it can be sent and kept, whatever others wrote into it."""
    try:
        if len(orjson.dumps(dict(result.data))) > MAX_DATA_BYTES:
            result = replace(result, data={"too_long": True})
    except orjson.JSONEncodeError:
        # Half a character, a number of more than 64 bits, a key that is no text, a value that JSON has no word for.
        result = replace(result, data={"unreadable": True})
    encoded = result.text.encode("utf-8", "replace")
    if len(encoded) <= MAX_TEXT_BYTES:
        return replace(result, text=encoded.decode())
    cut = encoded[:MAX_TEXT_BYTES].decode("utf-8", "ignore")
    return replace(
        result, text=cut + pick(language, ko="\n… (너무 길어 여기까지만 보여 드려요)", en="\n… (cut, it is too long)")
    )


def _no_such(tools: Mapping[str, Tool], tool: str, spec: Tool | None, language: str) -> str:
    known = ", ".join(spec.operations if spec else tools)
    if spec is None:
        return pick(
            language,
            ko=f"그런 도구는 없어요. 쓸 수 있는 도구: {known}",
            en=f"There is no such tool. There are: {known}.",
        )
    return pick(
        language,
        ko=f"{tool} 도구로는 할 수 없는 일이에요. 할 수 있는 일: {known}",
        en=f"The {tool} tool cannot do that. It can do: {known}.",
    )
