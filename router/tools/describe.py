"""The tools in words: for the classifier's prompt, for programs, and for the page of the documentation.

Rules of this file
- Pure, and made from the specifications alone, so that the prompt cannot promise what the registry lacks.
"""

from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

from router.language import pick
from router.tools.parameters import description, named_fields
from router.tools.spec import Operation, Tool


def describe(tools: Mapping[str, Tool], language: str) -> str:
    """One line a tool and one an operation, with the parameters and what they are."""
    lines = []
    for tool in tools.values():
        if not tool.operations:
            # A server of others that has not told yet what it can do.
            continue
        lines.append(f"- {tool.name}: {pick(language, ko=tool.title_ko, en=tool.title_en)}")
        lines.extend(f"  - {_line(tool.name, operation, language)}" for operation in tool.operations.values())
    return "\n".join(lines)


def _line(tool: str, operation: Operation, language: str) -> str:
    fields = named_fields(operation.params)
    params = ", ".join(_param(name, field) for name, field in fields.items())
    told = "; ".join(f"{name}: {description(field, language)}" for name, field in fields.items())
    title = pick(language, ko=operation.title_ko, en=operation.title_en)
    return f"{tool}.{operation.name}({params}): {title}" + (f" [{told}]" if told else "")


def _param(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return name
    return f"{name}?" if field.default is None else f"{name}={field.default!r}"


def tool_json(tool: Tool) -> dict[str, Any]:
    """A tool for programs, as `GET /tools` and `maek tools --json` show it."""
    return {
        "name": tool.name,
        "title_ko": tool.title_ko,
        "title_en": tool.title_en,
        "configured": tool.configured,
        "foreign": tool.foreign,
        "trouble": tool.trouble,
        "operations": [_operation_json(operation) for operation in tool.operations.values()],
    }


def _operation_json(operation: Operation) -> dict[str, Any]:
    return {
        "name": operation.name,
        "title_ko": operation.title_ko,
        "title_en": operation.title_en,
        "writes": operation.writes,
        "drafts": operation.drafts,
        "timeout_seconds": operation.timeout_seconds,
        "params": operation.params.model_json_schema(),
    }
