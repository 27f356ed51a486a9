"""Webhooks of jobs: real servers that are told."""

import hashlib
import hmac
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from router.jobs.database import FILE_NAME
from router.sessions.store import epoch_seconds
from simulator import SimSettings, serving
from tests.fakes.desks import QUESTION, desk
from tests.fakes.waiting import until


@pytest.fixture(autouse=True)
def _data_in_the_configured_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAEK_DATA_DIR", raising=False)


@asynccontextmanager
async def listener(*statuses: int) -> AsyncIterator[tuple[str, list[tuple[Mapping[str, str], bytes]]]]:
    """A server that is told of ends: it answers with these statuses in turn, then 204."""
    heard: list[tuple[Mapping[str, str], bytes]] = []

    async def hook(request: web.Request) -> web.Response:
        heard.append((request.headers.copy(), await request.read()))
        status = statuses[len(heard) - 1] if len(heard) <= len(statuses) else 204
        return web.Response(status=status, headers={"location": "/elsewhere"} if 300 <= status < 400 else {})

    async def elsewhere(_request: web.Request) -> web.Response:
        raise AssertionError("a redirect was followed")

    application = web.Application()
    application.router.add_post("/hooks/job", hook)
    application.router.add_route("*", "/elsewhere", elsewhere)
    async with TestServer(application) as server:
        yield str(server.make_url("/hooks/job")), heard


def as_the_page_says() -> Callable[[Mapping[str, str], bytes, str], bool]:
    """The example of docs/jobs.md, by which a receiver knows who speaks."""
    page = (Path(__file__).parents[3] / "docs" / "jobs.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    check: Callable[[Mapping[str, str], bytes, str], bool] = names["is_from_maek"]
    return check


def webhooks(url: str, secret: Path, **more: Any) -> dict[str, Any]:
    secret.write_text("sesame")
    return {"allow": [url.rpartition("/")[0] + "/"], "secret": f"file:{secret}", "retry_seconds": 0.05, **more}


async def test_a_webhook_is_signed_retried_and_shown_with_the_job(tmp_path: Path) -> None:
    async with listener(500, 302) as (url, heard):
        async with desk(tmp_path / "data", jobs={"webhooks": webhooks(url, tmp_path / "secret")}) as giver:
            job_id = await giver.accepted(QUESTION | {"webhook": url})
            await until(lambda: len(heard) == 3)
            job = await giver.becomes(job_id, lambda job: job["webhook"]["delivery"] == "delivered")
            refused = await giver.post(QUESTION | {"webhook": url.replace("/hooks/", "/other/")})
            counted = await giver.metric('maek_webhooks_total{outcome="failed"} 2.0')
    assert job["webhook"]["attempts"] == 3
    assert (refused[0], refused[1]["error"]["param"]) == (400, "webhook")
    assert counted
    is_from_maek = as_the_page_says()
    for headers, body in heard:
        at = headers["x-maek-timestamp"]
        wanted = hmac.new(b"sesame", at.encode() + b"." + body, hashlib.sha256).hexdigest()
        assert headers["x-maek-signature"] == f"v1={wanted}"
        assert headers["x-maek-job"] == job_id
        assert abs(int(at) - epoch_seconds()) < 60
        assert is_from_maek(headers, body, "sesame")
        assert not is_from_maek(headers, body + b" ", "sesame")
        assert not is_from_maek(headers, body, "another")
        assert not is_from_maek({**headers, "x-maek-timestamp": str(int(at) - 400)}, body, "sesame")
        sent = orjson.loads(body)
        assert (sent["id"], sent["state"], sent["result"]) == (job_id, "done", job["result"])


async def test_a_webhook_that_is_due_survives_a_restart_and_one_nobody_takes_is_given_up(tmp_path: Path) -> None:
    async with listener(*[500] * 3) as (url, heard):
        hooks = webhooks(url, tmp_path / "secret", attempts=4)
        async with desk(tmp_path / "data", jobs={"webhooks": hooks | {"retry_seconds": 3600}}) as giver:
            job_id = await giver.accepted(QUESTION | {"webhook": url})
            await until(lambda: len(heard) == 1)
            await giver.becomes(job_id, lambda job: job["webhook"]["attempts"])
        with sqlite3.connect(tmp_path / "data" / FILE_NAME) as file:
            file.execute("UPDATE jobs SET hook_next_at = 0")
        file.close()
        async with desk(tmp_path / "data", jobs={"webhooks": hooks | {"attempts": 3}}) as giver:
            job = await giver.becomes(job_id, lambda job: job["webhook"]["delivery"] != "pending")
    assert job["webhook"]["delivery"] == "given_up"
    assert (job["webhook"]["attempts"], job["webhook"]["error"]) == (3, "HTTP 500")
    assert len(heard) == 3


async def test_an_address_that_is_allowed_no_more_is_not_told(tmp_path: Path) -> None:
    async with listener() as (url, heard):
        hooks = webhooks(url, tmp_path / "secret")
        async with serving(SimSettings(preset="instant")) as sim:
            async with desk(tmp_path / "data", sim=sim, jobs={"webhooks": hooks}) as giver:
                await giver.fault({"stall": {}})
                job_id = await giver.accepted(QUESTION | {"webhook": url})
                await until(lambda: giver.router.in_flight() == 1)
            async with desk(tmp_path / "data", sim=sim) as giver:
                await giver.fault({})
                await giver.ended(job_id)
                job = await giver.becomes(job_id, lambda job: job["webhook"]["delivery"] != "pending")
    assert job["webhook"]["delivery"] == "given_up"
    assert heard == []
