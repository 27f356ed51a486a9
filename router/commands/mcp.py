"""`maek mcp`: a running Maek as a server of the Model Context Protocol.

Rules of this file
- Standard output belongs to the protocol; whatever is for people goes to standard error.
- The SDK is an extra: whoever lacks it is told the line to run.
"""

import argparse
import asyncio
import sys
from importlib import import_module

from router.commands.options import add_config, add_language, add_url, terminal_language, url_or_explain
from router.config import is_loopback
from sidecar.config import split_listen

EXTRA = "pip install 'maek[mcp]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek mcp` takes."""
    add_config(parser)
    add_url(parser)
    add_language(parser)
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        help="serve streamable HTTP at /mcp on this loopback address, instead of standard input and output",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until the input ends, or until it is interrupted."""
    url = url_or_explain(args)
    if url is None:
        return 1
    try:
        serving = import_module("router.terminal.mcp_serving")
    except ModuleNotFoundError as error:
        print(f"maek mcp: the package {error.name} is missing; run: {EXTRA}", file=sys.stderr)
        return 1
    server = serving.Offering(url, terminal_language(args), args.lang)
    if args.listen is None:
        asyncio.run(serving.on_standard_streams(server))
        return 0
    try:
        host, port = split_listen(args.listen)
    except ValueError:
        print("maek mcp: --listen wants HOST:PORT such as 127.0.0.1:8485.", file=sys.stderr)
        return 2
    if not is_loopback(host):
        # Whoever reaches it asks with our key.
        print("maek mcp: --listen takes addresses of this machine alone, such as 127.0.0.1:8485.", file=sys.stderr)
        return 2
    print(f"maek mcp: http://{args.listen}/mcp, for {url}", file=sys.stderr)
    serving.on_http(server, host, port)
    return 0
