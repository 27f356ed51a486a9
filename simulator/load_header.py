"""The load that vLLM tells beside an answer, to those who ask for it in their request (ORCA).

Rules of this file
- Only beside a whole answer: streams carry none, as on the real server.
"""

import json
from collections.abc import Mapping

from simulator.server import Server
from simulator.settings import Engine

ASKING = "endpoint-load-metrics-format"
TELLING = "endpoint-load-metrics"


def load_header(server: Server, asked: Mapping[str, str]) -> Mapping[str, str]:
    """Return the header for an answer to a request with the headers `asked`; nothing where none is due."""
    if server.engine is not Engine.VLLM:
        return {}
    _, waiting = server.reported_load()
    named = {
        "num_requests_waiting": float(waiting),
        "kv_cache_usage_perc": server.driver.occupancy().kv_usage_ratio,
    }
    match asked.get(ASKING, "").lower():
        case "json":
            return {TELLING: f"JSON {json.dumps({'named_metrics': named})}"}
        case "text":
            return {TELLING: "TEXT " + ", ".join(f"named_metrics.{name}={value}" for name, value in named.items())}
        case _:
            return {}
