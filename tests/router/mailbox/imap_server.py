"""A mail server on loopback that answers as a test wants, with TLS, and remembers every byte that it was sent."""

import asyncio
import re
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What is said to a command, `%` standing for its tag; or something that does worse."""

GREETING = b"* OK hello\r\n"
CAPABILITY = b"* CAPABILITY IMAP4rev1 LITERAL+\r\n% OK done\r\n"
EXAMINED = b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n% OK [READ-ONLY] done\r\n"
NOTHING = b"* SEARCH\r\n% OK done\r\n"


def made_certificate(folder: Path, host: str = "localhost") -> Path:
    """A certificate that signs itself, with its key behind it. Needs the program openssl."""
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", f"/CN={host}",
             "-addext", f"subjectAltName=DNS:{host}", "-keyout", f"{host}.key", "-out", f"{host}.crt"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("install openssl")
    return folder / f"{host}.crt"


@dataclass
class ImapServer:
    """`answers`: command (`UID SEARCH`, …, and `GREETING`) → what is said to it."""

    certificate: Path
    answers: dict[str, Answer] = field(default_factory=dict)
    port: int = 0
    sent: list[bytes] = field(default_factory=list)
    """Every line that came, with its literals."""
    connections: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """A client has left."""
    misbehaving: asyncio.Event = field(default_factory=asyncio.Event)
    """It has begun with what is worse than an answer."""

    @property
    def commands(self) -> set[str]:
        """The names of all commands that came."""
        return {_command(line) for line in self.sent}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            await self._say("GREETING", b"", GREETING, writer)
            while line := await _line(reader):
                self.sent.append(line)
                await self._say(
                    _command(line), line.partition(b" ")[0], USUAL.get(_command(line), b"% OK done\r\n"), writer
                )
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self.gone.set()
            writer.close()

    async def _say(self, command: str, tag: bytes, usual: bytes, writer: asyncio.StreamWriter) -> None:
        said = self.answers.get(command, usual)
        if isinstance(said, bytes):
            writer.write(said.replace(b"%", tag))
            await writer.drain()
        else:
            self.misbehaving.set()
            await said(writer)


USUAL = {"CAPABILITY": CAPABILITY, "EXAMINE": EXAMINED, "UID SEARCH": NOTHING, "LOGOUT": b"* BYE\r\n% OK done\r\n"}


async def _line(reader: asyncio.StreamReader) -> bytes:
    line = await reader.readline()
    while found := re.search(rb"\{(\d+)\+\}\r\n\Z", line):
        line += await reader.readexactly(int(found[1])) + await reader.readline()
    return line


def _command(line: bytes) -> str:
    words = line.decode("utf-8", "replace").split()
    return " ".join(words[1:3]) if words[1:2] == ["UID"] else words[1] if len(words) > 1 else ""


@asynccontextmanager
async def serving(certificate: Path, answers: dict[str, Answer] | None = None) -> AsyncIterator[ImapServer]:
    """A server on a free port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    told = ImapServer(certificate, answers or {})
    listening = await asyncio.start_server(told.answer, "127.0.0.1", 0, ssl=context)
    told.port = listening.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        listening.close()


async def hang(_writer: asyncio.StreamWriter) -> None:
    """Say nothing more, ever."""
    await asyncio.Event().wait()


async def cut(writer: asyncio.StreamWriter) -> None:
    """End the connection."""
    writer.transport.abort()


async def babble(writer: asyncio.StreamWriter) -> None:
    """Never stop."""
    while True:
        writer.write(b"* OK " + b"x" * 60_000 + b"\r\n")
        await writer.drain()


async def drip(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, so that no single read takes long."""
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)
