"""What the tests of jobs share."""

from dataclasses import replace

from router.jobs.job import Job, NewJob, State, Step, Webhook
from router.jobs.settings import JobSettings, Webhooks
from router.jobs.store import Keeping
from router.jobs.transitions import Patience

NOW = 1_800_000_000.0
OWNER = "0123456789ab"
PATIENCE = Patience(attempts=3, first_seconds=2.0, most_seconds=60.0)
KEEPING = Keeping(jobs=100, seconds=3600.0, event_bytes=10_000)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ASKED = NewJob(OWNER, "room", "양자역학 설명해줘", "ko", None, "normal", False, NOW + 600, digest="d", trace=TRACE)
QUEUED = Job("j1", ASKED, State.QUEUED, NOW, NOW)
RUNNING = replace(QUEUED, state=State.RUNNING, started_at=NOW, attempts=1)
HOOKED = replace(RUNNING, asked=replace(ASKED, webhook="https://a/b"), webhook=Webhook("https://a/b"))
WRITTEN = Step("calendar", "create_confirmed", True, NOW, NOW + 1, "저장했어요", {"created": True})
OPEN = Step("mcp", "add", False, NOW)
FAILED = Step("mcp", "add", False, NOW, NOW + 1)
SETTINGS = JobSettings(2, {"slow": 1}, PATIENCE, 600.0, KEEPING, Webhooks((), "", PATIENCE))
