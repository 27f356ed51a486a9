"""Tells the ends of jobs to those who wanted to hear of them, until they have.

Rules of this file
- What is due and how often it was tried is in the store, so that a restart forgets nothing.
- A redirect is not followed: it leads where nobody allowed. An answer is not read: only its status counts.
- Where the operator no longer allows an address, nothing is sent there.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import aiohttp
import orjson

from router.jobs.job import Delivery, Job, Webhook
from router.jobs.rounds import again_and_again
from router.jobs.settings import Webhooks
from router.jobs.store import JobStore
from router.jobs.transitions import pause_seconds
from router.jobs.view import job_json
from router.jobs.webhooks import allowed, headers
from router.sessions.store import Clock

log = logging.getLogger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=10.0)


class Courier:
    """Sends webhooks until it is cancelled. `sent` hears how each attempt ended."""

    def __init__(
        self,
        store: JobStore,
        settings: Callable[[], Webhooks],
        now: Clock,
        random: Callable[[], float],
        sent: Callable[[str], None],
    ) -> None:
        self._store = store
        self._settings = settings
        self._now = now
        self._random = random
        self._sent = sent
        self._news = asyncio.Event()

    def wake(self) -> None:
        """A job has ended."""
        self._news.set()

    async def run(self) -> None:
        """Send as it comes due, for ever."""
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(timeout=TIMEOUT, cookie_jar=jar) as client:
            await again_and_again(partial(self._round, client), self._news, "webhooks")

    async def _round(self, client: aiohttp.ClientSession) -> float | None:
        """Send all that is due, at once; seconds until something else is."""
        due = await self._store.undelivered(self._now())
        await asyncio.gather(*(self._deliver(client, job) for job in due))
        next_at = await self._store.next_delivery_at()
        return None if next_at is None else next_at - self._now()

    async def _deliver(self, client: aiohttp.ClientSession, job: Job) -> None:
        settings, hook = self._settings(), job.webhook
        assert hook is not None
        if settings.secret and allowed(hook.url, settings.allow):
            trouble = await self._trouble(client, job, hook.url, settings.secret)
            after = self._after(hook, trouble, settings)
        else:
            trouble = "its address is no longer among router.jobs.webhooks.allow"
            after = replace(hook, delivery=Delivery.GIVEN_UP, next_at=None, trouble=trouble)
        self._sent("failed" if after.delivery is Delivery.PENDING else str(after.delivery))
        if after.delivery is Delivery.GIVEN_UP:
            log.warning("webhook given up job=%s reason=%s", job.id, trouble)
        await self._store.delivered(replace(job, webhook=after))

    async def _trouble(self, client: aiohttp.ClientSession, job: Job, url: str, secret: str) -> str | None:
        """What went wrong with sending it; None: it was taken."""
        body = orjson.dumps(job_json(job, await self._store.steps(job.id)))
        signed = headers(secret, job.id, self._now(), body)
        try:
            async with client.post(url, data=body, headers=signed, allow_redirects=False) as response:
                return None if 200 <= response.status < 300 else f"HTTP {response.status}"
        except TimeoutError:
            return f"no answer within {TIMEOUT.total:g} seconds"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return type(error).__name__

    def _after(self, hook: Webhook, trouble: str | None, settings: Webhooks) -> Webhook:
        attempts = hook.attempts + 1
        if trouble is None:
            return replace(hook, delivery=Delivery.DELIVERED, attempts=attempts, next_at=None, trouble=None)
        if attempts >= settings.patience.attempts:
            return replace(hook, delivery=Delivery.GIVEN_UP, attempts=attempts, next_at=None, trouble=trouble)
        pause = pause_seconds(attempts, settings.patience, self._random())
        return replace(hook, attempts=attempts, next_at=self._now() + pause, trouble=trouble)
