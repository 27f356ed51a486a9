"""What can be wrong with asking a machine, and which of it an exception means.

Rules of this file
- Pure. Whoever asks raises `Trouble` and nothing else; `words` makes the sentence for the user.
- `detail` may be somebody else's text: it has gone through `plain`.
"""

import errno
import socket
import ssl
from enum import StrEnum

import aiohttp

from router.tools.hosts.plain import plain


class Why(StrEnum):
    """Each has a remedy of its own."""

    REFUSED = "refused"
    """The machine is there, nobody listens."""
    NO_NAME = "no_name"
    """No address for the name."""
    SLOW = "slow"
    """No answer, or not all of it, in the time that there is; also a machine to which no way leads."""
    NO_SOCKET = "no_socket"
    FORBIDDEN = "forbidden"
    """The socket is there, and not for our user."""
    UNTRUSTED = "untrusted"
    """TLS failed: a certificate that the other side, or ours, does not believe."""
    FILES = "files"
    """A certificate's file cannot be used; `detail` names it."""
    STATUS = "status"
    """HTTP said no; `detail` is the status."""
    UNREADABLE = "unreadable"
    """It answered something else than what was asked for."""
    HUGE = "huge"
    CUT = "cut"
    """The connection broke off."""
    NO_SSH = "no_ssh"
    """There is no `ssh` here."""
    SSH = "ssh"
    """`ssh` or the command behind it failed; `detail` is its last line."""


class Trouble(Exception):
    """A machine could not be asked."""

    def __init__(self, why: Why, detail: str = "") -> None:
        super().__init__(why, detail)
        self.why = why
        self.detail = detail


_BY_ERRNO = {
    errno.ECONNREFUSED: Why.REFUSED,
    errno.ENOENT: Why.NO_SOCKET,
    errno.EACCES: Why.FORBIDDEN,
    errno.EPERM: Why.FORBIDDEN,
    errno.ETIMEDOUT: Why.SLOW,
    errno.EHOSTUNREACH: Why.SLOW,
    errno.ENETUNREACH: Why.SLOW,
}


def trouble_of(error: BaseException) -> Trouble:
    """What an exception of asyncio's or aiohttp's means."""
    if isinstance(error, Trouble):
        return error
    if isinstance(error, TimeoutError):
        return Trouble(Why.SLOW)
    if isinstance(error, (ssl.SSLError, aiohttp.ClientSSLError)):
        return Trouble(Why.UNTRUSTED, plain(getattr(error, "reason", None) or ""))
    if isinstance(error, (socket.gaierror, aiohttp.ClientConnectorDNSError)):
        return Trouble(Why.NO_NAME)
    if isinstance(error, aiohttp.ClientConnectorError):
        return trouble_of(error.os_error)
    if isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, ConnectionError)):
        refused = isinstance(error, ConnectionRefusedError)
        return Trouble(Why.REFUSED if refused else Why.CUT)
    if isinstance(error, OSError):
        if isinstance(error.__cause__, ssl.SSLError):
            return Trouble(Why.UNTRUSTED, plain(error.__cause__.reason or ""))
        return Trouble(_BY_ERRNO.get(error.errno or 0, Why.CUT))
    return Trouble(Why.UNREADABLE)
