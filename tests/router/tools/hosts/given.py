"""Servers on loopback that say exactly what they are told to, and keep what they were asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Said:
    """What a server was asked, and where it is."""

    port: int = 0
    path: str = ""
    heads: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Of its port."""
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def saying(
    words: bytes, *, hangs: bool = False, endless: bool = False, socket: Path | None = None
) -> AsyncIterator[Said]:
    """A server that answers every request with these bytes: then it closes, hangs, or repeats them without end."""
    said = Said(path=str(socket or ""))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            said.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
            writer.write(words)
            while endless:
                writer.write(words[-1:] * 65_536)
                await writer.drain()
            if hangs:
                await reader.read()  # until the client has had enough
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has left, which some tests are about
        finally:
            writer.close()

    server = await (asyncio.start_unix_server(serve, socket) if socket else asyncio.start_server(serve, "127.0.0.1", 0))
    if socket is None:
        said.port = server.sockets[0].getsockname()[1]
    try:
        yield said
    finally:
        server.close()
        await server.wait_closed()
