"""What an operator sets for tools of other packages."""

from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from sidecar.config import EmptyMapping, Name, nearest, refused

GROUP = "maek.tools"
"""The group of entry points in which packages offer tools."""
OWN_TOOLS = frozenset({"calendar", "email", "document", "infra", "mcp"})


def installed() -> tuple[str, ...]:
    """The names of the tools that installed packages offer, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def _all_installed(plugins: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for name in plugins:
        if name in OWN_TOOLS:
            raise refused("a name that none of Maek's own tools has", found=f'"{name}"')
        if name not in (offered := installed()):
            raise refused(_wanted(name, offered), found=f'"{name}"')
    return plugins


def _wanted(name: str, offered: Iterable[str]) -> str:
    known = sorted(offered)
    if near := nearest(name, known):
        return f"{near} (the nearest that an installed package offers)"
    return f"a tool that an installed package offers ({', '.join(known) or 'none is installed'})"


PluginsConfig = Annotated[
    dict[Name, Annotated[dict[str, Any], EmptyMapping]],
    EmptyMapping,
    AfterValidator(_all_installed),
    Field(json_schema_extra={"$comment": "the names of tools that installed packages offer, each with its options"}),
]
"""Tools of other packages by name, each with whatever options it takes."""
