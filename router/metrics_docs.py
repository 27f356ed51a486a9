"""Writes docs/metrics.md from the two catalogs.

    python -m router.metrics_docs            writes the file
    python -m router.metrics_docs --check    exit status 1 when it is not what would be written

Rules of this file
- Pure but for the last function. Every sentence about a metric comes from its catalog.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from router import catalog
from sidecar import LEVEL_EXPRESSION, METRICS, Metric

PAGE = Path(__file__).parent.parent / "docs" / "metrics.md"

INTRODUCTION = f"""\
# Metrics

<!-- Written by `python -m router.metrics_docs`; change sidecar/catalog.py and router/catalog.py instead. -->

`GET /metrics` tells everything that Maek decides on, as text or OpenMetrics, whichever the scraper asks for. Units are
base units. What is not known is absent: there is no 0 that means "no idea". Labels take their values from closed sets
(configured backends and roles, enums of the code), never from what somebody typed. A `model` is one that a backend is
configured for or lists, a hundred at most; every other is `other`.

At every scrape, for each backend and so for all of them, `maek_requests_started_total` is what `maek_requests_total`
and `maek_backend_in_flight` are together; each of those started has one `maek_routing_decisions_total`, and each that
ended one `maek_request_duration_seconds`. Series of a backend that is taken away are gone at the next scrape.

The load level of a backend is a function of exported values. This expression computes the same level in Prometheus:

```promql
{LEVEL_EXPRESSION}
```
"""


def page() -> str:
    """The whole page."""
    chapters = [INTRODUCTION, "## Backends", _table(METRICS), "## The router", _table(catalog.METRICS)]
    return "\n".join(chapters)


def _table(metrics: Iterable[Metric]) -> str:
    rows = [f"| `{m.name}` | {m.type} | {', '.join(f'`{label}`' for label in m.labels)} | {m.help} |" for m in metrics]
    return "\n".join(["", "| metric | type | labels | what it says |", "|---|---|---|---|", *rows, ""])


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    if "--check" not in arguments:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    sys.stderr.write("docs/metrics.md is not what the catalogs say; run `make docs`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
