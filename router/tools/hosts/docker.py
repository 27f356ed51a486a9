"""The containers of a machine, asked of its Docker.

Rules of this file
- One question, a constant, and it is a GET. Docker has GETs that write too (attaching to a container), so the path is
  not anybody's to choose.
"""

import asyncio

from router.tools.hosts.asking import asked
from router.tools.hosts.containers import Containers, containers_of
from router.tools.hosts.doors import Door, SshDoor, TcpDoor, base_url, connector, tls_context
from router.tools.hosts.ssh import asked_over_ssh

QUESTION = "/containers/json?all=true"
"""Without a version: every Docker and Podman then answers in its own."""
MOST_BYTES = 4 * 1024 * 1024
"""A container takes 1 to 3 KB: more than a thousand fit."""
SECONDS = 8.0
"""A Docker in the same house answers in milliseconds, ssh logs in within two seconds."""


async def read_containers(door: Door, seconds: float = SECONDS) -> Containers:
    """The containers behind a door. Raises Trouble."""
    if isinstance(door, SshDoor):
        return containers_of(await asked_over_ssh(door, QUESTION, most_bytes=MOST_BYTES, seconds=seconds))
    certificates = door.certificates if isinstance(door, TcpDoor) else None
    context = None if certificates is None else await asyncio.to_thread(tls_context, certificates)
    url = base_url(door) + QUESTION
    return containers_of(await asked(url, connector(door, context), most_bytes=MOST_BYTES, seconds=seconds))
