"""Puts jobs together: what they need of the configuration, and how the service in force does one.

Rules of this file
- Composition only. A job walks the same line as a chat: it is one turn, of the service in force when it begins.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

from router.ask import Ask
from router.config import Config
from router.config_roles import PriorityName
from router.decisions import Record, record_attributes
from router.errors import NotFound
from router.event_json import EVENT_NAME, answer_json, event_json
from router.events import Event, Quiet
from router.jobs.job import Job, NewJob
from router.jobs.jobs import Jobs
from router.jobs.journal import digest_of
from router.jobs.settings import JobSettings, Webhooks
from router.jobs.store import Keeping
from router.jobs.transitions import Patience
from router.jobs.worker import Tell
from router.service import Current, Service
from router.sessions.store import SessionStoreFailed
from router.telemetry import DraftEvent, Telemetry
from router.tracing import Kind, Span, on_behalf_of
from router.tracing_context import context_of

log = logging.getLogger(__name__)

MOST_WEBHOOK_SECONDS = 3600.0


def job_settings(config: Config) -> JobSettings:
    """What a configuration says about jobs. Raises SecretUnusable."""
    jobs = config.router.jobs
    hooks = jobs.webhooks
    patience = Patience(hooks.attempts, hooks.retry_seconds, max(MOST_WEBHOOK_SECONDS, hooks.retry_seconds))
    return JobSettings(
        concurrency=jobs.concurrency,
        pools=jobs.pools,
        patience=Patience(jobs.attempts, jobs.retry_seconds, jobs.most_retry_seconds),
        deadline_seconds=jobs.deadline_seconds,
        keeping=Keeping(jobs.max_jobs, jobs.keep_hours * 3600, jobs.max_event_bytes),
        webhooks=Webhooks(hooks.allow, hooks.secret_text(), patience),
    )


def jobs_for(config: Config, telemetry: Telemetry, active: Callable[[int], None]) -> Jobs:
    """The jobs in the data folder. `active` hears how many run. Raises SecretUnusable."""
    jobs = Jobs(config.router.data_folder(), job_settings(config), telemetry, active)
    telemetry.watch_jobs(lambda: jobs.counts)
    return jobs


def at_work(jobs: Jobs, current: Callable[[], Current]) -> AbstractAsyncContextManager[None]:
    """Jobs being done for as long as the context lasts, each by the service that is in force when it begins."""

    async def perform(job: Job, tell: Tell) -> Mapping[str, Any]:
        service, asked = current().service, job.asked
        asked_for = "auto" if asked.role is None else asked.role if asked.role in service.fleet.roles else "unknown"
        answer: dict[str, Any] = {"id": None, "session": asked.session}

        async def emit(event: Event) -> None:
            if not isinstance(event, Quiet):
                tell(EVENT_NAME[type(event)], event_json(event, service.fleet))
                answer.update(answer_json(event, service.fleet))

        with _begun(job, asked_for, service) as record:
            answer["id"] = record.id
            await service.turns.run(_ask(asked), record, emit)
        return answer

    async def settle(job: Job) -> None:
        sessions, asked = current().service.sessions, job.asked
        try:
            waiting = await sessions.pending(asked.session, asked.owner)
            if waiting is not None and digest_of(waiting) == asked.draft:
                await sessions.clear_pending(asked.session, asked.owner)
                current().service.telemetry.draft(DraftEvent.DONE)
        except NotFound:
            return
        except SessionStoreFailed as error:
            # What the job wrote is told all the same; a second yes is between the user and the tool.
            log.error("draft not cleared job=%s reason=%s", job.id, error)

    return jobs.running(perform, settle)


@contextmanager
def _begun(job: Job, asked_for: str, service: Service) -> Iterator[Record]:
    """One attempt at a job, for as long as the context lasts."""
    with (
        on_behalf_of(_span_of(job, service)) as span,
        service.decisions.during(service.now(), job.asked.owner, asked_for) as record,
        service.occupancy.chat(),
    ):
        try:
            yield record
        except BaseException as error:
            span.fail_of(error)
            raise
        finally:
            span.note(record_attributes(record))


def _span_of(job: Job, service: Service) -> Span:
    """A trace of its own, for it may run days later: with a link to that of the request, and kept where that was."""
    accepted = None if job.asked.trace is None else context_of([job.asked.trace])
    links = () if accepted is None else (accepted,)
    sampled = None if accepted is None else accepted.sampled
    span = service.tracing.begin("job", Kind.CONSUMER, links=links, sampled=sampled)
    span.note({"maek.job.id": job.id, "maek.job.attempt": job.attempts})
    return span


def _ask(asked: NewJob) -> Ask:
    return Ask(
        asked.message,
        asked.owner,
        asked.language,
        asked.session,
        asked.role,
        PriorityName(asked.priority),
        asked.resume,
        asked.language_named,
    )
