"""One connection to a mail server, for one question.

Rules of this file
- What is sent passes the gate, whatever the library above wants. What is received is bounded in bytes and in time.
- Everything here blocks and belongs into a thread. `cut` may be called from another one: it ends whatever goes on.
- No password, query or text of a mail is in an error or a log.
"""

import imaplib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import CapabilityError, LoginError

from router.mailbox.gate import Gate
from router.tools.letters import MailFailed, Trouble

MOST_LITERAL_BYTES = 2_000_000
"""More than anything that is asked for."""
MOST_BYTES = 16_000_000
"""Of all answers to one question."""
CONNECT_SECONDS = 10.0
LEAVE_SECONDS = 1.0

# They would tell queries and the texts of mails at debug level.
logging.getLogger("imapclient").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Server:
    """Where an account is, and how its server is known."""

    host: str
    port: int
    starttls: bool
    """False: TLS from the first byte. There is no third way."""
    ca_file: str | None
    """Certificates that are trusted instead of the system's."""
    user: str
    password: str = field(repr=False)


@dataclass(slots=True)
class Line:
    """What can be done to a connection from outside of its thread."""

    deadline: float
    """Monotonic, in seconds; it may be brought forward for a part of the question."""
    _sockets: list[socket.socket] = field(default_factory=list)
    _cut: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def left_seconds(self) -> float:
        """Raises TimeoutError where nothing is left."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the mail server took too long")
        return left

    def hold(self, sock: socket.socket) -> None:
        """Another handle on the same connection, which stays good when TLS takes the first one over."""
        with self._lock:
            if self._cut:
                raise ConnectionAbortedError("nobody waits for the mail server any more")
            self._sockets.append(sock.dup())

    def cut(self) -> None:
        """End the connection now. The thread that reads from it gets an error at once."""
        with self._lock:
            self._cut = True
            for sock in self._sockets:
                with suppress(OSError):  # it was closed already
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
            self._sockets.clear()


class _Wire(imaplib.IMAP4):
    """The library's connection, with the gate before it and bounds behind it."""

    def __init__(self, server: Server, context: ssl.SSLContext, line: Line) -> None:
        self._server = server
        self._context = context
        self._line = line
        self._gate = Gate()
        self._received_bytes = 0
        super().__init__(server.host, server.port)

    def _create_socket(self, _timeout: float | None = None) -> socket.socket:
        seconds = min(CONNECT_SECONDS, self._line.left_seconds())
        sock = socket.create_connection((self._server.host, self._server.port), seconds)
        try:
            self._line.hold(sock)
            if self._server.starttls:
                return sock
            return self._context.wrap_socket(sock, server_hostname=self._server.host)
        except BaseException:
            sock.close()
            raise

    def send(self, data: Any) -> None:
        """Send what the gate lets pass."""
        self._gate.check(bytes(data))
        self.sock.settimeout(self._line.left_seconds())
        super().send(data)

    def read(self, size: int) -> bytes:
        """A literal, of a size that the server chose."""
        if size > MOST_LITERAL_BYTES:
            raise MailFailed(Trouble.SERVER, f"a piece of {size} bytes, more than was asked for")
        self._count(size)
        return super().read(size)

    def readline(self) -> bytes:
        """A line; the library bounds it at a megabyte."""
        self._count(0)
        line = super().readline()
        self._count(len(line))
        return line

    def _count(self, more_bytes: int) -> None:
        self.sock.settimeout(self._line.left_seconds())
        self._received_bytes += more_bytes
        if self._received_bytes > MOST_BYTES:
            raise MailFailed(Trouble.SERVER, f"more than {MOST_BYTES} bytes of answers")


class _Client(IMAPClient):  # type: ignore[misc]
    """The library's client over our wire."""

    def __init__(self, server: Server, context: ssl.SSLContext, line: Line) -> None:
        self._made_of = (server, context, line)
        super().__init__(server.host, server.port, ssl=not server.starttls, ssl_context=context)
        self.normalise_times = False

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 - the library's hook
        return _Wire(*self._made_of)

    def _set_read_timeout(self) -> None:
        """The wire sets it for every read."""


@contextmanager
def connected(server: Server, line: Line) -> Iterator[IMAPClient]:
    """A client that is logged in. Raises MailFailed, or OSError where the server is not there or too slow."""
    client: IMAPClient | None = None
    try:
        with _explained():
            context = _trusting(server.ca_file)
            client = _Client(server, context, line)
            if server.starttls:
                client.starttls(context)
            _log_in(client, server)
            yield client
        _take_leave(client, line)
    finally:
        line.cut()
        if client is not None:
            with suppress(OSError):  # it is cut already
                client.shutdown()


def _log_in(client: IMAPClient, server: Server) -> None:
    try:
        client.login(_quoted(server.user), server.password)
    except LoginError as error:
        if isinstance(error.__context__, imaplib.IMAP4.abort):
            raise ConnectionResetError("the mail server ended the connection") from None
        # The server's words may repeat what was sent.
        raise MailFailed(Trouble.LOGIN, "the server refused the login") from None


def _quoted(user: str) -> str:
    """The library quotes the password alone."""
    escaped = user.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise MailFailed(
            Trouble.TLS, f"ca_file {ca_file} cannot be used ({error.strerror or 'no certificate'})"
        ) from error


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.reason or "handshake failed").lower().replace("_", " ")


@contextmanager
def _explained() -> Iterator[None]:
    """What a library says of a server that talks nonsense is one failure of ours."""
    try:
        yield
    except ssl.SSLError as error:
        raise MailFailed(Trouble.TLS, _reason(error)) from error
    except CapabilityError as error:
        raise MailFailed(Trouble.TLS, "the server offers no STARTTLS") from error
    except (MailFailed, OSError):
        raise
    except imaplib.IMAP4.abort as error:
        raise ConnectionResetError("the mail server ended the connection") from error
    except (imaplib.IMAP4.error, ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        # Of the error only its kind: its text may hold what was read or sent.
        raise MailFailed(Trouble.SERVER, type(error).__name__) from None


def _take_leave(client: IMAPClient, line: Line) -> None:
    """So that the server need not guess; whatever it answers, the question is answered already."""
    line.deadline = min(line.deadline, time.monotonic() + LEAVE_SECONDS)
    with suppress(OSError, imaplib.IMAP4.error, MailFailed):  # the connection is closed all the same
        client.logout()
