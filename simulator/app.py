"""The application: which engine has which endpoints, what stands before all of them, and how it is served.

Rules of this file
- The endpoints of an engine are a table. A path that is not in an engine's table does not exist on it.
- Faults that concern whole requests act in one middleware, in the order in which a real request would meet them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType

from aiohttp import web

from simulator import control_api, ollama_api, openai_api, stats_api
from simulator.faults import Error500, Garbage, GarbageWhere, Loading, SlowHealth
from simulator.openai_api import UnknownModelError
from simulator.personas import PERSONAS
from simulator.request import BadRequestError
from simulator.respond import error_response, json_response
from simulator.server import SERVER, Server, server_of
from simulator.settings import Engine, SimSettings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Routes = Mapping[tuple[str, str], Handler]

LARGEST_BODY_BYTES = 64 * 1024 * 1024
"""Long contexts with pictures are sent to real servers too."""

_OPENAI: Routes = {
    ("GET", "/v1/models"): openai_api.list_models,
    ("POST", "/v1/chat/completions"): openai_api.chat_completions,
    ("POST", "/v1/completions"): openai_api.completions,
}
_EMBEDDINGS: Routes = {("POST", "/v1/embeddings"): openai_api.embeddings}

ROUTES: Mapping[Engine, Routes] = MappingProxyType(
    {
        Engine.OPENAI: {**_OPENAI, **_EMBEDDINGS},
        Engine.VLLM: {
            **_OPENAI,
            **_EMBEDDINGS,
            ("GET", "/health"): stats_api.health_empty,
            ("GET", "/ping"): stats_api.health_empty,
            ("GET", "/version"): stats_api.version,
            ("GET", "/load"): stats_api.server_load,
            ("GET", "/metrics"): stats_api.vllm_metrics,
        },
        Engine.LLAMACPP: {
            **_OPENAI,
            **_EMBEDDINGS,
            ("GET", "/health"): stats_api.health_ok,
            ("GET", "/v1/health"): stats_api.health_ok,
            ("GET", "/props"): stats_api.props,
            ("GET", "/slots"): stats_api.slots,
            ("GET", "/metrics"): stats_api.llamacpp_metrics,
        },
        Engine.OLLAMA: {
            **_OPENAI,
            **_EMBEDDINGS,
            ("GET", "/"): ollama_api.root,
            ("GET", "/api/version"): ollama_api.version,
            ("GET", "/api/tags"): ollama_api.tags,
            ("GET", "/api/ps"): ollama_api.running,
            ("POST", "/api/chat"): ollama_api.chat,
            ("POST", "/api/generate"): ollama_api.generate,
            ("POST", "/api/embed"): ollama_api.embed_texts,
        },
        Engine.MLX: {**_OPENAI, ("GET", "/health"): stats_api.health_ok},
        Engine.SGLANG: {
            **_OPENAI,
            **_EMBEDDINGS,
            ("GET", "/health"): stats_api.health_empty,
            ("GET", "/v1/loads"): stats_api.sglang_loads,
        },
        Engine.LMSTUDIO: {
            **_OPENAI,
            **_EMBEDDINGS,
            ("GET", "/api/v1/models"): stats_api.lmstudio_models,
            ("GET", "/api/v0/models"): stats_api.lmstudio_older_models,
        },
        Engine.TGI: {
            **_OPENAI,
            ("GET", "/health"): stats_api.health_empty,
            ("GET", "/info"): stats_api.tgi_info,
            ("GET", "/metrics"): stats_api.tgi_metrics,
        },
        Engine.STATUS: {**_OPENAI, **_EMBEDDINGS, ("GET", "/status"): stats_api.status},
    }
)

_CONTROL: Routes = {
    ("GET", "/sim/state"): control_api.get_state,
    ("GET", "/sim/faults"): control_api.get_faults,
    ("PUT", "/sim/faults"): control_api.put_faults,
    ("DELETE", "/sim/faults"): control_api.delete_faults,
}

_HTML = "<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"


def create_app(settings: SimSettings) -> web.Application:
    """Return the application of one simulated server.

    Serve it with `handler_cancellation=True` (as `serving` does), so that a client that hangs up frees its slot before
    the next token is due.
    """
    server = Server(settings)
    app = web.Application(middlewares=[_middleware], client_max_size=LARGEST_BODY_BYTES)
    app[SERVER] = server
    for (method, path), handler in {**ROUTES[settings.engine], **_CONTROL}.items():
        app.router.add_route(method, path, handler)
    app.cleanup_ctx.append(_drive)
    app.on_response_prepare.append(_sign)
    return app


def runner_of(settings: SimSettings) -> web.AppRunner:
    """Return a runner that serves `settings` as its engine does: cancelling, idle time-out, no access log."""
    return web.AppRunner(
        create_app(settings),
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=PERSONAS[settings.engine].idle_seconds,
        shutdown_timeout=1.0,
    )


@contextlib.asynccontextmanager
async def serving(settings: SimSettings, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve while the context lasts; yield the base URL. Port 0 takes a free one. Raises OSError."""
    runner = runner_of(settings)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound_host, bound_port = runner.addresses[0][:2]
        shown = f"[{bound_host}]" if ":" in bound_host else bound_host
        yield f"http://{shown}:{bound_port}"
    finally:
        await runner.cleanup()


