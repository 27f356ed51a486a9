"""`maek probe NAME`: one backend asked everything once, shown raw and read.

Rules of this file
- Nothing that costs a token, unless `--inference` asks for it. No key is shown, whoever's it is.
- The sentences are `router.terminal.probing`'s; here the questions are only asked.
"""

import argparse
import asyncio
import sys
from dataclasses import asdict, replace
from typing import Any

import orjson
from pydantic import ValidationError

from router.commands.options import add_config, add_language, config_path, load_or_explain, terminal_language
from router.terminal.probing import report
from sidecar import BackendSpec, Examination, Prober, examine, probing_session, redacted
from sidecar.config import URL_WANTED, BackendConfig, SidecarConfig

MOST_SHOWN_CHARACTERS = 2000
"""Of an answer, unless it is wanted whole."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek probe` takes."""
    add_config(parser)
    add_language(parser)
    parser.add_argument("name", metavar="NAME", help="a backend of the configuration, or the URL of any server")
    parser.add_argument("--inference", action="store_true", help="also have it generate one token")
    parser.add_argument("--raw", action="store_true", help="show the answers whole")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(args: argparse.Namespace) -> int:
    """Print what was asked, what came back, and what Maek reads in it; 0 if the backend takes requests."""
    config = load_or_explain(config_path(args))
    if config is None:
        return 1
    spec = _spec_or_explain(args.name, config.sidecar)
    if spec is None:
        return 1
    found = asyncio.run(_probe(spec, inference=args.inference))
    if args.json:
        print(orjson.dumps(_as_json(found, raw=args.raw), option=orjson.OPT_INDENT_2).decode())
    else:
        print("\n".join(report(found, terminal_language(args), raw=args.raw)))
    return 0 if found.health.available else 1


def _spec_or_explain(name: str, config: SidecarConfig) -> BackendSpec | None:
    """Whom to ask; None after it was said why nobody can be."""
    known = {backend.name: backend for backend in config.backends}
    if name in known:
        return known[name].spec()
    if "://" not in name:
        names = ", ".join(known) or "none"
        problem = f"no backend is called that; configured are: {names}. A URL will do as well."
    else:
        try:
            spec = BackendConfig(name="probed", url=name).spec()
            return replace(spec, name=spec.url)
        except ValidationError:
            problem = f"this URL cannot be asked; wanted {URL_WANTED}, without a path, user or password"
    print(f"maek probe: {problem}", file=sys.stderr)
    return None


async def _probe(spec: BackendSpec, *, inference: bool) -> Examination:
    async with probing_session() as session:
        return await examine(Prober(session, asyncio.get_running_loop().time), spec, inference=inference)


def _as_json(found: Examination, *, raw: bool) -> dict[str, Any]:
    def shown(text: str) -> str:
        # Before it is cut: half a key is hardly better than a whole one.
        hidden = redacted(text, [found.spec.api_key])
        return hidden if raw else hidden[:MOST_SHOWN_CHARACTERS]

    return {
        "name": found.spec.name,
        "url": redacted(found.spec.url),
        "engine": found.engine.name,
        "recognised": None if found.identity is None else asdict(found.identity),
        "verdict": found.verdict,
        "outcome": str(found.outcome),
        "available": found.health.available,
        "models": None if found.models is None else [asdict(model) for model in found.models],
        "reading": None if found.reading is None else asdict(found.reading),
        "inference_ms": found.inference_ms,
        "steps": [
            {
                "purpose": step.purpose,
                "ask": str(step.ask),
                "outcome": str(step.probed.outcome),
                "latency_ms": step.probed.latency_ms,
                "detail": shown(step.probed.detail),
                "status": None if step.probed.answer is None else step.probed.answer.status,
                "body": None
                if step.probed.answer is None
                else shown(step.probed.answer.body.decode("utf-8", "replace")),
            }
            for step in found.steps
        ],
    }
