"""Tools that other packages offer, as entry points of the group `maek.tools`.

Rules of this file
- Only what the configuration names is loaded: an installed package alone does nothing.
- A plugin that breaks while it is built takes nothing with it: it is listed, answers that it is not set up, and the log
  has its trace. Here a broad `except` stands, because the code is not ours.

A package offers one so, and the object is a function from its options in `router.tools.plugins.NAME` to a `Tool`:

    [project.entry-points."maek.tools"]
    weather = "my_package:weather"
"""

import logging
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from router.config_tools.plugins import GROUP
from router.tools.spec import Tool

log = logging.getLogger(__name__)


class PluginUnusable(Exception):
    """What a package offers is no tool of that name; the text says what is wrong with it."""


def plugged(wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, Tool]:
    """The tools of these names, each built with its options."""
    return {name: _built_or_unconfigured(name, options) for name, options in wanted.items()}


def _built_or_unconfigured(name: str, options: Mapping[str, Any]) -> Tool:
    try:
        return built(name, options)
    except Exception:
        log.exception("plugin unusable tool=%s", name)
        return Tool(name, name, name, {}, configured=False)


def built(name: str, options: Mapping[str, Any]) -> Tool:
    """The tool of that name. Raises PluginUnusable, and whatever the package raises."""
    points = entry_points(group=GROUP, name=name)
    if not points:
        raise PluginUnusable(f"no installed package offers {name} in the group {GROUP}")
    build = next(iter(points)).load()
    tool = build(dict(options))
    if not isinstance(tool, Tool):
        raise PluginUnusable(f"{name}: wanted a router.tools.spec.Tool, its function returned {type(tool).__name__}")
    if tool.name != name:
        raise PluginUnusable(f"{name}: the tool that its function returned is named {tool.name}")
    misnamed = [key for key, operation in tool.operations.items() if key != operation.name]
    if misnamed:
        raise PluginUnusable(f"{name}: operations under another name than their own: {', '.join(misnamed)}")
    return tool
