"""Rules as the YAML that Prometheus reads.

Rules of this file
- Pure: rules in, text out.
"""

import json
from collections.abc import Iterator

from router.prometheus.chosen import Chosen
from router.prometheus.rule import Alert, Recording, RuleFile


def file_text(file: RuleFile, chosen: Chosen) -> str:
    """One whole file."""
    head = [*file.about.splitlines(), "Written by `maek rules --write`; change router/prometheus/ instead."]
    lines = [*(f"# {line}" for line in head), "groups:", f"  - name: maek-{file.stem}", "    rules:"]
    for rule in file.rules:
        lines += _recording(rule) if isinstance(rule, Recording) else _alert(rule, chosen)
    return "\n".join(lines) + "\n"


def _recording(rule: Recording) -> Iterator[str]:
    yield f"      - record: {rule.record}"
    yield from _expression(rule.expr)


def _alert(rule: Alert, chosen: Chosen) -> Iterator[str]:
    yield f"      - alert: {rule.name}"
    yield from _expression(rule.expr)
    yield f"        for: {chosen.time(rule.held)}"
    yield f"        labels: {{severity: {rule.severity}}}"
    yield "        annotations:"
    yield f"          summary: {_quoted(rule.summary)}"
    yield f"          description: {_quoted(rule.description)}"
    yield f"          runbook_url: {_quoted(f'{chosen.runbooks}#{rule.name.lower()}')}"


def _expression(expr: str) -> Iterator[str]:
    yield "        expr: |-"
    yield from (f"          {line}" for line in expr.splitlines())


def _quoted(text: str) -> str:
    """JSON's strings are YAML's."""
    return json.dumps(text, ensure_ascii=False)
