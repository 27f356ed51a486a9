"""The options that several commands share."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from router.config import Config
from router.config_load import defaults, load
from router.language import Language
from router.terminal.words import language_of_terminal
from sidecar import ConfigInvalid

DEFAULT_CONFIG = Path("config.yaml")


def add_config(parser: argparse.ArgumentParser) -> None:
    """`-c/--config`."""
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        type=Path,
        help=f"the configuration (default: ./{DEFAULT_CONFIG} if there is one, else the built-in defaults)",
    )


def add_url(parser: argparse.ArgumentParser) -> None:
    """`--url`."""
    parser.add_argument("--url", help="where Maek runs (default: router.listen of the configuration)")


def add_language(parser: argparse.ArgumentParser) -> None:
    """`--lang`."""
    parser.add_argument("--lang", choices=list(Language), help="the language (default: that of the locale)")


def terminal_language(args: argparse.Namespace) -> str:
    """The language that was chosen, else that of the locale."""
    chosen: str | None = args.lang
    return chosen or language_of_terminal()


def url_or_explain(args: argparse.Namespace) -> str | None:
    """Where to ask; None after what is wrong with the configuration has been printed."""
    if args.url is not None:
        given: str = args.url
        return given
    config = load_or_explain(config_path(args))
    return None if config is None else running_url(config)


def config_path(args: argparse.Namespace) -> Path | None:
    """The file to read; None where none was named and there is none."""
    chosen: Path | None = args.config
    return chosen or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)


def load_or_explain(
    path: Path | None, *, listen: str | None = None, environ: Mapping[str, str] = os.environ
) -> Config | None:
    """The configuration; None after its problems have been printed."""
    try:
        return defaults() if path is None and listen is None else load(path or Path(os.devnull), environ, listen=listen)
    except ConfigInvalid as error:
        print(error, file=sys.stderr)
        print(f"{len(error.problems)} problem(s); `maek check` shows them again.", file=sys.stderr)
        return None


def running_url(config: Config) -> str:
    """Where a Maek with this configuration answers on this machine."""
    host, port = config.router.address
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - turned into an address to ask
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
