"""Every path of the router, once.

Rules of this file
- A table of method, path and handler; docs/api.md has the same rows, and a test compares the two.
"""

from aiohttp import web

from router.api import admin, chat, jobs, live, metrics, openai, page, sessions, tool_calls
from router.api.access import SHARE
from router.api.context import CURRENT
from router.api.middleware import MIDDLEWARES
from router.service import Current

ROUTES = (
    web.post("/chat", chat.chat),
    web.post("/decide", chat.decide),
    web.get("/tools", chat.tools),
    web.post("/jobs", jobs.accept),
    web.get("/jobs", jobs.listed),
    web.get("/jobs/{id}", jobs.one),
    web.get("/jobs/{id}/events", jobs.events),
    web.post("/jobs/{id}/retry", jobs.retry),
    web.delete("/jobs/{id}", jobs.cancel),
    web.post("/tools/{tool}/{operation}", tool_calls.call),
    web.get("/sessions", sessions.sessions),
    web.get("/sessions/{id:.+}", sessions.one_session),
    web.delete("/sessions/{id:.+}", sessions.delete),
    web.post("/v1/chat/completions", openai.chat_completions),
    web.post("/v1/completions", openai.completions),
    web.post("/v1/embeddings", openai.embeddings),
    web.get("/v1/models", openai.models),
    web.get("/v1/models/{id:.+}", openai.one_model),
    web.get("/", page.page),
    web.get("/page.css", page.style),
    web.get("/page.js", page.script),
    web.get("/words.js", page.words),
    web.get("/live", live.live, allow_head=False),
    web.get("/metrics", metrics.metrics),
    web.get("/backends", admin.backends),
    web.post("/backends/{name}/drain", admin.drain),
    web.post("/backends/{name}/undrain", admin.undrain),
    web.get("/decisions", admin.decisions),
    web.get("/decisions/{id}", admin.one_decision),
    web.get("/status", admin.status),
    web.post("/log", admin.log_level),
    web.get("/livez", admin.livez),
    web.get("/readyz", admin.readyz),
)


def web_application(current: Current) -> web.Application:
    """The HTTP side of a router. What it answers with is whatever service is in force."""
    limits = current.service.config.router.limits
    application = web.Application(middlewares=MIDDLEWARES, client_max_size=limits.body_bytes)
    application[CURRENT] = current
    application[SHARE] = [0.0]
    application.add_routes(ROUTES)
    application.on_shutdown.append(_wind_down)
    return application


async def _wind_down(application: web.Application) -> None:
    """Whoever follows a job or looks at the page would be waited for otherwise; he comes back by himself."""
    service = application[CURRENT].service
    service.jobs.wind_down()
    service.live.wind_down()
