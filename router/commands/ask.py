"""`maek ask`: a chat in the terminal, as it is generated.

Rules of this file
- The answer goes to standard output and nothing else does; who decided and who answered goes to standard error.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import orjson

from router.commands.options import add_config, add_url, url_or_explain
from router.sse import Decoder, Event
from router.terminal.remote import KEY_VARIABLE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek ask` takes."""
    add_config(parser)
    parser.add_argument("text", metavar="TEXT", nargs="*", help="what to say; without it, a conversation begins")
    add_url(parser)
    parser.add_argument("--session", metavar="ID", help="go on with a conversation")
    parser.add_argument("--role", metavar="NAME", help="have this role answer, without any decision")
    parser.add_argument("--json", action="store_true", help="print the events as JSON lines")


def run(args: argparse.Namespace) -> int:
    """Ask once, or until the end of the input."""
    url = url_or_explain(args)
    if url is None:
        return 1
    try:
        return _converse(url, args)
    except aiohttp.InvalidURL:
        print(f"maek ask: {url} is no URL; wanted one such as http://127.0.0.1:8484.", file=sys.stderr)
    except aiohttp.ContentTypeError:
        print(f"maek ask: what answers at {url} is not Maek.", file=sys.stderr)
    except aiohttp.ClientPayloadError:
        print("\nmaek ask: the answer broke off.", file=sys.stderr)
    except aiohttp.ClientConnectionError:
        print(f"maek ask: nothing answers at {url}. Is `maek serve` running?", file=sys.stderr)
    return 1


def _converse(url: str, args: argparse.Namespace) -> int:
    # The prompt is read outside of the event loop, in the main thread: only there does Ctrl-C end the reading.
    with asyncio.Runner() as runner:
        if args.text:
            chat = _Chat(args.json)
            return runner.run(chat.ask(url, _body(" ".join(args.text), args.session, args.role)))
        exit_code = 0
        session_id = args.session
        while (line := _line()) is not None:
            if line.strip():
                chat = _Chat(args.json)
                exit_code = runner.run(chat.ask(url, _body(line, session_id, args.role)))
                session_id = chat.session or session_id
        return exit_code


def _client() -> aiohttp.ClientSession:
    key = os.environ.get(KEY_VARIABLE)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=None))


def _line() -> str | None:
    try:
        return input("> " if sys.stdin.isatty() else "")
    except EOFError:
        return None


def _body(message: str, session_id: str | None, role: str | None) -> dict[str, Any]:
    given = {"session": session_id, "role": role}
    return {"message": message, "stream": True} | {key: value for key, value in given.items() if value is not None}


class _Chat:
    """One question and its answer."""

    def __init__(self, as_json: bool) -> None:
        self.session: str | None = None
        self._choices: Sequence[str] = ()
        self._as_json = as_json
        self._exit_code = 1

    async def ask(self, url: str, body: Mapping[str, Any]) -> int:
        """Print the answer as it comes; 0 if it came to its end."""
        async with _client() as client, client.post(f"{url}/chat", json=body) as response:
            if response.status != 200:
                self._tell_error(await response.json())
                return 1
            decoder = Decoder()
            async for chunk in response.content.iter_any():
                for event in decoder.feed(chunk):
                    self._show(event)
        if self._exit_code:
            print("\nmaek ask: the answer broke off.", file=sys.stderr)
        return self._exit_code

    def _show(self, event: Event) -> None:
        if self._as_json:
            print(event.data, flush=True)
        fields = orjson.loads(event.data)
        match event.name:
            case "decision":
                self.session = fields["session"]
                self._choices = (fields["decision"] or {}).get("choices", ())
                self._aside(f"{fields['action']}  session {fields['session']}")
            case "notice":
                self._aside(fields["notice"])
            case "token" if not self._as_json:
                print(fields["text"], end="", flush=True)
            case "done":
                self._exit_code = 0
                if not self._as_json:
                    choices = (f"\n{number}. {choice}" for number, choice in enumerate(self._choices, start=1))
                    print(*choices, sep="", flush=True)
                    self._aside(f"{fields['backend'] or 'maek'}  {fields['timings']['total_ms'] or 0} ms")
            case "error":
                self._tell_error(fields)

    def _aside(self, text: str) -> None:
        if not self._as_json and sys.stderr.isatty():
            print(f"\033[2m{text}\033[0m", file=sys.stderr, flush=True)

    def _tell_error(self, fields: Mapping[str, Any]) -> None:
        error = fields.get("error", {})
        print(f"\nmaek ask: {error.get('message')} ({error.get('code')})", file=sys.stderr)
