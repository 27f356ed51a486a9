"""A server of others as a child process: messages on its standard input and output, one a line.

Rules of this file
- The SDK has a transport for this; it holds a line of any length in memory. This one bounds the length of a line, the
  number of messages in a second, and what reaches the log of what the child complains of.
- What begins, ends: the child and all that it has started are gone when the context is left, whatever happened.
"""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import mcp_types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from router.mcp.naming import on_one_line
from router.mcp.remote import Address, RemoteFailed
from sidecar import redacted

log = logging.getLogger(__name__)

MAX_LINE_BYTES = 4 * 1024 * 1024
"""Of one message: a few pictures in base64. A longer one ends the connection."""
MAX_MESSAGES_A_SECOND = 2000
"""A thousand times what a busy server sends; more is a server gone mad."""
MAX_LOGGED_LINES = 20
"""Of what a child writes to its standard error between two of its starts…"""
MAX_LOGGED_CHARACTERS = 300
"""…and of one such line."""
GRACE_SECONDS = 1.0
"""For a child to end by itself when its input has ended, and again after SIGTERM."""
INHERITED = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER")
"""Of Maek's environment: what programs need to run at all, and nothing that may be a secret."""

Reading = MemoryObjectReceiveStream[SessionMessage | Exception]
Writing = MemoryObjectSendStream[SessionMessage]


@asynccontextmanager
async def piped(server: str, address: Address, gone: asyncio.Event) -> AsyncIterator[tuple[Reading, Writing]]:
    """The child's messages and where to send ours, as the SDK wants them; `gone` is set when it speaks no more.

    Raises RemoteFailed if it cannot be started.
    """
    process = await _started(address)
    called = asyncio.Event()
    told, heard = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    said, asked = anyio.create_memory_object_stream[SessionMessage](0)
    tasks = (
        asyncio.create_task(_read(server, process, told, gone)),
        asyncio.create_task(_write(process, asked, gone, called)),
        asyncio.create_task(_log_complaints(server, process, address, called)),
    )
    try:
        yield heard, said
    finally:
        for task in tasks:
            task.cancel()
        try:
            await _ended(process)
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            # Once more and without waiting, for whoever is cancelled while he waits.
            _signal(process, signal.SIGKILL)
            for stream in (told, heard, said, asked):
                stream.close()


async def _started(address: Address) -> asyncio.subprocess.Process:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    try:
        return await asyncio.create_subprocess_exec(
            *address.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**inherited, **address.env},
            cwd=None if address.cwd is None else os.path.expanduser(address.cwd),  # noqa: ASYNC240 - no disk is asked
            limit=MAX_LINE_BYTES,
            start_new_session=True,  # so that all that it starts can be ended with it
        )
    except FileNotFoundError as error:
        missing = error.filename or address.command[0]
        raise RemoteFailed(f"there is no program or folder {missing}") from error
    except (OSError, ValueError) as error:
        raise RemoteFailed(f"{address.command[0]} cannot be started: {getattr(error, 'strerror', error)}") from error


async def _read(
    server: str,
    process: asyncio.subprocess.Process,
    told: MemoryObjectSendStream[SessionMessage | Exception],
    gone: asyncio.Event,
) -> None:
    """Passes on what the child says, until it says no more or too much."""
    assert process.stdout is not None
    clock = asyncio.get_running_loop().time
    second, messages = clock(), 0
    try:
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            while line := await process.stdout.readline():
                messages += 1
                if clock() - second >= 1.0:
                    second, messages = clock(), 1
                if messages > MAX_MESSAGES_A_SECOND:
                    log.error("mcp server floods server=%s messages_per_second=%d", server, messages)
                    return
                message = _message(line)
                if message is not None:
                    await told.send(message)
    except ValueError:
        log.error("mcp server floods server=%s longest_line_bytes=%d", server, MAX_LINE_BYTES)
    finally:
        gone.set()
        told.close()


def _message(line: bytes) -> SessionMessage | None:
    """None: no message. Programs print what does not belong there; it is no reason to give them up."""
    try:
        return SessionMessage(mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        return None


async def _write(
    process: asyncio.subprocess.Process,
    asked: MemoryObjectReceiveStream[SessionMessage],
    gone: asyncio.Event,
    called: asyncio.Event,
) -> None:
    """Passes on what it is asked; `called` is set before it gets the first call, which may hold a user's words."""
    assert process.stdin is not None
    try:
        async for message in asked:
            if getattr(message.message, "method", "") == "tools/call":
                called.set()
            text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(text.encode() + b"\n")
            await process.stdin.drain()
    except OSError:
        gone.set()


async def _log_complaints(
    server: str, process: asyncio.subprocess.Process, address: Address, called: asyncio.Event
) -> None:
    """The first lines of its standard error; the rest is read and forgotten, so that it is never held up.

    Nothing after its first call: servers repeat what users asked. And nothing of what it was given to keep to itself.
    """
    assert process.stderr is not None
    lines = 0
    rest = b""
    while chunk := await process.stderr.read(65_536):
        *whole, rest = (rest + chunk)[-65_536:].split(b"\n")
        for line in whole:
            lines += 1
            if lines > MAX_LOGGED_LINES or called.is_set():
                continue
            hidden = redacted(line.decode("utf-8", "replace"), address.env.values())
            if text := on_one_line(hidden, MAX_LOGGED_CHARACTERS):
                log.debug("mcp server says server=%s line=%r", server, text)
        if lines > MAX_LOGGED_LINES >= lines - len(whole):
            log.debug("mcp server says more server=%s not_shown=%s", server, "the rest")


async def _ended(process: asyncio.subprocess.Process) -> None:
    """The child gets the end of its input, then SIGTERM, then SIGKILL."""
    assert process.stdin is not None
    process.stdin.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                await process.wait()
                break
        _signal(process, number)
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_SECONDS):
            await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """To the child and to all that it has started: they are one group of processes."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
