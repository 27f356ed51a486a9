"""The `maek` command: which commands there are.

Rules of this file
- Arguments in, exit code out: 0 done, 1 a problem that the text explains, 2 the command was called wrongly.
- A command's doing stands in a module of its own, which is imported when that command is called: `maek key new` does
  not wait for a web server.
"""

import argparse
import gc
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import NamedTuple


class Command(NamedTuple):
    """One line of `maek --help`, and the module that has `add_arguments` and `run`."""

    help: str
    module: str


COMMANDS: Mapping[str, Command] = {
    "serve": Command("watch the backends and answer chats: the main job", "router.commands.serve"),
    "sidecar": Command("watch one backend, beside it", "sidecar.cli"),
    "check": Command("say everything that is wrong with a configuration", "router.commands.check"),
    "doctor": Command("look at everything that Maek needs, and say what to do", "router.commands.doctor"),
    "probe": Command("ask one backend everything once, and show it raw and read", "router.commands.probe"),
    "ask": Command("chat with a running Maek from the terminal", "router.commands.ask"),
    "top": Command("watch the backends of a running Maek live in the terminal", "router.commands.top"),
    "explain": Command("tell one decision of a running Maek in sentences", "router.commands.explain"),
    "decide": Command("decide the messages of a file, one JSON line each", "router.commands.decide"),
    "learn": Command("learn from decisions that you confirmed, on this machine", "router.commands.learn"),
    "replay": Command("play a flight recording again", "router.commands.replay"),
    "rules": Command("print recording rules and alerts for Prometheus", "router.commands.rules"),
    "tools": Command("list what Maek can do besides chatting", "router.commands.tools"),
    "documents": Command("index the folder of documents, or search it", "router.commands.documents"),
    "jobs": Command("list, show, cancel and retry the jobs of a running Maek", "router.commands.jobs"),
    "mcp": Command("offer a running Maek to clients of the Model Context Protocol", "router.commands.mcp"),
    "sessions": Command("list, show, export or delete conversations", "router.commands.sessions"),
    "sim": Command("serve the simulator: an LLM server without a model", "simulator.cli"),
    "key": Command("make API keys", "router.commands.key"),
}

EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    # Importing makes a few hundred thousand objects that all stay: collecting in between takes a tenth of the start.
    gc.disable()
    args = parser_for(words).parse_args(words)
    gc.freeze()
    gc.enable()
    try:
        exit_code: int = args.run(args)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe (`maek decide … | head`) has had enough. Python would complain when it flushes.
        sys.stdout = None
        return 0
    return exit_code


def parser_for(words: Sequence[str]) -> argparse.ArgumentParser:
    """A parser that knows every command by name, and the arguments of the one that is called."""
    parser = argparse.ArgumentParser(
        prog="maek", description="One router in front of the LLM servers that you host yourself."
    )
    parser.add_argument("--version", action="version", version=f"maek {version('maek')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(name, help=command.help, description=f"maek {name}: {command.help}.")
        if words[:1] == [name]:
            module = import_module(command.module)
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    return parser