async def _drive(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(app[SERVER].driver.run())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _sign(request: web.Request, response: web.StreamResponse) -> None:
    name = server_of(request).persona.server_header
    if name:
        response.headers["Server"] = name
    else:
        response.headers.popall("Server", None)
    if powered_by := server_of(request).persona.powered_by:
        response.headers["X-Powered-By"] = powered_by


@web.middleware
async def _middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    server = server_of(request)
    resource = request.match_info.route.resource
    path = resource.canonical if resource is not None else "other"
    if path.startswith("/sim/"):
        return await handler(request)
    server.seen[f"{request.method} {path}" if resource is not None else path] += 1
    native = request.path.startswith("/api/")
    faulty = await _meet_faults(request, server, native=native)
    if faulty is not None:
        return faulty
    try:
        return await handler(request)
    except BadRequestError as error:
        return error_response(server, 400, str(error), native=native)
    except UnknownModelError as error:
        return error_response(server, 404, _unknown_model(server.engine, str(error)), native=native)
    except web.HTTPNotFound:
        return _not_found(request, server)
    except web.HTTPMethodNotAllowed:
        return error_response(server, 405, "Method Not Allowed", native=native)


async def _meet_faults(request: web.Request, server: Server, *, native: bool) -> web.StreamResponse | None:
    if server.board.is_down(server.now()):
        return error_response(server, 500, "Internal Server Error", native=native)
    generates = request.method == "POST"
    slow = server.fault(SlowHealth)
    if slow is not None and not generates:
        await asyncio.sleep(slow.delay_seconds)
    if server.fault(Loading) is not None:
        return error_response(server, 503, "Loading model", native=native)
    garbage = server.fault(Garbage)
    if garbage is not None and garbage.where is GarbageWhere.HTML:
        return web.Response(text=_HTML, content_type="text/html")
    if not generates:
        return None
    refusal_seconds = server.board.refusal_seconds(server.now())
    if refusal_seconds is not None:
        return error_response(
            server,
            429,
            "Rate limit reached. Try again later.",
            native=native,
            retry_after_seconds=refusal_seconds,
        )
    error = server.fault(Error500)
    if error is not None and server.dice.random() < error.ratio:
        return error_response(server, 500, "Internal Server Error", native=native)
    return None


def _unknown_model(engine: Engine, name: str) -> str:
    if engine is Engine.OLLAMA:
        return f"model '{name}' not found"
    return f"The model `{name}` does not exist."


def _not_found(request: web.Request, server: Server) -> web.StreamResponse:
    match server.engine:
        case Engine.OLLAMA:
            return web.Response(status=404, text="404 page not found")
        case Engine.MLX:
            # What claims to be JSON, and is not.
            return web.Response(status=404, body=b"Not Found", content_type="application/json")
        case Engine.LMSTUDIO:
            return json_response(server, {"error": f"Unexpected endpoint or method. ({request.method} {request.path})"})
        case Engine.TGI:
            return web.Response(status=404)
        case Engine.VLLM | Engine.SGLANG:
            return web.json_response({"detail": "Not Found"}, status=404)
        case Engine.LLAMACPP:
            return error_response(server, 404, "File Not Found")
        case _:
            return error_response(server, 404, "There is nothing at this path.")
