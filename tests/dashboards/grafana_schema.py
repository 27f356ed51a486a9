"""Whether a dashboard is what Grafana's schema says, as far as Grafana's own library (grafana-foundation-sdk) has it.

Rules of this file
- Read by the library's readers, a dashboard must come out of its writers as it went in: a key that the schema has not
  is lost on the way. Of what was read every value must be of the type that the library declares, enums included.
"""

import json
import types
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.drawing import shown

plugins.register_default_plugins()


def read(text: str) -> Dashboard:
    """A dashboard with its panels' options and queries, each as the class of its kind."""
    return Dashboard.from_json(json.loads(text))


def problems(text: str) -> list[str]:
    """What is not as the schema says, each with its place; nothing is well."""
    whole = read(text)
    written = json.loads(JSONEncoder().encode(whole), object_hook=shown)
    lost = [] if written == json.loads(text) else ["a key that is in no schema"]
    return [*lost, *_wrong(whole, Dashboard, "dashboard")]


def _wrong(value: Any, kind: Any, place: str) -> Iterator[str]:
    """Everything from `value` on that is not of its kind."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        likely = [one for one in inner if type(value) is one] or [one for one in inner if one is not type(None)]
        if value is not None or type(None) not in inner:
            yield from min(([*_wrong(value, one, place)] for one in likely), key=len)
    elif origin in (list, dict) and isinstance(value, origin):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _wrong(one, inner[-1], f"{place}.{key}")
    elif isinstance(value, dict) and hasattr(kind, "from_json"):
        yield from _below(kind.from_json(value), place)  # the library leaves the links of panels as they are
    elif not _is(value, kind):
        yield f"{place}: {value!r} is no {kind}"
    else:
        yield from _below(value, place)


def _is(value: Any, kind: Any) -> bool:
    """Whether a value that is no list is of a kind that is no union."""
    if kind in (object, Any):
        return True
    if typing.get_origin(kind) is typing.Literal:
        return value in typing.get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return value in [one.value for one in kind]
    if kind in (int, float):
        return isinstance(value, int | kind) and not isinstance(value, bool)
    return isinstance(value, typing.get_origin(kind) or kind)


def _below(value: Any, place: str) -> Iterator[str]:
    """The fields of a class of the library."""
    if hasattr(value, "to_json"):
        for name, kind in typing.get_type_hints(type(value)).items():
            yield from _wrong(getattr(value, name), kind, f"{place}.{name}")
