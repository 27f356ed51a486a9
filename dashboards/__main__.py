"""Writes grafana/dashboards/ from the code.

python -m dashboards            writes the files
python -m dashboards --check    exit status 1 when they are not what would be written
"""

import sys
from pathlib import Path

from dashboards.files import FOLDER, differing, write


def main(arguments: list[str], folder: Path = FOLDER) -> int:
    """Write the files, or compare them."""
    if "--check" not in arguments:
        write(folder)
        return 0
    wrong = differing(folder)
    for name in wrong:
        sys.stderr.write(f"grafana/dashboards/{name} is not what the code says; run `make dashboards`\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
