"""From an ask to bytes on a connection: the one way that every generating endpoint goes.

Rules of this file
- A generation is over when its last byte is written or its client is gone; until then it holds its slot.
- Faults that concern an answer under way (cut, garbage, breaking down) act here and nowhere else.
"""

import contextlib
import socket
import struct

from aiohttp import web

from simulator.answers import Reply, write_reply
from simulator.batch import QueueFullError, Work
from simulator.dialect import Dialect, Usage
from simulator.driver import BrokenError, Generation
from simulator.faults import Cut, CutHow, Garbage, GarbageWhere
from simulator.load_header import load_header
from simulator.personas import dump, error_document
from simulator.request import Ask
from simulator.server import Server, server_of
from simulator.tokens import count_tokens

_LINGER_ZERO = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing the socket then sends a reset instead of an orderly end."""


class CloseDelimited(web.StreamResponse):
    """A response whose body ends with the connection, as HTTP/1.0 servers write it."""

    _length_check = False


def json_response(server: Server, document: object, status: int = 200) -> web.StreamResponse:
    """Return a JSON response in the engine's manner."""
    response = web.Response(body=dump(server.persona, document), status=status, content_type="application/json")
    if server.persona.closes_after_answer:
        response.force_close()
    return response


def error_response(
    server: Server, status: int, message: str, *, native: bool = False, retry_after_seconds: int | None = None
) -> web.StreamResponse:
    """Return an error in the engine's shape."""
    response = json_response(server, error_document(server.engine, status, message, native=native), status)
    if retry_after_seconds is not None:
        response.headers["Retry-After"] = str(retry_after_seconds)
    return response


async def answer(request: web.Request, ask: Ask, dialect: Dialect, *, native: bool = False) -> web.StreamResponse:
    """Generate what `ask` asks for and send it. A client that leaves ends it, and frees its slot."""
    server = server_of(request)
    reply = write_reply(ask)
    work = Work(ask.model, max(1, count_tokens(ask.prompt_text)), len(reply.tokens))
    try:
        async with server.driver.generation(work) as generation:
            cut = server.find_cut(ask.prompt_text, len(reply.tokens))
            send = _stream if ask.stream else _whole
            return await send(request, server, reply, dialect, generation, cut)
    except QueueFullError:
        persona = server.persona
        return error_response(server, persona.full_status, persona.full_message, native=native)
    except BrokenError:
        _hang_up(request, CutHow.RESET)
        return web.Response()
    except ConnectionResetError:
        # The client left. Whatever is returned is not sent any more.
        return web.Response()


async def _whole(
    request: web.Request, server: Server, reply: Reply, dialect: Dialect, generation: Generation, cut: Cut | None
) -> web.StreamResponse:
    made = 0
    while taken := await generation.take():
        made += taken
        if cut is not None and made >= cut.after_tokens:
            break
    body = dialect.garbage if _is_spoiled(server) else dialect.whole(reply.text, _usage(reply, generation))
    if cut is not None:
        # Half a document: where the connection is to break as well, it breaks before the rest.
        body = body[: len(body) // 2]
        if cut.how is not CutHow.END:
            _hang_up(request, cut.how)
    headers = load_header(server, request.headers)
    response = web.Response(body=body, content_type="application/json", headers=headers)
    if server.persona.closes_after_answer:
        response.force_close()
    return response


async def _stream(
    request: web.Request, server: Server, reply: Reply, dialect: Dialect, generation: Generation, cut: Cut | None
) -> web.StreamResponse:
    response = _prepare(server, dialect)
    if server.persona.early_headers:
        await response.prepare(request)
        await _write(response, dialect.before(generation.work.prompt_tokens))
    spoiled = _is_spoiled(server)
    last = cut.after_tokens if cut else len(reply.tokens)
    sent = 0
    while taken := await generation.take():
        out = [dialect.opening()] if not sent else []
        if not response.prepared:
            await response.prepare(request)
        tokens = reply.tokens[sent : min(sent + taken, last)]
        out += [dialect.garbage if spoiled else dialect.chunk(token) for token in tokens]
        sent += taken
        if cut is not None and sent >= last:
            await _write(response, b"".join(out))
            if cut.how is CutHow.END:
                break
            _hang_up(request, cut.how)
            return response
        if sent == len(reply.tokens):
            out.append(dialect.closing(_usage(reply, generation)))
        await _write(response, b"".join(out))
    await response.write_eof()
    if server.persona.drops_after_stream and request.transport is not None:
        request.transport.close()
    return response


def _prepare(server: Server, dialect: Dialect) -> web.StreamResponse:
    kind = CloseDelimited if server.persona.closes_after_answer else web.StreamResponse
    response = kind(headers={"Content-Type": dialect.stream_content_type, "Cache-Control": "no-cache"})
    if server.persona.closes_after_answer:
        response.force_close()
    return response


async def _write(response: web.StreamResponse, data: bytes) -> None:
    if data:
        await response.write(data)


def _is_spoiled(server: Server) -> bool:
    garbage = server.fault(Garbage)
    return garbage is not None and garbage.where is GarbageWhere.CHUNKS


def _hang_up(request: web.Request, how: CutHow) -> None:
    transport = request.transport
    if transport is None:
        return
    if how is CutHow.CLOSE:
        transport.close()
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()


def _usage(reply: Reply, generation: Generation) -> Usage:
    first_at = generation.first_at or generation.submitted_at
    return Usage(
        prompt_tokens=generation.work.prompt_tokens,
        output_tokens=len(reply.tokens),
        cut_short=reply.cut_short,
        to_first_seconds=first_at - generation.submitted_at,
        decode_seconds=(generation.ended_at or first_at) - first_at,
    )
