"""The recording rule that is shipped is the one that docs/metrics.md shows."""

from pathlib import Path

import yaml

from router.metrics_docs import page

PROJECT = Path(__file__).parent.parent


def test_the_recording_rule_is_the_documented_expression() -> None:
    groups = yaml.safe_load((PROJECT / "grafana" / "rules" / "load.yaml").read_text(encoding="utf-8"))["groups"]
    (rule,) = groups[0]["rules"]
    documented = page().split("```promql\n")[1].split("```")[0]
    assert rule["record"] == "backend:maek_backend_load:computed"
    assert rule["expr"].strip() == documented.strip()
