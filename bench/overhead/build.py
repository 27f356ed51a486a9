"""The load programs, compiled when they are used.

Rules of this file
- Nothing compiled is kept: a program is built into the folder of the run that uses it.
"""

import subprocess
from pathlib import Path

_SOURCES = Path(__file__).parent / "load"


def built(name: str, folder: Path) -> Path:
    """`load/NAME.c` as a program in `folder`. Needs gcc; raises `CalledProcessError` if it does not compile."""
    program, source = folder / name, _SOURCES / f"{name}.c"
    flags = ["-O2", "-std=gnu11", "-Wall", "-Wextra"]
    subprocess.run(["gcc", *flags, str(source), "-o", str(program)], check=True)
    return program
