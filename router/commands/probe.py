"""`maek probe NAME`: one backend asked everything once, shown raw and read.

Rules of this file
- Nothing that costs a token, unless `--inference` asks for it. The backend's key is never shown.
"""

import argparse
import asyncio
import sys
from typing import Any

import orjson

from router.commands.options import add_config, config_path, load_or_explain
from sidecar import BackendSpec, Examination, Prober, examine, probing_session

MOST_SHOWN_BYTES = 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek probe` takes."""
    add_config(parser)
    parser.add_argument("name", metavar="NAME", help="a backend of the configuration, or the URL of any server")
    parser.add_argument("--inference", action="store_true", help="also have it generate one token")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(args: argparse.Namespace) -> int:
    """Print what was asked, what came back, and what Maek reads in it; 0 if the backend is up."""
    config = load_or_explain(config_path(args))
    if config is None:
        return 1
    specs = {backend.name: backend.spec() for backend in config.sidecar.backends}
    if args.name.startswith(("http://", "https://")):
        specs[args.name] = BackendSpec(args.name, args.name.rstrip("/"))
    if args.name not in specs:
        known = ", ".join(specs) or "none"
        print(
            f"maek probe: no backend is called that; configured are: {known}. A URL will do as well.", file=sys.stderr
        )
        return 1
    found = asyncio.run(_probe(specs[args.name], inference=args.inference))
    print(orjson.dumps(_as_json(found), option=orjson.OPT_INDENT_2).decode() if args.json else _as_text(found))
    return 0 if found.up else 1


async def _probe(spec: BackendSpec, *, inference: bool) -> Examination:
    async with probing_session() as session:
        return await examine(Prober(session, asyncio.get_running_loop().time), spec, inference=inference)


def _as_text(found: Examination) -> str:
    lines = [f"{found.spec.name}  {found.spec.url}", ""]
    for step in found.steps:
        lines.append(f"{step.ask.method} {step.ask.path}  ({step.purpose})")
        lines.append(f"  {step.probed.outcome}  {step.probed.latency_ms} ms  {step.probed.detail}")
        if step.probed.answer is not None:
            body = step.probed.answer.body[:MOST_SHOWN_BYTES].decode("utf-8", "replace").rstrip()
            lines += [f"  | {line}" for line in body.splitlines()]
        lines.append("")
    read = _as_json(found)
    return "\n".join(
        [*lines, *(f"{key:<18} {read[key]}" for key in ("engine", "version", "models", "reading", "verdict"))]
    )


def _as_json(found: Examination) -> dict[str, Any]:
    return {
        "name": found.spec.name,
        "url": found.spec.url,
        "engine": found.engine,
        "version": found.version,
        "models": [model.name for model in found.models],
        "reading": {
            "running": found.reading.running,
            "waiting": found.reading.waiting,
            "kv_usage_ratio": found.reading.kv_usage_ratio,
            "slots": found.reading.slots,
            "total_requests": found.reading.total_requests,
        },
        "inference_ms": found.inference_ms,
        "verdict": "up" if found.up else "down",
        "steps": [
            {
                "purpose": step.purpose,
                "ask": f"{step.ask.method} {step.ask.path}",
                "outcome": str(step.probed.outcome),
                "latency_ms": step.probed.latency_ms,
                "detail": step.probed.detail,
                "status": None if step.probed.answer is None else step.probed.answer.status,
                "body": None
                if step.probed.answer is None
                else step.probed.answer.body[:MOST_SHOWN_BYTES].decode("utf-8", "replace"),
            }
            for step in found.steps
        ],
    }
