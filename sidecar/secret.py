"""Where secrets come from: an environment variable or a file, never the configuration itself.

Rules of this file
- No text made here contains a secret, not even a part of one or its length.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from sidecar.errors import SecretUnusable
from sidecar.section import refused

REFERENCE_PATTERN = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:(/|~/).+)$"
REFERENCE_WANTED = "env:NAME or file:PATH with an absolute path, never the key itself"
_MAX_BYTES = 65_536
"""No key is longer; a larger file is the wrong file, and a device file would never end."""


def check_reference(reference: str) -> str:
    """The reference as it is; a validator that refuses everything else without showing it, for it may be a key."""
    if re.fullmatch(REFERENCE_PATTERN, reference) is None:
        raise refused(REFERENCE_WANTED, found="something else (not shown)")
    return reference


def resolve(reference: str, environ: Mapping[str, str]) -> str:
    """The secret that a checked reference names, without white space around it. Raises `SecretUnusable`."""
    kind, _, place = reference.partition(":")
    if kind == "env":
        wanted = f"the key in the environment variable {place}"
        secret = environ.get(place)
        if secret is None:
            raise SecretUnusable(reference, "no such environment variable", wanted)
    else:
        wanted = f"the key in the file {place}"
        secret = _file_text(reference, place, wanted)
    secret = secret.strip()
    if not secret:
        raise SecretUnusable(reference, "nothing in it", wanted)
    # a header value: a line break or a letter outside ASCII would break or forge the request
    if not (secret.isascii() and secret.isprintable()):
        raise SecretUnusable(reference, "more than one line of printable ASCII", wanted)
    return secret


def _file_text(reference: str, place: str, wanted: str) -> str:
    path = Path(place).expanduser()
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise SecretUnusable(reference, "no such file", wanted) from None
    except OSError as error:
        raise SecretUnusable(reference, f"an unreadable file ({error.strerror})", wanted) from None
    if len(content) > _MAX_BYTES:
        raise SecretUnusable(reference, f"a file of more than {_MAX_BYTES} bytes", wanted)
    return content.decode("utf-8", errors="replace")
