"""What Docker tells of its containers.

Rules of this file
- Pure. A body may be anything; what is no list of containers raises `Trouble`.

Format: https://docs.docker.com/reference/api/engine/ (ContainerList); Podman answers the same.
"""

import re
from dataclasses import dataclass

import orjson

from router.tools.hosts.plain import plain
from router.tools.hosts.trouble import Trouble, Why

MOST_CONTAINERS = 200
"""That are told of by name; the rest is counted."""
TROUBLED_STATES = frozenset(("restarting", "dead"))


@dataclass(frozen=True, slots=True)
class Container:
    """One container. `state` and `status` are Docker's words."""

    name: str
    image: str
    state: str
    status: str
    healthy: bool | None = None
    """What its own check says; None: it has none, or it has not said anything yet."""
    exit_code: int | None = None
    """Of one that has ended."""

    @property
    def running(self) -> bool:
        """Whether it runs, well or not."""
        return self.state == "running"

    @property
    def troubled(self) -> bool:
        """Whether somebody should look at it."""
        return self.healthy is False or self.state in TROUBLED_STATES or self.exit_code not in {None, 0}


@dataclass(frozen=True, slots=True)
class Containers:
    """What there is on a machine: the troubled first, then what runs, then the rest."""

    listed: tuple[Container, ...]
    total: int
    running: int


def containers_of(body: bytes) -> Containers:
    """The containers of an answer to GET /containers/json. Raises Trouble."""
    try:
        rows = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Trouble(Why.UNREADABLE) from error
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and isinstance(row.get("State"), str) for row in rows
    ):
        raise Trouble(Why.UNREADABLE)
    found = sorted(map(_container, rows), key=lambda one: (not one.troubled, not one.running, one.name))
    return Containers(tuple(found[:MOST_CONTAINERS]), len(found), sum(one.running for one in found))


def _container(row: dict[str, object]) -> Container:
    names = row.get("Names")
    first = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else row.get("Id")
    status = plain(row.get("Status"))
    state = plain(row.get("State"), 20).lower()
    ended = re.match(r"Exited \((-?[0-9]{1,4})\)", status) if state == "exited" else None
    return Container(
        name=plain(first).removeprefix("/") or "?",
        image=plain(row.get("Image")),
        state=state,
        status=status,
        healthy={"(healthy)": True, "(unhealthy)": False}.get(status[status.rfind("(") :] if "(" in status else ""),
        exit_code=None if ended is None else int(ended[1]),
    )
