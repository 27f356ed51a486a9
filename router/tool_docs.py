"""Writes docs/tools.md from the specifications of the tools.

    python -m router.tool_docs            writes the file
    python -m router.tool_docs --check    exit status 1 when it is not what would be written

Rules of this file
- Pure but for the last function. Every sentence about an operation comes from its specification.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from router.tools.parameters import description
from router.tools.registry import build
from router.tools.spec import Operation, Tool

PAGE = Path(__file__).parent.parent / "docs" / "tools.md"

INTRODUCTION = """\
# Tools

<!-- Written by `python -m router.tool_docs`; change the specifications in router/tools/ instead. -->

What Maek can do besides chatting. A message that wants one of these is answered by the tool itself, without a large
model; and the reasoner may call them while it answers (`router.agent` in the [configuration](config.md)). `maek tools`
and `GET /tools` list them as they are set up.

- Nothing is changed without the user's yes: it is first told as a draft, which waits ten minutes
  in its session. A model can prepare a draft, never confirm one.
- Wrong parameters are refused before a tool is called, with a sentence that says which and how to give it.
- Every call has a deadline and a limit of size. Reading is tried once more after a broken connection, writing never.
- What a tool finds was written by others. In every prompt it stands between marks that it cannot forge, and is called
  data; a model that has read some may not call what reaches other people's servers.
- A tool that fails says why in one sentence. How calls ended is on `/metrics` (`maek_tool_calls_total`,
  `maek_tool_duration_seconds`), and each call in the record of its decision (`/decisions/ID`, `maek explain`).

Tools of other packages are used when `router.tools.plugins` names them; [extending.md](extending.md) tells how one is
written.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *(_chapter(tool) for tool in build().values())])


def _chapter(tool: Tool) -> str:
    rows = _rows(tool.operations.values())
    table = ["| operation | what it does | parameters | |", "|---|---|---|---|", *rows]
    return "\n".join([f"## {tool.name}\n\n{tool.title_en} · {tool.title_ko}\n", *table, ""])


def _rows(operations: Iterable[Operation]) -> Iterable[str]:
    for operation in operations:
        params = "<br>".join(_params(operation))
        what = f"{operation.title_en} · {operation.title_ko}"
        yield f"| `{operation.name}` | {what} | {params} | {_kind(operation)} |"


def _params(operation: Operation) -> Iterable[str]:
    for name, field in operation.params.model_fields.items():
        optional = "" if field.is_required() else ", may be left out"
        yield f"`{name}`: {description(field, 'en')} · {description(field, 'ko')}{optional}"


def _kind(operation: Operation) -> str:
    if operation.writes:
        return "writes, after the user's yes"
    return "prepares a draft" if operation.drafts else "reads"


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    if "--check" not in arguments:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    sys.stderr.write("docs/tools.md is not what the tools say; run `make docs`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
