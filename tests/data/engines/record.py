"""Records what a server answers to the questions of its engine, as a file for the tests.

    python tests/data/engines/record.py http://127.0.0.1:8000 vllm 0.11.0 idle
    python tests/data/engines/record.py http://127.0.0.1:8000 vllm 0.11.0 busy --chats 3 --model NAME

writes `vllm-0.11.0/idle.json` and `busy.json` beside this script. `--hide TEXT` puts `/models` in place of a folder of
the machine that it was recorded on.
"""

import argparse
import http.client
import json
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[3]))

from sidecar.engines import ENGINES, Answer, Ask, detect

KEPT_HEADERS = ("server", "content-type", "x-powered-by", "date")
"""Of the answers' headers; the others say nothing of the engine."""

SETTLING_SECONDS = 0.5
"""For the server to begin with the chats."""


def ask(url: str, question: Ask) -> Answer | None:
    request = urllib.request.Request(url + question.path, question.body, dict(question.headers), method=question.method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Answer(response.status, response.read(), headers_of(response.headers.items()))
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read(), headers_of(error.headers.items()))
    except OSError:
        return None


def headers_of(items: list[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in items if name.lower() in KEPT_HEADERS}


def start_chat(url: str, model: str) -> http.client.HTTPConnection:
    """A chat that goes on until the connection is closed; its answer is not read."""
    body = {
        "model": model,
        "stream": True,
        "max_tokens": 20000,
        "ignore_eos": True,
        "messages": [{"role": "user", "content": "hello"}],
    }
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
    return connection


def conversation(url: str, engine_name: str) -> list[tuple[Ask, Answer | None]]:
    engine = ENGINES[engine_name]
    asked = [(question, ask(url, question)) for question in (*detect.QUESTIONS, engine.liveness, *engine.models)]
    if engine.condition is not None:
        asked.append((engine.condition, ask(url, engine.condition)))
    stats: list[tuple[Ask, Answer | None]] = []
    while more := engine.asks(tuple(answer for _, answer in stats)):
        stats += [(question, ask(url, question)) for question in more]
    return asked + stats


def row(question: Ask, answer: Answer | None, hidden: str | None) -> dict[str, object]:
    found: dict[str, object] = {"method": question.method, "path": question.path}
    if answer is None:
        return found | {"status": None}
    body = answer.body.decode()
    return found | {
        "status": answer.status,
        "headers": dict(answer.headers),
        "body": body.replace(hidden, "/models") if hidden else body,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("engine", choices=sorted(ENGINES))
    parser.add_argument("version")
    parser.add_argument("state", help="the name of the file: idle, busy, loading, …")
    parser.add_argument("--name", help="of the folder, where the software is not the engine's own")
    parser.add_argument("--chats", type=int, default=0, help="endless chats to run meanwhile")
    parser.add_argument("--model", default="default_model")
    parser.add_argument("--hide", help="a folder that is shown as /models")
    parser.add_argument("--command", help="how the server was started, for the reader")
    options = parser.parse_args()
    with ExitStack() as chats:
        for _ in range(options.chats):
            chats.enter_context(closing(start_chat(options.url, options.model)))
        if options.chats:
            time.sleep(SETTLING_SECONDS)
        asked = conversation(options.url, options.engine)
    rows = {question.path: row(question, answer, options.hide) for question, answer in asked}
    recording = {
        "recorded": True,
        "engine": options.engine,
        "version": options.version,
        "state": options.state,
        "command": options.command,
        "answers": list(rows.values()),
    }
    folder = Path(__file__).parent / f"{options.name or options.engine}-{options.version}"
    folder.mkdir(exist_ok=True)
    (folder / f"{options.state}.json").write_text(json.dumps(recording, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
