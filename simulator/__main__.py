"""`python -m simulator`: the same as `maek sim`."""

import argparse
import sys

from simulator.cli import add_arguments, run


def main() -> int:
    """Read the command line and serve; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator", description="An LLM server that behaves like a real one, without a model."
    )
    add_arguments(parser)
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
