"""URLs that everybody reads in the same way, and which of them are under another. Pure.

Rules of this file
- Two programs that read one URL differently are how a list of allowed addresses is passed by. What has a user, a
  fragment, an escape or a dot that leads up is not plain, and not read at all.
"""

import re

LONGEST_URL = 2000

_URL = re.compile(
    r"(?P<origin>https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
_WAYS_UP = re.compile(r"(?i)(?:^|/)\.{1,2}(?:/|$)|%2e|%2f|%5c")
_PORTS = {"https": ":443", "http": ":80"}


def is_plain_url(url: str) -> bool:
    """Whether everybody reads this URL in the same way: no user, no fragment, no way out of its path."""
    return _parts(url) is not None


def is_under(url: str, prefix: str) -> bool:
    """Whether it has the same scheme, host and port, and the path up to a slash."""
    found, wanted = _parts(url), _parts(prefix)
    if found is None or wanted is None or found[0] != wanted[0]:
        return False
    return found[1] == wanted[1] or found[1].startswith(wanted[1] if wanted[1].endswith("/") else wanted[1] + "/")


def _parts(url: str) -> tuple[str, str] | None:
    """Origin with its port, and path; None for a URL that is not plain."""
    found = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
    if found is None:
        return None
    origin, path = found["origin"].lower(), found["path"] or "/"
    if _WAYS_UP.search(path):
        return None
    scheme, _, host = origin.partition("://")
    return (origin if re.search(r":[0-9]+$", host) else origin + _PORTS[scheme]), path
