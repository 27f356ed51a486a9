"""A question to Docker on another machine, through `ssh`.

Rules of this file
- The system's own `ssh` logs in, so that keys, agents, jump hosts and `~/.ssh/config` work as in a terminal. It never
  asks anybody anything: no password, no unknown host key, no terminal.
- The far command is a constant. What is written to it is one GET, made here.
- The process is gone when the question is, however that ended.
"""

import asyncio
import http.client
import io
import os
import signal
from contextlib import suppress
from http import HTTPStatus

from router.tools.hosts.doors import SshDoor
from router.tools.hosts.plain import plain
from router.tools.hosts.trouble import Trouble, Why

FAR_COMMAND = "docker system dial-stdio"
"""Joins its input and output to Docker's socket; part of Docker's own command since 18.09."""
OPTIONS = (
    "-T",
    "-oBatchMode=yes",
    "-oConnectTimeout=5",
    "-oForwardAgent=no",
    "-oForwardX11=no",
    "-oClearAllForwardings=yes",
    "-oPermitLocalCommand=no",
    "-oControlMaster=no",
)
"""The last one: an existing shared connection is used, but none is left behind."""
MOST_COMPLAINT_BYTES = 4096
"""Of what ssh writes to stderr; the last line tells why it failed, and stands in the first page."""
MOST_HEAD_BYTES = 64 * 1024
DRAIN_SECONDS = 1.0
"""For what is left in the pipes of a process that was killed."""


def command_of(door: SshDoor) -> tuple[str, ...]:
    """The whole command; a name can never be taken for an option."""
    port = () if door.port is None else ("-p", str(door.port))
    user = () if door.user is None else ("-l", door.user)
    return ("ssh", *OPTIONS, *port, *user, "--", door.host, FAR_COMMAND)


async def asked_over_ssh(door: SshDoor, path: str, *, most_bytes: int, seconds: float) -> bytes:
    """The body of a 200 answer to GET `path`. Raises Trouble."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command_of(door),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise Trouble(Why.NO_SSH) from error
    except OSError as error:  # it may not be run, or there are too many processes
        raise Trouble(Why.SSH, plain(error.strerror, 200)) from error
    complaint = asyncio.ensure_future(_complaint(process))
    try:
        async with asyncio.timeout(seconds):
            answer = await _exchanged(process, path, most_bytes)
            if not answer:
                raise Trouble(Why.SSH, await asyncio.shield(complaint))
    except TimeoutError as error:
        raise Trouble(Why.SLOW) from error
    finally:
        await _ended(process, complaint)
    return body_of(answer, most_bytes)


async def _exchanged(process: asyncio.subprocess.Process, path: str, most_bytes: int) -> bytes:
    """All that came back until the far side closed. Its input stays open: Docker gives up on whoever closes it."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError, ConnectionResetError):  # it has ended already; stderr tells why
        process.stdin.write(f"GET {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n".encode("ascii"))
        await process.stdin.drain()
    answer = bytearray()
    while chunk := await process.stdout.read(64 * 1024):
        answer += chunk
        if len(answer) > most_bytes + MOST_HEAD_BYTES:
            raise Trouble(Why.HUGE)
    return bytes(answer)


async def _complaint(process: asyncio.subprocess.Process) -> str:
    """The last line on stderr; the rest is read too, so that nobody waits for a full pipe."""
    assert process.stderr is not None
    kept = b""
    while chunk := await process.stderr.read(MOST_COMPLAINT_BYTES):
        kept = (kept + chunk)[-MOST_COMPLAINT_BYTES:]
    lines = [line for line in kept.decode("utf-8", "replace").splitlines() if line.strip()]
    return plain(lines[-1], 200) if lines else ""


async def _ended(process: asyncio.subprocess.Process, complaint: asyncio.Future[str]) -> None:
    # The whole group: a ProxyCommand of the user's configuration is a child of ssh.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # A pipe that is not read to its end is never closed.
    assert process.stdout is not None
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while await process.stdout.read(64 * 1024):
                pass
            await complaint
    complaint.cancel()
    await process.wait()


class _Received:
    """What http.client takes for a socket: an answer that has arrived."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def makefile(self, _mode: str) -> io.BytesIO:
        """The answer from its beginning."""
        return io.BytesIO(self._answer)


def body_of(answer: bytes, most_bytes: int) -> bytes:
    """The body of an answer that came whole. Pure. Raises Trouble."""
    response = http.client.HTTPResponse(_Received(answer), method="GET")  # type: ignore[arg-type]
    try:
        response.begin()
        if response.status != HTTPStatus.OK:
            raise Trouble(Why.STATUS, str(response.status))
        body = response.read()
    except http.client.IncompleteRead as error:
        raise Trouble(Why.CUT) from error
    except (http.client.HTTPException, ValueError) as error:
        raise Trouble(Why.UNREADABLE) from error
    finally:
        response.close()
    if len(body) > most_bytes:
        raise Trouble(Why.HUGE)
    return body
