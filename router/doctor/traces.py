"""The collector of traces: whether it takes them, asked with an empty delivery.

Rules of this file
- An empty message of OTLP is a valid one, and leaves nothing behind. What the collector says is not shown, but its
  status is.
"""

import aiohttp

from router.config_tracing import TracingConfig
from router.doctor.finding import Area, Finding, broken, well
from router.terminal.words import Word
from router.tools.hosts.remedies import why
from router.tools.hosts.trouble import trouble_of
from router.tracing_switch import EXTRA, installed
from sidecar import SecretUnusable, redacted

SUBJECT = "traces"
SECONDS = 6.0
NOTHING_SENT = b""
REFUSED_STATUSES = (401, 403)


async def collector(settings: TracingConfig, session: aiohttp.ClientSession) -> list[Finding]:
    """Its line."""
    if not installed():
        said = Word("라이브러리가 없어 아무것도 추적하지 않습니다", "nothing is traced: the libraries are missing")
        return [broken(Area.TOOLS, SUBJECT, said, Word(f"실행: {EXTRA}", f"Run: {EXTRA}"))]
    try:
        headers = {**settings.header_texts(), "content-type": "application/x-protobuf"}
    except SecretUnusable as error:
        said = Word(f"헤더를 읽을 수 없습니다: {error.found}", f"a header cannot be read: {error.found}")
        return [broken(Area.TOOLS, SUBJECT, said, _HEADERS)]
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with session.post(
            settings.url or "", data=NOTHING_SENT, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            status = response.status
    except (aiohttp.ClientError, OSError, ValueError) as error:
        (ko, do_ko), (en, do_en) = why("ko", trouble_of(error)), why("en", trouble_of(error))
        return [broken(Area.TOOLS, SUBJECT, Word(redacted(ko), redacted(en)), Word(do_ko, do_en))]
    return [_answered(status)]


def _answered(status: int) -> Finding:
    if status in range(200, 300):
        return well(Area.TOOLS, SUBJECT, Word("수집기가 받습니다", "the collector takes them"))
    said = Word(f"수집기가 받지 않습니다(HTTP {status})", f"the collector does not take them (HTTP {status})")
    return broken(Area.TOOLS, SUBJECT, said, _HEADERS if status in REFUSED_STATUSES else _PATH)


_HEADERS = Word(
    "router.tracing.headers가 가리키는 곳을 확인하십시오.", "Look at what router.tracing.headers refers to."
)
_PATH = Word(
    "router.tracing.endpoint가 OTLP를 HTTP로 받는 주소인지 보십시오(흔히 포트 4318).",
    "See whether router.tracing.endpoint takes OTLP over HTTP; its usual port is 4318, and 4317 is gRPC.",
)
