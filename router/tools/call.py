"""Calling a tool: parameters checked, time and size bounded, every failure a plain sentence.

Rules of this file
- The only door to a tool's coroutine. What comes out is a result or `ToolFailed`.
- Reading may be tried twice, writing never: the first try may have written before it failed. Bugs are not failures of
  a tool; they pass.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp
from pydantic import ValidationError

from router.errors import ToolFailed
from router.language import pick
from router.tools.parameters import canonical, explain_invalid
from router.tools.spec import Operation, Tool, ToolCall, ToolResult
from router.tools.unconfigured import not_configured

MAX_TEXT_BYTES = 64 * 1024
"""Of a result's text: forty printed pages, more than a chat shows or a prompt holds."""


async def call(
    tools: Mapping[str, Tool], tool: str, operation: str, raw_params: Mapping[str, Any], ctx: ToolCall
) -> ToolResult:
    """The result of that operation. Raises ToolFailed, with a sentence in the call's language, whatever goes wrong."""
    spec = tools.get(tool)
    known = spec.operations.get(operation) if spec else None
    if spec is None or known is None:
        raise ToolFailed(_no_such(tools, tool, spec, ctx.language))
    if not spec.configured:
        raise not_configured(tool, ctx.language)
    try:
        params = known.params.model_validate(canonical(known.params, raw_params))
    except ValidationError as error:
        raise ToolFailed(explain_invalid(error, ctx.language)) from error
    return _bounded(await _within_time(tool, known, ctx, params), ctx.language)


async def _within_time(tool: str, operation: Operation, ctx: ToolCall, params: Any) -> ToolResult:
    """The deadline holds for both tries together: the user waits once."""
    try:
        async with asyncio.timeout(operation.timeout_seconds):
            return await _tried(operation, ctx, params)
    except TimeoutError as error:
        raise ToolFailed(
            pick(
                ctx.language,
                ko=f"{tool} 도구가 {operation.timeout_seconds:g}초 안에 답하지 않았어요. 잠시 뒤에 다시 시도해 주세요.",
                en=f"The {tool} tool did not answer within {operation.timeout_seconds:g} seconds. Try again later.",
            )
        ) from error
    except (OSError, aiohttp.ClientError) as error:
        raise ToolFailed(
            pick(
                ctx.language,
                ko=f"{tool} 도구에 연결하지 못했어요. 그 서버가 켜져 있는지 확인하고 다시 시도해 주세요.",
                en=f"The {tool} tool could not be reached. Check that its server is running and try again.",
            )
        ) from error


async def _tried(operation: Operation, ctx: ToolCall, params: Any) -> ToolResult:
    if operation.writes:
        return await operation.run(ctx, params)
    try:
        return await operation.run(ctx, params)
    except (OSError, aiohttp.ClientError):
        return await operation.run(ctx, params)


def _bounded(result: ToolResult, language: str) -> ToolResult:
    encoded = result.text.encode("utf-8", "replace")
    if len(encoded) <= MAX_TEXT_BYTES:
        return result
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
